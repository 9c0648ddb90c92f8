"""The record before a position, which is fetched once more where reading goes on.

Ids tell a topic that was made anew. They do not tell a log that was cut before the position
and has grown past it, after an unclean election or with a broker that came back with an older
disk. Then other records stand there.
"""

from __future__ import annotations

from dataflows.connectors.kafka.assignment.log_identity import Where
from dataflows.messages.raw import LastRecord, Raw


class LastRecords:
    """The last record read of each partition, which is compared where it is fetched once more."""

    def __init__(self) -> None:
        self._last: dict[Where, LastRecord | Raw] = {}

    def begin(self, where: Where, last: LastRecord | None) -> None:
        """Take up a partition with what is stored of its last record."""
        self._last.pop(where, None)
        if last is not None:
            self._last[where] = last

    def read(self, where: Where, raw: Raw) -> None:
        """Note the newest record of a partition."""
        self._last[where] = raw

    def forget(self, where: Where) -> None:
        """Compare nothing: what was read last is no longer there."""
        self._last.pop(where, None)

    def fetch_from(self, where: Where, at: int, begin: int = 0) -> int:
        """Return where to fetch from to go on at `at`: one record before, where one is known.

        `begin` is the first offset that the log still has.
        """
        last = self._last.get(where)
        return at if last is None or not begin <= last.offset < at else last.offset

    def fits(self, where: Where, again: Raw) -> bool:
        """Return whether a record before the position is the one that was read, if known."""
        last = self._last.get(where)
        if last is None or last.offset != again.offset:
            return True
        return _known_by(last) == _known_by(again)


def _known_by(record: LastRecord | Raw) -> LastRecord:
    if isinstance(record, LastRecord):
        return record
    return LastRecord.of(record.offset, record.timestamp, record.key, record.value)
