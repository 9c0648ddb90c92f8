"""One line for each method over the same places: how they are drawn, listed and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dataflows.evaluation.html import words
from dataflows.evaluation.html.figure import Table
from dataflows.evaluation.html.lines import PlotLine, draw_bands, draw_lines
from dataflows.evaluation.html.methods import Method
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis, room

_FEW = 6
"""With more methods than this, lines have no points on them."""


class MethodCurves(NamedTuple):
    """Values of each method at each of `xs`, by its key.

    `cells` says in words what each place is, under the heads `head`.
    """

    shown: Sequence[Method]
    xs: Sequence[float]
    values: Mapping[str, Sequence[float]]
    head: Sequence[str]
    cells: Sequence[Sequence[str]]

    def y_axis(self, title: str) -> Axis:
        """Return an axis that has room for all values."""
        return room([value for each in self.values.values() for value in each], words.brief, title)

    def draw(self, plot: Plot, *, dots: bool = False) -> None:
        """Draw the lines, and the bands that tell their values."""
        lines = [
            PlotLine(self.xs, self.values[method.key], method.style, method.key)
            for method in self.shown
        ]
        draw_lines(plot, lines, dots=dots and len(self.shown) <= _FEW)
        draw_bands(plot, self.xs)

    def table(self) -> Table:
        """Return all values, a row for each place."""
        head = [*self.head, *(method.label for method in self.shown)]
        return Table(head, [[*self.cells[place], *self._said(place)] for place in self._places()])

    def tips(self) -> list[str]:
        """Return the values at each place in words, the highest first."""
        return [
            tip(
                ", ".join(
                    f"{cell} {name}"
                    for cell, name in zip(self.cells[place], self.head, strict=True)
                ),
                self._said(place),
                self.shown,
            )
            for place in self._places()
        ]

    def _places(self) -> range:
        return range(len(self.xs))

    def _said(self, place: int) -> list[str]:
        return [words.share(self.values[method.key][place]) for method in self.shown]


def tip(first: str, values: Sequence[str], shown: Sequence[Method]) -> str:
    """Write what a place is, and the values of the methods there, the highest first."""
    rows = sorted(zip(values, shown, strict=True), key=lambda pair: pair[0], reverse=True)
    return "\n".join([first, *(f"{value}  {method.label}" for value, method in rows)])
