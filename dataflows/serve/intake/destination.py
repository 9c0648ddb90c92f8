"""Where events and items go: checked records in, and where each came to stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A checked record: its key, and its bytes in one line; None removes what the key names."""

    key: bytes
    value: bytes | None


class Written(NamedTuple):
    """Where a record stands: its partition as the source names it, and its offset."""

    partition: str
    offset: int


class NotTakenError(Exception):
    """A record is not confirmed: the text says why. It may be sent again: it is learnt once."""


class Destination(Protocol):
    """Takes records; all methods may be called from several threads."""

    def put_events(
        self, records: Sequence[Record], seconds: float
    ) -> list[Written | NotTakenError]:
        """Write events, in their order, and wait until each is safe, at most so many seconds.

        Raises NotAnsweredHereError where the input is not ours to write.
        """
        ...

    def put_item(self, record: Record, seconds: float) -> Written:
        """Write one item, or its removal. Raises as `put_events`, and NotTakenError."""
        ...

    def close(self) -> None:
        """Write what is under way, and let go."""
        ...
