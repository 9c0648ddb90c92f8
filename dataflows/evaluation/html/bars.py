"""Bars: groups of them side by side at even places, or one between each two edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis
from dataflows.evaluation.html.svg import tag


class Bars(NamedTuple):
    """The heights of one kind of bar at each place."""

    heights: Sequence[float]
    style: str


def places(title: str, labels: Sequence[str]) -> Axis:
    """Make an axis of even places 0, 1, 2, ... with these labels."""
    marks = tuple((float(place), label) for place, label in enumerate(labels))
    return Axis(title, -0.5, max(len(labels), 1) - 0.5, str, marks=marks)


def draw_bars(plot: Plot, kinds: Sequence[Bars]) -> None:
    """Draw groups of bars on an axis of even places; `data-i` counts the places."""
    wide = 0.8 / max(len(kinds), 1)
    for number, kind in enumerate(kinds):
        for place, height in enumerate(kind.heights):
            start = place - 0.4 + number * wide
            _bar(plot, (start + 0.02, start + wide - 0.02), height, kind.style, place)


def draw_histogram(plot: Plot, edges: Sequence[float], counts: Sequence[float]) -> None:
    """Draw a bar between each two edges."""
    for place, height in enumerate(counts):
        if height:
            _bar(plot, (edges[place], edges[place + 1]), height, "s0", place)


def _bar(plot: Plot, ends: tuple[float, float], height: float, style: str, place: int) -> None:
    left, right = plot.x(ends[0]), plot.x(ends[1])
    top, foot = plot.y(height), plot.y(max(0.0, plot.y.axis.low))
    plot.marks.append(
        tag(
            "rect",
            x=left,
            y=min(top, foot),
            width=max(right - left - 1, 0.5),
            height=max(abs(foot - top), 0.5),
            class_=f"bar {style}",
            data_i=str(place),
        )
    )
