"""All figures of one replay, from the rows that the judge wrote down."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.figures import Gains, Ranks, averages, bounds, gains, in_parts
from dataflows.intervals import bootstrap
from dataflows.prequential import Prequential
from dataflows.scored import Scored

COLD_EVENTS = 5
"""A user is cold during their first five events."""

VARIANTS = ("tie_safe", "plain", "as_served")


def accuracy(judge: Prequential, k: int, seed: int) -> dict[str, Any]:
    """Figures of every variant and peer, with intervals by bootstrap over users.

    `seed` draws the users. A figure over no events is None.
    """
    scored = judge.scored
    earned = {name: gains(scored.column(name), k) for name in (*VARIANTS, *scored.peers)}
    leads = {name: earned["tie_safe"] - earned[name] for name in scored.peers}
    users, cold = scored.column("user"), scored.column("ordinal") < COLD_EVENTS
    figures = _figures(earned, users, cold, k, seed)
    of_leads = _figures(leads, users, cold, k, seed)
    return {
        "scored": len(scored),
        "unscored": msgspec.to_builtins(judge.unscored),
        "users": judge.users_seen,
        "items": len(judge.items),
        **{name: figures[name] for name in VARIANTS},
        "peers": {name: {**figures[name], "lead": of_leads[name]} for name in scored.peers},
        "best_peer": _best(scored, earned),
        "repeats": _by_repeat(scored, earned["tie_safe"], k),
        "candidate_recall": _share(scored, "reached"),
        "new_items": msgspec.to_builtins(judge.new_items),
    }


def _figures(
    earned: dict[str, Gains], users: Ranks, cold: NDArray[np.bool_], k: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Figures of each method in all parts, with intervals, whole and cold.

    All methods are judged on the same draws of users.
    """
    figures: dict[str, dict[str, Any]] = {
        name: in_parts(each, cold, k) for name, each in earned.items()
    }
    if not earned:
        return figures
    for part, put in ((slice(None), figures), (cold, {n: f["cold"] for n, f in figures.items()})):
        columns = np.hstack([each[part] for each in earned.values()])
        limits = bootstrap(columns, users[part], seed=seed)
        for name, pairs in zip(earned, np.split(limits, len(earned)), strict=True):
            put[name]["interval"] = bounds(pairs, k)
    return figures


def _best(scored: Scored, earned: dict[str, Gains]) -> str | None:
    """Name the peer with the highest hit rate, the first of those with the same."""
    if not len(scored):
        return None
    return max(scored.peers, key=lambda name: float(earned[name][:, 0].mean()), default=None)


def _by_repeat(scored: Scored, earned: Gains, k: int) -> dict[str, Any]:
    repeat = scored.flag("repeat")
    return {"repeat": averages(earned[repeat], k), "new": averages(earned[~repeat], k)}


def _share(scored: Scored, name: str) -> float | None:
    flag = scored.flag(name)
    return float(flag.mean()) if len(flag) else None
