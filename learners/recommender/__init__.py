"""The library's face: one class over the model, which checks, encodes, gives out and explains."""

from learners.recommender.recommender import Recommender

__all__ = ["Recommender"]
