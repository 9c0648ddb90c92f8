"""How many narratives there may be: for one user, and for all of a shard together."""

from __future__ import annotations

from collections import OrderedDict

_USERS = 50_000
"""Users whose last narrative is remembered, the newest."""


class Allowance:
    """At most `per_minute` in all, and one of a user within `seconds`; times are seconds.

    What was not used is saved up for a minute.
    """

    def __init__(self, per_minute: float, seconds: float) -> None:
        self._rate = per_minute / 60.0
        self._most = max(1.0, per_minute)
        self._left = self._most
        self._at: float | None = None
        self._seconds = seconds
        self._last: OrderedDict[str, float] = OrderedDict()

    def take(self, user_id: str, now: float) -> bool:
        """Return whether there may be one for this user now, and count it if so."""
        if self._at is not None:
            self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        last = self._last.get(user_id)
        if self._left < 1.0 or (last is not None and 0 <= now - last < self._seconds):
            return False
        self._left -= 1.0
        self._last[user_id] = now
        self._last.move_to_end(user_id)
        if len(self._last) > _USERS:
            self._last.popitem(last=False)
        return True
