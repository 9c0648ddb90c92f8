"""Windows of the stream: gathered, kept, and cut into sequences."""
