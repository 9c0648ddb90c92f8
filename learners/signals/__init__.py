"""Signals: what is counted of events, and what that says of an item."""
