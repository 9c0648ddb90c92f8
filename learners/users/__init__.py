"""What is kept of each user."""
