"""Rows of points with their intervals: one row a method, so that names are read with ease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dataflows.evaluation.html.plot import LETTER, Plot
from dataflows.evaluation.html.scale import Axis
from dataflows.evaluation.html.svg import line, tag, text

_ROW, _NARROW_ROW, _NARROW = 27, 42, 400


class Point(NamedTuple):
    """A value in a row with its interval, if there is one; `hollow` tells a second kind apart."""

    value: float | None
    interval: Sequence[float] | None = None
    hollow: bool = False


class DotRow(NamedTuple):
    """One row: what is written before it, its class, its points."""

    label: str
    style: str
    points: Sequence[Point]


def draw_rows(width: int, x: Axis, rows: Sequence[DotRow], zero: float | None = None) -> Plot:
    """Draw rows of points from the top; a line marks `zero`. `data-i` counts the rows.

    Names stand before their rows, in a narrow drawing above them.
    """
    narrow, n = width < _NARROW, max(len(rows), 1)
    names = tuple((float(-place), "" if narrow else row.label) for place, row in enumerate(rows))
    y = _Names("", (0.5 if narrow else 0.6) - n, 0.9 if narrow else 0.6, str, marks=names)
    longest = max((len(row.label) for row in rows), default=0)
    left = 8.0 if narrow else min(LETTER * longest, 0.48 * width) + 16
    height = (_NARROW_ROW if narrow else _ROW) * n + 62
    plot = Plot(width, height, x, y, left=left, extra=-20)
    if zero is not None:
        plot.marks.append(line(plot.x(zero), plot.top, plot.x(zero), plot.bottom, "zero"))
    for place, row in enumerate(rows):
        if narrow:
            plot.marks.append(text(plot.left + 4, plot.y(-place) - 11, row.label, class_="name"))
        for point in row.points:
            _point(plot, row, point, place)
    return plot


class _Names(Axis):
    """An axis of names, of which none may be left out."""

    __slots__ = ()

    def ticks(self, most: int) -> list[tuple[float, str]]:  # noqa: ARG002
        return list(self.marks)


def _point(plot: Plot, row: DotRow, point: Point, place: int) -> None:
    at = plot.y(-place)
    if point.interval is not None:
        low, high = (plot.x(limit) for limit in point.interval)
        plot.marks.append(line(low, at, high, at, f"whisker {row.style}"))
    if point.value is not None:
        style = f"dot {row.style}" + (" hollow" if point.hollow else "")
        plot.marks.append(
            tag("circle", cx=plot.x(point.value), cy=at, r=5, class_=style, data_i=str(place))
        )
