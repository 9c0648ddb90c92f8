"""Figures of how true the chances of needs were that users' first events were told with."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.figure import HALF, Figure, Key, Table, drawn
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis
from dataflows.evaluation.html.svg import line, path, tag
from dataflows.evaluation.intent_report import WAYS

_SHOWN = {"intent": ("s0", WAYS[""]), "belief": ("s1", WAYS["belief"])}
"""Key in the figures: its style, and what the need is foreseen from."""


def told_first(report: dict[str, Any]) -> Figure | None:
    """Show told against observed chances of the likeliest need; None where nothing was judged."""
    of = report.get("intent_calibration")
    if of is None or not of["intent"]["events"]:
        return None
    points = _points(of)
    x = Axis("told chance", 0, 1, words.brief)
    y = Axis("share that came", 0, 1, words.brief)

    def plot(width: int) -> Plot:
        drawing = Plot(width, 340, x, y)
        ends = [(drawing.x(v), drawing.y(v)) for v in (0, 1)]
        drawing.marks.append(path(ends, "equal"))
        for place, (style, _, each) in enumerate(points):
            at = drawing.x(each["predicted"])
            low, high = (drawing.y(limit) for limit in each["interval"])
            drawing.marks.append(line(at, low, at, high, f"whisker {style}"))
            cy = drawing.y(each["observed"])
            mark = tag("circle", cx=at, cy=cy, r=5, class_=f"dot {style}", data_i=str(place))
            drawing.marks.append(mark)
        return drawing

    rows = [
        [
            said,
            f"{words.percent(each['from'])} to {words.percent(each['to'])}",
            words.count(each["events"]),
            words.percent(each["predicted"]),
            words.percent(each["observed"]),
        ]
        for _, said, each in points
    ]
    errors = ", ".join(
        f"{words.share(of[key]['ece'], 4)} {said}" for key, (_, said) in _SHOWN.items()
    )
    title = f"Chances of needs in the first {of['first']} events of users"
    says = (
        "The likeliest need that was told, and how often it came: the next item's category, or the "
        "label where events have any. Each point is a tenth of the scale, with its 95 % interval. "
        f"Expected calibration error: {errors}."
    )
    return Figure(
        "told-first",
        title,
        says,
        drawn("told-first", title, says, HALF, plot),
        Table(["foreseen", "told, from to", "events", "mean told", "came"], rows),
        [
            *(Key(said, f"{style} dot") for style, said in _SHOWN.values()),
            Key("told = came", "equal"),
        ],
        [f"{row[0]}\ntold {row[3]}\ncame {row[4]}\n{row[2]} events" for row in rows],
    )


def _points(of: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (style, said, each) for key, (style, said) in _SHOWN.items() for each in of[key]["bins"]
    ]
