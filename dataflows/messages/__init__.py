"""What comes in and goes out: records, typed and strict, and their schemas."""
