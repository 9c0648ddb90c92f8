"""Answers of the live model: of the shards of this process, right after the last event.

A question holds its shard still for as long as its answer takes to be made, not to be written.
"""

from dataflows.serve.live.answers import LiveAnswers

__all__ = ["LiveAnswers"]
