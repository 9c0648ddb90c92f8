"""Encoders made smaller: eight bits, or a table of tokens."""
