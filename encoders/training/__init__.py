"""Sentence encoders made from others: trained further, or made smaller. Texts in, a folder out."""
