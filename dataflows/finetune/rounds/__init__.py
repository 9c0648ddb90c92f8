"""Rounds of fine-tuning: due, done in a process of their own, resumable, seen."""
