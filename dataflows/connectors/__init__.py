"""Where records come from and messages go to: files and Kafka."""
