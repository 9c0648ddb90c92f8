"""A simulated shop: a seeded stream of events whose right answers are known."""
