"""Cleaning: what becomes of each event, by named policies, all of it counted."""
