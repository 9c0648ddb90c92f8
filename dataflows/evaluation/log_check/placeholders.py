"""Ids that stand for "none": `null`, `undefined`, and what else a program writes for nobody."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

NOBODY = frozenset(
    """
    null undefined none nan nil na n/a (null) (none) (not_set) <null> <none> \\n unknown anonymous
    anon anonym guest nobody [object_object] {} [] - -- ? nul void missing empty default
    00000000-0000-0000-0000-000000000000 unbekannt inconnu desconocido неизвестно аноним 未知 匿名
    未登录 訪客 游客 ゲスト 匿名希望 알수없음 비회원 مجهول
    """.replace("_", " ").split()
) | {"(not set)", "[object object]"}
PERHAPS = frozenset({"0", "-1", "1", "test", "user", "admin"})
"""Ids that may well be somebody's; told where they have more than `LARGE` of the events, and
`MANY` times as many as others have on average."""
LARGE = 0.05
MANY = 10


class Placeholders:
    """Counts events by such ids; `what` is what they are ids of."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._counts: dict[str, int] = {}

    def note(self, name: str) -> None:
        """Count the id of one event."""
        if len(name) <= 40 and is_placeholder(name) and (name in self._counts or self._has_room()):
            self._counts[name] = self._counts.get(name, 0) + 1

    def remarks(self, events: int, ids: int) -> Iterator[str]:
        """Yield how many of the `events` each has, most first; `ids` are there in all."""
        for name, count in sorted(self._counts.items(), key=lambda pair: (-pair[1], pair[0])):
            usual = max(LARGE * events, MANY * events / max(1, ids))
            if name.strip().casefold() in PERHAPS and count <= usual:
                continue
            remedy = (
                "leave them out, or give every visitor an id of their own (a session's will do)"
                if self._what == "user"
                else "leave the id out where there is none"
            )
            yield (
                f"{count:,} of {events:,} events ({count / events:.0%}) are of the {self._what} "
                f"{name!r}, which sounds like nobody and would be learnt as one: {remedy}."
            )

    def _has_room(self) -> bool:
        return len(self._counts) < 100


def is_placeholder(name: str) -> bool:
    """Return whether an id sounds like none at all, or is empty to the eye."""
    plain = name.casefold()
    if plain in NOBODY or plain in PERHAPS:
        return True
    if plain[:1].isalnum() and plain[-1:].isalnum():  # nearly all ids: nothing to strip
        return False
    seen = "".join(char for char in name if unicodedata.category(char) not in ("Cf", "Zs"))
    bare = name.strip().strip("\"'`").strip().casefold()
    return not seen or not bare or bare in NOBODY or bare in PERHAPS
