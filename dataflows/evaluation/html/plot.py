"""A drawing with two axes: grid, marks, titles, and room for what is drawn inside."""

from __future__ import annotations

from markupsafe import Markup

from dataflows.evaluation.html.scale import Axis, Scale
from dataflows.evaluation.html.svg import line, tag, text

LETTER = 7.4
"""About how wide a letter of the axes is."""
_ABOVE, _BELOW, _BESIDE = 30.0, 46.0, 14.0


class Plot:
    """Room for `x` and `y` in a drawing of this size. Add elements to `marks`.

    `extra` is room between the title of the y axis and the plot.
    """

    def __init__(
        self,
        width: int,
        height: int,
        x: Axis,
        y: Axis,
        *,
        left: float | None = None,
        extra: int = 0,
    ) -> None:
        self.width, self.height = width, height
        self._rows = y.ticks(max(2, (height - 76) // 40))
        letters = max((len(words) for _, words in self._rows), default=0)
        self.left = LETTER * letters + 12 if left is None else left
        self.right, self.top, self.bottom = width - _BESIDE, _ABOVE + extra, height - _BELOW
        self.x = Scale(x, self.left, self.right)
        self.y = Scale(y, self.bottom, self.top)
        self.marks: list[Markup] = []

    def render(self, name: str, title: str, desc: str) -> Markup:
        """Return the drawing; `name` is an id of its own in the page."""
        return tag(
            "svg",
            tag("title", title, id=f"{name}-t"),
            tag("desc", desc, id=f"{name}-d"),
            *self._frame(),
            *self.marks,
            viewBox=f"0 0 {self.width} {self.height}",
            width=self.width,
            height=self.height,
            class_=f"w{self.width}",
            role="img",
            aria_labelledby=f"{name}-t",
            aria_describedby=f"{name}-d",
        )

    def _frame(self) -> list[Markup]:
        x, y = self.x.axis, self.y.axis
        drawn = [text(2, 15, y.title, class_="axis")] if y.title else []
        for value, words in self._rows:
            at = self.y(value)
            drawn.append(line(self.left, at, self.right, at, "grid"))
            drawn.append(text(self.left - 7, at + 4, words, "end"))
        drawn.append(line(self.left, self.bottom, self.right, self.bottom, "base"))
        drawn += self._columns()
        drawn.append(text(self.right, self.height - 6, x.title, "end", "axis"))
        return drawn

    def _columns(self) -> list[Markup]:
        """Mark the x axis where there is room for the words."""
        drawn: list[Markup] = []
        free = -1.0
        widest = max((len(w) for _, w in self.x.axis.ticks(8)), default=1) * LETTER + 14
        for value, words in self.x.axis.ticks(max(2, int((self.right - self.left) // widest))):
            half = LETTER * len(words) / 2
            at = self.x(value)
            middle = min(max(at, half + 1), self.width - half - 1)
            if middle - half < free:
                continue
            free = middle + half + 6
            drawn.append(line(at, self.bottom, at, self.bottom + 5, "base"))
            drawn.append(text(middle, self.bottom + 18, words, "middle"))
        return drawn
