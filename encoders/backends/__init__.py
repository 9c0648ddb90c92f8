"""Encoders: one module per kind."""
