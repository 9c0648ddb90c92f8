"""Items of a leaderboard: those that its filter keeps, with the scores of its formula."""

from __future__ import annotations

import numpy as np

from learners.online_model.queries.filters import OnlyCategories
from learners.online_model.queries.formula_values import Floats, evaluate
from learners.online_model.queries.item_lists import Figures, Numbers
from learners.signals.formulas import Formula
from learners.signals.leaderboards import Leaderboard
from learners.signals.popularity import LONG, SHORT, TOTAL
from learners.signals.tables import Signals
from learners.signals.takings_by_type import TakingsByType

DAY = 86_400.0


def figures_of(board: Leaderboard, signals: Signals, position: int) -> Figures:
    """Return the items that the filter keeps and whose score is a number, with their scores."""
    table = _Table(signals, signals.items.in_order().astype(np.int32), max(position, 0))
    scores = table.worked_out(board.score)
    kept = np.isfinite(scores)
    if board.where is not None:
        held = table.worked_out(board.where)
        kept &= (held != 0.0) & ~np.isnan(held)
    return Figures(table.items[kept], scores[kept])


class _Table:
    """What is known of items (n,), column by column."""

    def __init__(self, signals: Signals, items: Numbers, at: int) -> None:
        self.items = items
        self._signals = signals
        self._at = at
        self._counted = next(
            (one for one in signals.added.signals if isinstance(one, TakingsByType)), None
        )

    def worked_out(self, formula: Formula) -> Floats:
        columns = {name: self._column(name) for name in formula.names}
        return evaluate(formula, columns, self._looked_up, len(self.items))

    def _column(self, name: str) -> Floats:
        popularity, items, counted = self._signals.popularity, self.items, self._counted
        if name in ("age", "idle"):
            if counted is None:
                return np.full(len(items), np.nan)
            times = counted.first if name == "age" else counted.last
            return (counted.now - times[items]) / DAY
        if name == "users":
            return self._signals.takers.counts(items).astype(np.float64)
        channel = {"popular": LONG, "recent": SHORT, "taken": TOTAL}[name]
        return popularity.takings(channel, items, self._at)

    def _looked_up(self, name: str, text: str) -> Floats:
        if name == "category":
            return OnlyCategories(self._signals.items, [text]).keep(self.items).astype(np.float64)
        if self._counted is None:
            return np.zeros(len(self.items))
        return self._counted.of(text, self.items)
