"""Figures of the model: its candidates, and what each signal gives."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.figure import HALF, Figure, Table, drawn
from dataflows.evaluation.html.lines import PlotLine, draw_bands, draw_lines
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis, room
from dataflows.evaluation.html.svg import line, path, tag, text
from dataflows.evaluation.metrics.rank_metrics import names


def recall(report: dict[str, Any]) -> Figure:
    """Show the share of true items among the candidates, over the stream."""
    of = report["running"]
    xs, ys = of["events"], of["candidate_recall"]
    x = Axis("events scored", 0, max([*xs, 1]), words.brief)
    y = Axis(
        "candidate recall", 0.5 if min(ys, default=0.0) > 0.55 else 0.0, 1, words.brief_percent
    )

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, x, y)
        draw_lines(drawing, [PlotLine(xs, ys, "s0")])
        draw_bands(drawing, xs)
        return drawing

    rows = [[words.count(x), words.percent(y)] for x, y in zip(xs, ys, strict=True)]
    says = (
        f"The share of events whose true item was scored at all, whole: "
        f"{words.percent(report['candidate_recall'])}. It is a ceiling on the hit rate."
    )
    return Figure(
        "recall",
        "Candidate recall over the stream",
        says,
        drawn("recall", "Candidate recall over the stream", says, HALF, plot),
        Table(["events scored", "candidate recall"], rows),
        tips=[f"{end} events\n{value}" for end, value in rows],
    )


def recall_table(report: dict[str, Any]) -> Table:
    """Return the recall of each kind of event, and the hit rate where it was reached."""
    of, hit_rate = report["candidates"], names(report["k"])[0]
    kinds = [name for name, each in of.items() if isinstance(each, dict) and each["events"]]
    if "repeat" not in kinds:
        kinds = [name for name in kinds if name != "new"]  # they are all
    return Table(
        ["events", "scored", "candidate recall", f"{hit_rate.upper()} if reached"],
        [
            [
                name,
                words.count(of[name]["events"]),
                words.percent(of[name]["recall"]),
                words.share(of[name][f"{hit_rate}_if_reached"]),
            ]
            for name in kinds
        ],
    )


def signals(report: dict[str, Any]) -> list[Figure]:
    """Show what each group of signals gave, one small drawing each, strongest first."""
    of = report["contributions"]
    ends, over = of["events"], of["over_time"]
    values = [value for each in over.values() for value in each]
    y = room(values, words.brief, "")
    order = sorted(of["mean"], key=lambda name: -of["mean"][name])
    return [_signal(name, of["mean"][name], ends, over[name], y) for name in order]


def _signal(name: str, mean: float, ends: list[int], values: list[float], y: Axis) -> Figure:
    width, height, left, right, top, foot = 200, 98, 34, 196, 8, 78
    place = Plot(width, height, Axis("", 0, max([*ends, 1]), words.brief), y)
    place.y = place.y._replace(start=foot, stop=top)
    place.x = place.x._replace(start=left, stop=right)
    points = [(place.x(x), place.y(value)) for x, value in zip(ends, values, strict=True)]
    zero, first, last = place.y(0.0), *(points[at][0] for at in (0, -1))
    says = f"{name}: mean effect on the score of the shown items {mean:+.2f}"
    drawing = tag(
        "svg",
        tag("title", says, id=f"signal-{name}-t"),
        tag("desc", "Over the stream, from left to right.", id=f"signal-{name}-d"),
        *(line(left, place.y(v), right, place.y(v), "grid") for v, _ in y.ticks(3)),
        *(text(left - 5, place.y(v) + 4, said, "end") for v, said in y.ticks(3)),
        path([(first, zero), *points, (last, zero)], "area s0"),
        line(left, zero, right, zero, "base"),
        path(points, "line s0"),
        text(right, height - 5, f"{words.brief(max(ends))} events", "end"),
        viewBox=f"0 0 {width} {height}",
        class_="small",
        role="img",
        aria_labelledby=f"signal-{name}-t",
        aria_describedby=f"signal-{name}-d",
    )
    rows = [[words.count(end), f"{v:+.3f}"] for end, v in zip(ends, values, strict=True)]
    table = Table(["events learnt", "effect"], rows)
    return Figure(f"signal-{name}", name, words.signed(mean, 2), drawing, table)
