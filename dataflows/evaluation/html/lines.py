"""Lines over a common axis, with the values at each place on hover."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.svg import path, tag


class PlotLine(NamedTuple):
    """One line: `xs` and `ys` of equal length, a class, and the series that it is of."""

    xs: Sequence[float]
    ys: Sequence[float]
    style: str
    series: str | None = None


def draw_lines(plot: Plot, lines: Sequence[PlotLine], *, dots: bool = False) -> None:
    """Draw lines, the last ones first: the first line lies on top."""
    for each in reversed(lines):
        points = [(plot.x(x), plot.y(y)) for x, y in zip(each.xs, each.ys, strict=True)]
        if len(points) > 1:
            plot.marks.append(path(points, f"line {each.style}", each.series))
        if dots or len(points) == 1:
            plot.marks += [dot(x, y, each.style, each.series) for x, y in points]


def dot(x: float, y: float, style: str, series: str | None = None) -> Markup:
    """Draw a point."""
    return tag("circle", cx=x, cy=y, r=4, class_=f"dot {style}", data_s=series)


def draw_bands(plot: Plot, xs: Sequence[float]) -> None:
    """Cover the plot with unseen bands, one about each x, that show its values on hover."""
    at = [plot.x(x) for x in xs]
    edges = [plot.left, *[(a + b) / 2 for a, b in pairwise(at)], plot.right]
    for place, middle in enumerate(at):
        plot.marks.append(
            tag(
                "rect",
                x=edges[place],
                y=plot.top,
                width=max(edges[place + 1] - edges[place], 0.1),
                height=plot.bottom - plot.top,
                class_="band",
                data_i=str(place),
                data_x=f"{middle:.1f}",
            )
        )
