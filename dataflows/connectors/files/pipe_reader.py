"""The records of a pipe, which comes by once."""

from __future__ import annotations

from itertools import islice

from dataflows.connectors.files.line_reader import LineReader
from dataflows.messages.raw import Raw


class PipedReader:
    """Reads what comes through a pipe; with `follow` it waits for writer after writer."""

    def __init__(self, reader: LineReader, *, follow: bool) -> None:
        self.reader = reader
        self.damage: str | None = None
        self._follow = follow

    def take(self, most: int) -> list[Raw]:
        """Return at most `most` records of what is there now. Raises InputError (its shape)."""
        return list(islice(self.reader.records(), most))

    @property
    def is_over(self) -> bool:
        """Whether no more is to come, once `take` gives nothing."""
        source = self.reader.source
        return source.is_over and not (self._follow and source.may_grow)

    def tell_torn(self) -> None:
        """Log nothing: what is torn in a pipe can never be finished, and was a record."""

    def close(self) -> None:
        """Close the pipe."""
        self.reader.close()
