"""Sentence encoders trained further: pairs of texts in, a folder out."""
