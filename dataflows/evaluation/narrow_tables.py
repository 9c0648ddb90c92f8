"""Tables of figures on a screen that is too narrow for them: no figure is ever cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

BETWEEN = "   "
INDENT = "  "


def print_whole(table: Table, console: Console) -> None:
    """Print a table; where it does not fit, row by row, each figure behind the head of its column.

    Into a file or a pipe it goes as wide as it is: nothing there has a width.
    """
    wide = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    if wide <= console.width:
        console.print(table)
    elif console.is_terminal:
        _print_rows(table, console)
    else:
        table.width = wide
        console.print(table, crop=False, soft_wrap=True)


def _print_rows(table: Table, console: Console) -> None:
    if table.title:
        console.print(table.title, style="italic", highlight=False)
    heads = [str(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        name, *figures = (str(cell) for cell in row)
        console.print(Text(name.strip(), style="bold"))
        parts = [f"{head} {figure}" for head, figure in zip(heads[1:], figures, strict=True)]
        for line in _lines(parts, console.width - len(INDENT)):
            console.print(Text(INDENT + line))


def _lines(parts: Sequence[str], width: int) -> list[str]:
    """Fill lines with parts, none of which is broken."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{BETWEEN}{part}" if lines else part
        if lines and len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines
