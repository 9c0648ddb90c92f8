"""Learners of labels over dense vectors, and what they are mixed from."""
