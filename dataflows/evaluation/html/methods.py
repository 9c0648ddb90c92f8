"""The methods of a replay in the page: their names, their order, and how each is drawn."""

from __future__ import annotations

from typing import Any, NamedTuple

from dataflows.evaluation.html.figure import Key
from dataflows.evaluation.metrics.rank_metrics import names

OURS = "tie_safe"
_COLOURS = 5
_LONGEST = 24


class Method(NamedTuple):
    """One method: its key in the report, what it is called, its class in drawings."""

    key: str
    label: str
    style: str


def methods(report: dict[str, Any]) -> list[Method]:
    """Return ours, the best baseline, then the others by rank; those past the colours are grey."""
    hit_rate, best = names(report["k"])[0], report["best_peer"]
    baselines = report["peers"]
    order = sorted(baselines, key=lambda name: (name != best, -(baselines[name][hit_rate] or 0.0)))
    found = [Method(OURS, "penchant", "s0")]
    for place, name in enumerate(order, 1):
        label = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
        label = f"{label} (best)" if name == best else label
        found.append(Method(name, label, f"s{place}" if place < _COLOURS else "rest"))
    return found


def keys(shown: list[Method]) -> list[Key]:
    """Return the key to lines that are drawn by method."""
    return [Key(method.label, method.style, method.key) for method in shown]


def figures_of(report: dict[str, Any], method: Method) -> dict[str, Any]:
    """Return the figures of a method."""
    found: dict[str, Any] = report[OURS] if method.key == OURS else report["peers"][method.key]
    return found
