"""Curves of a replay, from the rows that the judge and the baselines wrote down.

Every curve is there for our lists (`tie_safe`) and for each baseline, over the same events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.judging.scored import Scored
from dataflows.evaluation.judging.trace import Trace
from dataflows.evaluation.metrics.accuracy import COLD_EVENTS
from dataflows.evaluation.metrics.rank_metrics import MISS, names
from learners.drift import Alarm

POINTS = 120
_LEAST_WINDOW, _MOST_WINDOWS = 200, 20
_HISTORY = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
_WITHIN = (1, 2, 3, 5, 10, 20, 30, 50, 100)

Flags = NDArray[np.bool_]


def curves(scored: Scored, trace: Trace, alarms: Sequence[Alarm], k: int) -> dict[str, Any]:
    """Return all curves; `alarms` are marked on the one over the stream."""
    ranks = {name: scored.column(name) for name in ("tie_safe", *scored.baselines)}
    hits = {name: (each > MISS) & (each <= k) for name, each in ranks.items()}
    return {
        "running": _running(scored, trace, hits, alarms, k),
        "by_history": _by_history(scored.column("ordinal"), hits, k),
        "by_rank": {
            "hits": {
                name: np.bincount(each, minlength=k + 1)[1 : k + 1].tolist()
                for name, each in ranks.items()
            },
            "within": list(_WITHIN),
            "share": {name: _within(each) for name, each in ranks.items()},
        },
        "candidates": _candidates(scored, k),
    }


def _running(
    scored: Scored, trace: Trace, hits: dict[str, Flags], alarms: Sequence[Alarm], k: int
) -> dict[str, Any]:
    """Return means over a window that slides over the scored events."""
    n, at = len(scored), trace.scored_at()
    window, ends = slide(n)
    return {
        "window": window,
        "events": ends.tolist(),
        "times": trace.times()[at[ends - 1]].tolist(),
        names(k)[0]: {name: means(hit, ends, window) for name, hit in hits.items()},
        "candidate_recall": means(scored.flag("reached"), ends, window),
        "alarms": [
            {
                "signal": alarm.signal,
                "events": int(np.searchsorted(at, alarm.position, "right")),
                "learnt": alarm.position,
                "before": alarm.before,
                "after": alarm.after,
                "label": alarm.label,
            }
            for alarm in alarms
        ],
    }


def slide(n: int) -> tuple[int, NDArray[np.int64]]:
    """Return how many of `n` values a sliding mean is over, and where each of the means ends."""
    window = min(n, max(_LEAST_WINDOW, n // _MOST_WINDOWS))
    ends = np.linspace(window, n, POINTS).astype(np.int64) if n else np.zeros(0, np.int64)
    return window, np.unique(ends)


def means(values: Flags | NDArray[np.float64], ends: NDArray[np.int64], window: int) -> list[float]:
    """Return the mean of the `window` values up to each of `ends`."""
    if not len(ends):
        return []
    sums = np.concatenate([[0], np.cumsum(values)])
    found: list[float] = ((sums[ends] - sums[ends - window]) / window).tolist()
    return found


def _by_history(ordinals: NDArray[np.int64], hits: dict[str, Flags], k: int) -> dict[str, Any]:
    """Return the hit rate by how many events the user had before; empty ranges are left out."""
    ranges = list(zip(_HISTORY, [*[start - 1 for start in _HISTORY[1:]], None], strict=True))
    which = np.searchsorted(_HISTORY, ordinals, "right") - 1
    counts = np.bincount(which, minlength=len(ranges))
    held = np.flatnonzero(counts)
    return {
        "from": [ranges[place][0] for place in held],
        "to": [ranges[place][1] for place in held],
        "events": counts[held].tolist(),
        names(k)[0]: {
            name: (np.bincount(which, hit, len(ranges))[held] / counts[held]).tolist()
            for name, hit in hits.items()
        },
    }


def _within(ranks: NDArray[np.int64]) -> list[float]:
    """Return the share of true items within the first so many."""
    if not len(ranks):
        return []
    return [float(((ranks > MISS) & (ranks <= most)).mean()) for most in _WITHIN]


def _candidates(scored: Scored, k: int) -> dict[str, Any]:
    """Return, by kind of event, the share whose item was scored, and that of hits among those."""
    reached, ranks = scored.flag("reached"), scored.column("tie_safe")
    hit = (ranks > MISS) & (ranks <= k)
    cold, repeat = scored.column("ordinal") < COLD_EVENTS, scored.flag("repeat")
    parts = {"all": np.ones(len(scored), np.bool_), "cold": cold, "warm": ~cold}
    parts |= {"repeat": repeat, "new": ~repeat}
    among = scored.column("candidates")
    return {
        "competitors": float(among.mean()) if len(among) else None,
        **{
            name: {
                "events": int(part.sum()),
                "recall": _share(reached, part),
                f"{names(k)[0]}_if_reached": _share(hit, part & reached),
            }
            for name, part in parts.items()
        },
    }


def _share(flags: Flags, part: Flags) -> float | None:
    return float(flags[part].mean()) if part.any() else None
