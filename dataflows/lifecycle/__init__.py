"""A process and its end: signals, deadlines, children, exit codes, and what its errors may show."""
