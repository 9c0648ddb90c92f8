"""Event time as the stream tells it: how far it has come, and how late an event is.

One event dated ahead must not make all honest ones late. So time moves on freely
by up to `max_skew` seconds past where it stands; a longer step is believed when
two users in a row make it (after a quiet night everybody does), and then only as
far as the lower of the two. An event that still fits the old time disproves the step.
"""

from __future__ import annotations

import msgspec


class Watermark(msgspec.Struct):
    """State of event time, in seconds since 1970; None before the first two users.

    `claim` is a longer step that waits for a second user, with `claimant` who made it.
    """

    time: float | None = None
    claim: float | None = None
    claimant: str = ""

    def lateness(self, ts: float) -> float:
        """Return the seconds by which `ts` lies behind event time; never negative."""
        return 0.0 if self.time is None or ts >= self.time else self.time - ts

    def advance(self, ts: float, user_id: str, max_skew: float) -> None:
        """Advance by an event of this user, dated `ts`."""
        time = self.time
        if time is None or ts > time + max_skew:
            self._step(ts, user_id, max_skew)
            return
        if ts >= time - max_skew:
            self.claim = None
        self.time = max(time, ts)

    def _step(self, ts: float, user_id: str, max_skew: float) -> None:
        if self.claim is None or user_id == self.claimant:
            self.claim, self.claimant = ts, user_id
            return
        self.time = min(self.claim, ts)
        ahead = max(self.claim, ts)
        if ahead <= self.time + max_skew:
            self.time, self.claim = ahead, None
        elif ts == ahead:
            self.claim, self.claimant = ts, user_id
