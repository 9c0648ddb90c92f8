"""What a conversion did: rows in, events and items out, and every row that was refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataflows.convert.tally import RefusedRow


class ConvertReport(msgspec.Struct, frozen=True):
    """Counts of one conversion. `refused` is reason -> rows; `examples` show a few of them.

    A row may give more than one event (a session's clicks) or none. `first` and
    `last` are seconds since 1970 UTC, `timed` is false where the set has no
    times and rows were put one second apart.
    """

    format: str
    events_path: Path
    items_path: Path
    rows: int
    events: int
    items: int
    refused: dict[str, int]
    examples: tuple[RefusedRow, ...]
    first: float
    last: float
    timed: bool
    was_sorted: bool
    repeated_ids: int = 0
    shuffle: int | None = None
    remarks: tuple[str, ...] = ()


def render(report: ConvertReport, console: Console) -> None:
    """Print the report for a person."""
    console.print(_figures(report))
    for row in report.examples:
        text = f"{row.file}, line {row.line}: {row.reason}: {row.detail}"
        console.print(Text(text, style="yellow"), soft_wrap=True)
    for remark in _remarks(report):
        console.print(Text(remark))
    for path in (report.events_path, report.items_path):
        console.print(Text(str(path)), soft_wrap=True)


def _figures(report: ConvertReport) -> Table:
    table = Table(title=f"converted from {report.format}", show_header=False, title_justify="left")
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_row("rows read", f"{report.rows:,}")
    table.add_row("events written", f"{report.events:,}")
    table.add_row("items written", f"{report.items:,}")
    table.add_row("rows refused", f"{sum(report.refused.values()):,}")
    for reason, count in sorted(report.refused.items()):
        table.add_row(f"  {reason}", f"{count:,}")
    if report.repeated_ids:
        table.add_row("events of a repeated row", f"{report.repeated_ids:,}")
    return table


def _remarks(report: ConvertReport) -> list[str]:
    remarks = list(report.remarks)
    if report.shuffle is not None:
        remarks.append(
            f"Rows are in an order drawn with seed {report.shuffle}; times are dealt out."
        )
    elif report.timed and not report.was_sorted:
        remarks.append("The rows were not in order of time; they are now, ties in their old order.")
    if not report.timed:
        remarks.append("The set has no times: its rows are one second apart.")
        if report.shuffle is None:
            remarks.append("They are in the order of the file; --shuffle SEED mixes them.")
    if report.repeated_ids:
        remarks.append("Repeated rows share one event id, so that cleaning drops the copies.")
    return remarks
