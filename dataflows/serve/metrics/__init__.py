"""What can be seen of a running process: metrics for Prometheus, and figures for the page."""
