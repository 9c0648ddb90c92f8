"""A figure of the page: one drawing in several widths, its key, and its values as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from dataflows.evaluation.html.plot import Plot

HALF = (500, 350)
FULL = (1040, 680, 350)
"""Widths that a drawing is made in; the widest that fits is shown."""


class Key(NamedTuple):
    """One entry of the key; `style` is its class, `series` what it points out."""

    label: str
    style: str
    series: str | None = None


class Table(NamedTuple):
    """Values in words. The first cell of a row is its head; the last one is text if `is_prose`."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_prose: bool = False


class Figure(NamedTuple):
    """`says` is what one sees; `tips` are the words for each place with a number `data-i`."""

    name: str
    title: str
    says: str
    drawings: Markup
    table: Table
    keys: Sequence[Key] = ()
    tips: Sequence[str] = ()
    is_wide: bool = False


def drawn(
    name: str, title: str, says: str, widths: Sequence[int], plot: Callable[[int], Plot]
) -> Markup:
    """Draw in each width."""
    return Markup("").join(plot(width).render(f"{name}-{width}", title, says) for width in widths)
