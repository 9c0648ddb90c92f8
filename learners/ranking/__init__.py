"""Ranking: candidates, their features, and the learner that orders them."""
