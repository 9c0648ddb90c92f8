"""The note in a state that its last run ended well: nothing was sent that is not stored.

It is there from the end of a run until the next one sends or stores anything. A state without
it broke off.
"""

from __future__ import annotations

from dataflows.engine.encoder_in_force import read_in_force
from dataflows.state.records import Record, Records

KIND_ENDED = "ended"
_WELL = b""
_UNSURE = b"\x01"
"""It ended well, but took nothing in after a run that had broken off: see `EndNote`."""


class EndNote:
    """The note of one shard, as an engine takes it away and writes it.

    `is_sure`: what is stored as last sent was sent last. It is not after a run that broke off,
    until a run has taken in what came next: lists that were sent of it may not be stored.
    `ends_sure` is to be set once records are taken in; while the note `is_there`, it is to be
    removed before anything is sent.
    """

    def __init__(self, store: Records) -> None:
        self._store = store
        found = store.get(KIND_ENDED, "")
        self.is_there = found is not None
        self.is_sure = read_in_force(store) is None or found == _WELL
        self.ends_sure = self.is_sure

    def remove(self) -> None:
        """Remove the note, durably. Raises as `Records.commit`."""
        self._store.commit([self.gone()])

    def gone(self) -> Record:
        """Return the record without which the state has no note, to be committed now."""
        self.is_there = False
        return KIND_ENDED, "", None

    def write(self) -> None:
        """Note that the run ended well; the rest of it is committed. Raises as it does."""
        note = _WELL if self.ends_sure else _UNSURE
        if self._store.get(KIND_ENDED, "") != note:
            self._store.commit([(KIND_ENDED, "", note)])


def has_crashed(store: Records) -> bool:
    """Return whether the last run broke off."""
    return read_in_force(store) is not None and store.get(KIND_ENDED, "") is None
