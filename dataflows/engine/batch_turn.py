"""The moment at which another encoder takes over, as the encode step gets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from dataflows.engine.batch import Switch
from dataflows.messages.raw import Raw
from encoders.base import Encoder


class Turn(NamedTuple):
    """The encoder of all records from now on, and the marker that tells the learn step."""

    encoder: Encoder
    switch: Switch


class Turns(Protocol):
    """Who decides when to switch."""

    def turn(self, raws: Sequence[Raw]) -> Turn | None:
        """Return the turn that is due before the first of these records, None mostly. Quick."""
        ...
