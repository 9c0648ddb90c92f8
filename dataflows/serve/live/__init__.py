"""Answers of the live model: of the shards of this process, right after the last event.

A question holds its shard still for as long as its answer takes to be made, not to be written.
"""

from dataflows.serve.live.answers import LiveAnswers
from dataflows.serve.live.following import Following
from dataflows.serve.live.readiness import InputLook

__all__ = ["Following", "InputLook", "LiveAnswers"]
