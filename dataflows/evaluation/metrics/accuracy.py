"""All figures of one replay, from the rows that the judge wrote down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.scored import Scored
from dataflows.evaluation.metrics.bootstrap import bootstrap
from dataflows.evaluation.metrics.rank_metrics import (
    Gains,
    Ranks,
    averages,
    bounds,
    gains,
    in_parts,
    names,
)

COLD_EVENTS = 5
"""A user is cold during their first five events."""

YOUNG_EVENTS = 5
"""An item is young during its first five events in the stream."""

VARIANTS = ("tie_safe", "plain", "as_served")


def accuracy(judge: Prequential, k: int, seed: int) -> dict[str, Any]:
    """Return figures of every variant and baseline, with intervals by bootstrap over users.

    `seed` draws the users. A figure over no events is None.
    """
    scored = judge.scored
    earned = {name: gains(scored.column(name), k) for name in (*VARIANTS, *scored.baselines)}
    leads = {name: earned["tie_safe"] - earned[name] for name in scored.baselines}
    users, cold = scored.column("user"), scored.column("ordinal") < COLD_EVENTS
    figures = _figures(earned, users, cold, k, seed)
    of_leads = _figures(leads, users, cold, k, seed)
    young = _young(scored, k, seed)
    for name in ("tie_safe", *scored.baselines):
        figures[name]["young"] = young[name]
    served, refreshed = earned["as_served"], scored.flag("refreshed")
    figures["as_served"]["by_event"] = averages(served[~refreshed], k)
    figures["as_served"]["refreshed"] = averages(served[refreshed], k)
    for name in scored.baselines:
        of_leads[name]["young"] = young[_lead(name)]
    return {
        "scored": len(scored),
        "unscored": msgspec.to_builtins(judge.unscored),
        "users": judge.users_seen,
        "items": len(judge.items),
        **{name: figures[name] for name in VARIANTS},
        "peers": {name: {**figures[name], "lead": of_leads[name]} for name in scored.baselines},
        "best_peer": _best(scored.baselines, figures, k),
        "best_peer_of": {
            part: _best(
                scored.baselines, {name: figures[name][part] for name in scored.baselines}, k
            )
            for part in ("cold", "young")
        },
        "repeats": _by_repeat(scored, earned["tie_safe"], k),
        "candidate_recall": _share(scored, "reached"),
        "new_items": msgspec.to_builtins(judge.new_items),
        "unwanted": msgspec.to_builtins(judge.unwanted),
    }


def _figures(
    earned: dict[str, Gains], users: Ranks, cold: NDArray[np.bool_], k: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Return figures of each method in all parts, with intervals, whole and cold.

    All methods are judged on the same draws of users.
    """
    figures: dict[str, dict[str, Any]] = {
        name: in_parts(each, cold, k) for name, each in earned.items()
    }
    if not earned:
        return figures
    for part, put in ((slice(None), figures), (cold, {n: f["cold"] for n, f in figures.items()})):
        limits = _intervals({name: each[part] for name, each in earned.items()}, users[part], seed)
        for name, pairs in limits.items():
            put[name]["interval"] = bounds(pairs, k)
    return figures


def _intervals(earned: dict[str, Gains], users: Ranks, seed: int) -> dict[str, NDArray[np.float64]]:
    """Return bounds `(3, 2)` of the means of each method, all on the same draws of users."""
    limits = bootstrap(np.hstack(list(earned.values())), users, seed=seed)
    return dict(zip(earned, np.split(limits, len(earned)), strict=True))


def _young(scored: Scored, k: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return figures of each method, and of our lead over it, on the events of young items.

    An item that nobody had met counts here, and is hit where it is among the first k of all
    that was scored: only what knows items by their text can do that. `met` leaves those out.
    """
    item_events = scored.column("item_events")
    young = item_events < YOUNG_EVENTS
    met = item_events[young] > 0
    ours = np.where(met, scored.column("tie_safe")[young], scored.column("unmet")[young])
    earned = {"tie_safe": gains(ours, k)}
    earned |= {name: gains(scored.column(name)[young], k) for name in scored.baselines}
    earned |= {_lead(name): earned["tie_safe"] - earned[name] for name in scored.baselines}
    limits = _intervals(earned, scored.column("user")[young], seed)
    return {
        name: {
            **averages(each, k),
            "interval": bounds(limits[name], k),
            "met": averages(each[met], k),
        }
        for name, each in earned.items()
    }


def _lead(name: str) -> str:
    return f"lead over {name}"


def _best(baselines: Iterable[str], figures: dict[str, dict[str, Any]], k: int) -> str | None:
    """Name the baseline with the highest hit rate, the first of those with the same."""
    hit_rate = names(k)[0]
    judged = [name for name in baselines if figures[name][hit_rate] is not None]
    return max(judged, key=lambda name: float(figures[name][hit_rate]), default=None)


def _by_repeat(scored: Scored, earned: Gains, k: int) -> dict[str, Any]:
    repeat = scored.flag("repeat")
    return {"repeat": averages(earned[repeat], k), "new": averages(earned[~repeat], k)}


def _share(scored: Scored, name: str) -> float | None:
    flag = scored.flag(name)
    return float(flag.mean()) if len(flag) else None
