"""Ids that would join if they were written the same way: `10.0` and `10`, `A1` and `a1`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator

SAMPLED = 1_000
"""Ids that the catalogue does not have, of which others are tried."""
WORTH = 0.1
"""The least share of them that is worth a remark."""


def _without_zero_decimals(name: str) -> str:
    head, point, tail = name.rpartition(".")
    return head if point and head and tail and not tail.strip("0") else name


def _last_part(name: str) -> str:
    return name.replace("/", ":").replace("#", ":").rpartition(":")[2]


FORMS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ('".0" at the end', _without_zero_decimals),
    ("blanks around them", str.strip),
    ("capital and small letters", str.casefold),
    ("zeros in front", lambda name: name.lstrip("0")),
    ("the form of their characters (Unicode)", lambda name: unicodedata.normalize("NFKC", name)),
    ('what stands before the last ":", "/" or "#"', _last_part),
)
"""What may be left out of account, and ids without it."""


class NearIds:
    """Keeps some ids that the catalogue does not have, to try other ways to write them."""

    def __init__(self) -> None:
        self._unknown: dict[str, None] = {}

    def note(self, item_id: str) -> None:
        """Note an id that is not known."""
        if len(self._unknown) < SAMPLED:
            self._unknown[item_id] = None

    def remarks(self, known: Collection[str]) -> Iterator[str]:
        """Yield how many would be known if something were left out of account."""
        for what, form in FORMS:
            plain = {form(name) for name in known}
            plain.discard("")
            near = [name for name in self._unknown if form(name) in plain]
            if near and len(near) >= WORTH * len(self._unknown):
                other = {form(name): name for name in known}[form(near[0])]
                yield (
                    f"{len(near):,} of {len(self._unknown):,} ids that the catalogue does not have "
                    f"differ from one that it has in {what} alone ({near[0]!r}, {other!r}): write "
                    "ids the same way in both files."
                )
