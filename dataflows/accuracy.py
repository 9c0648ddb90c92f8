"""All figures of one replay, from the rows that the judge wrote down."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from dataflows.figures import Gains, averages, bounds, gains, in_parts
from dataflows.intervals import bootstrap
from dataflows.prequential import Prequential
from dataflows.scored import Scored

COLD_EVENTS = 5
"""A user is cold during their first five events."""

VARIANTS = ("tie_safe", "plain", "as_served")


def accuracy(judge: Prequential, k: int, seed: int) -> dict[str, Any]:
    """Figures of every variant and reference, with intervals by bootstrap over users.

    `seed` draws the users. A figure over no events is None.
    """
    scored = judge.scored
    methods = (*VARIANTS, *scored.references)
    earned = {name: gains(scored.column(name), k) for name in methods}
    cold = scored.column("ordinal") < COLD_EVENTS
    figures = {name: in_parts(earned[name], cold, k) for name in methods}
    leads = {name: earned["tie_safe"] - earned[name] for name in scored.references}
    for name, limits in _intervals(earned, scored, seed).items():
        figures[name]["interval"] = bounds(limits, k)
    lead_limits = _intervals(leads, scored, seed)
    return {
        "scored": len(scored),
        "unscored": msgspec.to_builtins(judge.unscored),
        "users": judge.users_seen,
        "items": len(judge.items),
        **{name: figures[name] for name in VARIANTS},
        "references": {name: figures[name] for name in scored.references},
        "lead": {
            name: {**averages(lead, k), "interval": bounds(lead_limits[name], k)}
            for name, lead in leads.items()
        },
        "repeats": _by_repeat(scored, earned["tie_safe"], k),
        "candidate_recall": _share(scored, "reached"),
        "new_items": msgspec.to_builtins(judge.new_items),
    }


def _intervals(earned: dict[str, Gains], scored: Scored, seed: int) -> dict[str, Any]:
    """Bounds `(3, 2)` for each method, all on the same draws of users."""
    limits = bootstrap(np.hstack(list(earned.values())), scored.column("user"), seed=seed)
    return dict(zip(earned, np.split(limits, len(earned)), strict=True))


def _by_repeat(scored: Scored, earned: Gains, k: int) -> dict[str, Any]:
    repeat = scored.flag("repeat")
    return {"repeat": averages(earned[repeat], k), "new": averages(earned[~repeat], k)}


def _share(scored: Scored, name: str) -> float | None:
    flag = scored.flag(name)
    return float(flag.mean()) if len(flag) else None
