"""Leaderboards of one's own: a filter and a score, formulas over what is counted of items."""

from __future__ import annotations

from typing import NamedTuple

from learners.signals.formulas import Formula

NAMES = ("age", "idle", "popular", "recent", "taken", "users")
"""Columns of a leaderboard: docs/how-to/leaderboards.md tells what each is."""
LOOKUPS = ("category", "count")


class Leaderboard(NamedTuple):
    """A filter (None: all items) and a score; the higher it is, the better the place."""

    where: Formula | None
    score: Formula

    @property
    def counted(self) -> set[str]:
        """The types of events that it asks for."""
        asked = self.score.looked_up | (set() if self.where is None else self.where.looked_up)
        return {text for name, text in asked if name == "count"}


def leaderboard_of(where: str | None, score: str) -> Leaderboard:
    """Return a leaderboard. Raises `learners.signals.formulas.FormulaError`."""
    return Leaderboard(
        None if where is None else Formula(where, NAMES, LOOKUPS), Formula(score, NAMES, LOOKUPS)
    )
