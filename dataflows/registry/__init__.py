"""Versions of models: kept whole and unchanged, judged before they go live, rolled back at once."""
