"""Whether the live model is as new as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from dataflows.serve.api_types import Readiness
from dataflows.serve.live.following import Following
from dataflows.serve.live.shard_look import ShardLooks

MOST_UNREAD = {"records": 10_000, "bytes": 4_000_000}
"""With more than so much unread, lists are too old to be asked for."""
STORED_EVERY = 30.0
"""Seconds after which what was learnt should have been stored."""


class InputLook(NamedTuple):
    """The input of a process, to look at.

    `unread` says how much of each partition is not yet learnt, in `unit`; nothing where that is
    not known yet. `troubles` says of each side that does not answer why.
    """

    unread: Callable[[], Mapping[str, int]]
    unit: str = "records"
    troubles: Callable[[], Iterable[str]] = tuple


def readiness_of(
    shards: ShardLooks, wanted: int, following: Following, look: InputLook, now: float
) -> Readiness:
    """Return whether answers are as new as can be; `wanted` shards should be open here."""
    engines = shards.all()
    checks = {"shards": _shards(len(engines), wanted), "input": _unread(look)}
    checks["sources"] = "; ".join(look.troubles()) or "ok"
    checks["commits"] = _commits(following, now)
    as_of: dict[str, int] = {}
    for engine in engines:
        for partition, position in dict(engine.positions).items():
            as_of[partition] = min(as_of.get(partition, position), position)
    taken = following.taken_at
    return Readiness(
        is_ready=all(said.startswith("ok") for said in checks.values()),
        checks=checks,
        age_seconds=None if taken is None else round(max(now - taken, 0.0), 3),
        as_of=as_of,
    )


def _shards(open_now: int, wanted: int) -> str:
    return "ok" if 0 < open_now >= wanted else f"{open_now} of {wanted} open"


def _unread(look: InputLook) -> str:
    unread = dict(look.unread())
    if not unread:
        return "how much is unread is not known yet"
    total, most = sum(unread.values()), MOST_UNREAD[look.unit]
    told = f"{total:,} {look.unit} unread"
    return f"ok: {told}" if total <= most else f"{told}, more than {most:,}"


def _commits(following: Following, now: float) -> str:
    since = following.unstored_since
    age = 0.0 if since is None else now - since
    return "ok" if age <= STORED_EVERY else f"nothing was stored for {age:,.0f} s"
