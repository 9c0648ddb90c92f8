"""Rules of whoever runs it: what may stand in a list, where, and how much of it."""
