"""Encoders: text in, unit vectors out. Nothing here knows of users or streams."""
