"""Which unit of time would make sense of numbers that lie outside the plausible range."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dataflows.config.events import EventSettings, TimeUnit
from dataflows.messages.fields import fitting_unit
from dataflows.messages.raw import Raw


class _Timed(msgspec.Struct):
    ts: int | float | str


_timed = msgspec.json.Decoder(_Timed)


class TimeVotes:
    """Counts lines that were refused for their time, by the unit in which it is plausible."""

    def __init__(self, settings: EventSettings) -> None:
        self._settings = settings
        self._votes: dict[TimeUnit, int] = {}

    def note(self, raw: Raw) -> TimeUnit | None:
        """Note a line that was refused; return the unit that it would be read in."""
        try:
            found = _timed.decode(raw.value or b"").ts
        except (ValueError, RecursionError):
            return None
        unit = fitting_unit(found, self._settings.min_time, self._settings.max_time)
        if unit is not None:
            self._votes[unit] = self._votes.get(unit, 0) + 1
        return unit

    def proposed(self, events: int) -> TimeUnit | None:
        """Return the unit of more lines than the `events` that were read, None for none."""
        unit = max(self._votes, key=self._votes.__getitem__, default=None)
        return unit if unit is not None and self._votes[unit] > events else None

    def remarks(self, events: int) -> Iterator[str]:
        """Yield what unit the log seems to be in; `events` could be read."""
        proposed = self.proposed(events)
        for unit, count in sorted(self._votes.items(), key=lambda pair: (-pair[1], pair[0])):
            if unit == proposed:
                yield (
                    f"Lines with times that make sense in {unit} and not in "
                    f"{self._settings.time_unit}: {count:,}. Under [events] set time_unit = "
                    f'"{unit}".'
                )
            else:
                yield (
                    f"Lines with times in {unit} among others: {count:,}. One writer of the log "
                    "counts in another unit; mend it there, or write ISO 8601."
                )
