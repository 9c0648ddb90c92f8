"""Which message of a key is the newest on its way: an older one is not sent after it."""

from __future__ import annotations

from dataflows.state.outbox import Out

Key = tuple[str, bytes]


class KeyOrder:
    """Keeps track of the newest message of each key; a key is forgotten with its last message.

    A message that has to be sent again would come after newer ones of its user, and a
    compacted topic would keep the old one for good. So it is left out if there is a newer.
    """

    def __init__(self) -> None:
        self._newest: dict[Key, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._newest)

    def handed_over(self, out: Out) -> None:
        """Note that it is on its way."""
        if out.key is not None:
            newest, number = self._newest.get((out.topic, out.key), (out.number, 0))
            self._newest[out.topic, out.key] = (max(newest, out.number), number + 1)

    def done(self, out: Out) -> None:
        """Note that it is on its way no more."""
        if out.key is not None:
            newest, number = self._newest[out.topic, out.key]
            if number > 1:
                self._newest[out.topic, out.key] = (newest, number - 1)
            else:
                del self._newest[out.topic, out.key]

    def is_superseded(self, out: Out) -> bool:
        """Return whether a newer message of the same key is, or was just now, on its way."""
        if out.key is None:
            return False
        return self._newest[out.topic, out.key][0] > out.number
