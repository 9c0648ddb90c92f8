"""What brings into the store what was sent: files or topics, and the thread that follows them."""
