"""The last sequence of each signer: what is not above it was taken already."""

from __future__ import annotations

import msgspec

MOST_SIGNERS = 1_000


class Sequences(msgspec.Struct):
    """Which signed records were taken; a plain value, to be stored as it is.

    `last` is the newest sequence by signer. Of more than `MOST_SIGNERS` the one whose last is
    lowest is forgotten; `floor` is the highest that was forgotten with one, and a signer that is
    not known has to be above it: so nothing of a forgotten one can be taken twice.
    """

    floor: int = -1
    last: dict[str, int] = {}

    def of(self, signer: str) -> int:
        """Return what a signer's next sequence has to be above."""
        return self.last.get(signer, self.floor)

    def take(self, signer: str, sequence: int) -> None:
        """Note that this one was taken."""
        self.last[signer] = sequence
        if len(self.last) > MOST_SIGNERS:
            oldest = min(self.last, key=lambda one: (self.last[one], one))
            self.floor = max(self.floor, self.last.pop(oldest))
