"""Vectors remembered: each text is encoded once per version."""
