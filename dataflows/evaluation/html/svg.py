"""Elements of SVG as text, escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Value = str | float | None


def tag(name: str, *children: object, **attributes: Value) -> Markup:
    """Make an element. `class_` is class, `_` in a name is a hyphen; None leaves one out.

    Children are escaped unless they are Markup. Numbers are cut to a tenth.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _shown(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inside)  # noqa: S704 - ours


def text(x: float, y: float, words: str, anchor: str = "start", class_: str = "tick") -> Markup:
    """Write words at a place; `anchor` is start, middle or end."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Draw a straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str, series: str | None = None) -> Markup:
    """Draw a line through points."""
    steps = "L".join(f"{_shown(x)},{_shown(y)}" for x, y in points)
    return tag("path", d=f"M{steps}" if steps else "", class_=class_, data_s=series)


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    rounded = round(float(value or 0.0), 1)
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)
