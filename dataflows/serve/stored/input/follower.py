"""What brings records into the store: topics of Kafka, or files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from dataflows.messages.raw import Raw
from dataflows.serve.status import Lag


class Follower(Protocol):
    """Gives what was sent, from the store's own positions on.

    For one thread, but for `checks` and `lag`.
    """

    @property
    def is_caught_up(self) -> bool:
        """Whether all was given that was there when it began."""
        ...

    def take(self) -> Collection[Raw]:
        """Return what has come, the topic of each its role; none after a short wait.

        Raises InputError where something cannot be read: it may be called again.
        """
        ...

    def stored(self, positions: Mapping[str, int]) -> None:
        """Note that what was given up to these positions is in the store."""
        ...

    def checks(self) -> dict[str, str]:
        """Return what stands in the way, and how each input does, in words."""
        ...

    def lag(self) -> tuple[Lag, ...]:
        """Return how much of each partition is not yet taken; those of which that is known."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...
