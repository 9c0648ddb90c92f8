"""Figures of where in the list the true items stand."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.bars import Bars, draw_bars, places
from dataflows.evaluation.html.figure import HALF, Figure, Key, Table, drawn
from dataflows.evaluation.html.method_curves import MethodCurves, tip
from dataflows.evaluation.html.methods import keys, methods
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis, room


def by_rank(report: dict[str, Any]) -> Figure:
    """Show how many events had their item at each rank, for ours and the best baseline."""
    hits, shown, n = report["by_rank"]["hits"], methods(report), max(report["scored"], 1)
    ranks = [str(rank + 1) for rank in range(report["k"])]
    first = shown[:2]
    shares = {method.key: [each / n for each in hits[method.key]] for method in first}
    heights = [height for each in shares.values() for height in each]
    y = room(heights, words.brief_percent, "share of the scored events")

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, places("rank of the true item", ranks), y)
        draw_bars(drawing, [Bars(shares[each.key], each.style) for each in first])
        return drawing

    rows = [
        [rank, *(words.count(hits[method.key][at]) for method in shown)]
        for at, rank in enumerate(ranks)
    ]
    tips = [
        tip(f"rank {rank}", [words.percent(shares[each.key][at], 2) for each in first], first)
        for at, rank in enumerate(ranks)
    ]
    says = "Hits at each rank of the list, tie-safe. Hits high up count most in NDCG and MRR."
    return Figure(
        "ranks",
        "Hits by rank",
        says,
        drawn("ranks", "Hits by rank", says, HALF, plot),
        Table(["rank", *(f"{method.label}, hits" for method in shown)], rows),
        [Key(method.label, f"{method.style} bar") for method in first],
        tips,
    )


def within(report: dict[str, Any]) -> Figure:
    """Show the share of true items within the first so many."""
    of = report["by_rank"]
    shown = [method for method in methods(report) if of["share"][method.key]]
    cells = [[str(most)] for most in of["within"]]
    curves = MethodCurves(shown, of["within"], of["share"], ["places"], cells)
    x = Axis("length of the list", 0.9, max(of["within"]) * 1.1, words.brief, log=True)
    y = curves.y_axis("hit rate")

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, x, y)
        curves.draw(drawing)
        return drawing

    title = "Hit rate by length of list"
    says = "What a longer list would find: the share of true items within its first places."
    return Figure(
        "within",
        title,
        says,
        drawn("within", title, says, HALF, plot),
        curves.table(),
        keys(shown),
        curves.tips(),
    )
