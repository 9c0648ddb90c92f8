"""What a conversion did: rows in, events and items out, and every row that was refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataflows.datasets.output.join import Join
from dataflows.datasets.rows.columns import Column
from dataflows.datasets.rows.tally import RefusedRow

SETTINGS = "penchant.toml"


class ConvertReport(msgspec.Struct, frozen=True):
    """Counts of one conversion. `refused` is reason -> rows; `examples` show a few of them.

    A row may give more than one event (a session's clicks) or none. `first` and
    `last` are seconds since 1970 UTC, `timed` is false where the set has no
    times and rows were put one second apart, or as `made_times` says. `implausible` events are
    dated so that a run refuses them by default. `notes` are counts of what cost no row, `columns`
    says what became of each column, and `unread` why files beside were not read. `settings` are
    what a configuration should say of this log, as TOML, "" for nothing; `settings_path` is where
    they were written, None where there was another such file.
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
    join: Join
    repeated_ids: int = 0
    shuffle: int | None = None
    implausible: int = 0
    notes: dict[str, int] = {}
    columns: tuple[Column, ...] = ()
    unread: dict[str, str] = {}
    remarks: tuple[str, ...] = ()
    made_times: str = ""
    settings: str = ""
    settings_path: Path | None = None

    @property
    def is_usable(self) -> bool:
        """Whether a run would take any of the events as they are."""
        return self.implausible < self.events


def render(report: ConvertReport, console: Console) -> None:
    """Print the report for a person."""
    console.print(_figures(report))
    for table in _columns(report.columns):
        console.print(table)
    for row in report.examples:
        text = f"{row.file}, line {row.line}: {row.reason}: {row.detail}"
        console.print(Text(text, style="yellow"), soft_wrap=True)
    for remark in _remarks(report):
        console.print(Text(remark), soft_wrap=True)
    for path in (report.events_path, report.items_path, report.settings_path):
        if path is not None:
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
    for what, count in report.notes.items():
        table.add_row(what, f"{count:,}")
    for what, figure in _joined(report.join):
        table.add_row(what, figure)
    return table


def _joined(found: Join) -> Iterator[tuple[str, str]]:
    """Yield how many items of the events are in the catalogue, where there are any."""
    if not found.catalogue:
        yield from [("items that events name", f"{found.items:,}")] if found.items else []
        return
    yield "items of events in the catalogue", f"{found.known:,} of {found.items:,}"
    yield "events on those", f"{found.known_events:,} of {found.events:,}"
    yield "items of the catalogue in no event", f"{found.unused:,} of {found.catalogue:,}"


def _columns(columns: tuple[Column, ...]) -> Iterator[Table]:
    """Yield a table for each file: column, what it becomes, and how many values were no such."""
    for file, group in groupby(columns, key=lambda column: column.file):
        table = Table(title=Text(f"columns of {file}"), title_justify="left")
        table.add_column("column", overflow="fold")
        table.add_column("becomes", overflow="fold")
        table.add_column("unreadable", justify="right", overflow="fold")
        for column in group:
            bad = f"{column.unreadable:,} (such as {column.example})" if column.unreadable else "0"
            style = "yellow" if column.is_left_out or column.unreadable else ""
            table.add_row(*map(Text, (column.name, column.becomes, bad)), style=style)
        yield table


def _remarks(report: ConvertReport) -> list[str]:
    remarks = list(report.remarks)
    if report.shuffle is not None:
        remarks.append(
            f"Rows are in an order drawn with seed {report.shuffle}; times are dealt out."
        )
    elif report.timed and not report.was_sorted:
        remarks.append("The rows were not in order of time; they are now, ties in their old order.")
    if report.made_times:
        remarks.append(report.made_times)
    elif not report.timed:
        remarks.append("The set has no times: its rows are one second apart.")
        if report.shuffle is None:
            remarks.append("They are in the order of the file; --shuffle SEED mixes them.")
    if report.implausible:
        remarks.append(
            f"{report.implausible:,} events are dated before 1990 or after 2100: a run refuses "
            "those unless [events] min_time and max_time allow them."
        )
    remarks.extend(_strangers(report.join))
    if report.unread:
        unread = (f"{name} ({why})" if why else name for name, why in report.unread.items())
        remarks.append(f"Files that were not read: {', '.join(unread)}.")
    if report.settings:
        remarks.append(_settings(report))
    if report.repeated_ids:
        remarks.append("Repeated rows share one event id, so that cleaning drops the copies.")
    return remarks


def _settings(report: ConvertReport) -> str:
    said = "Values look like stars; low ones are no wishes where the configuration says so"
    if report.settings_path is not None:
        return f"{said} (--config {report.settings_path})."
    return f"{said}. There is a {SETTINGS} already, so put into it:\n{report.settings.rstrip()}"


def _strangers(joined: Join) -> list[str]:
    """Show ids that only the events or only the catalogue have, where there is a catalogue."""
    if not joined.catalogue:
        return []
    remarks = []
    if joined.unknown_examples:
        remarks.append(f"Items that only events have: {_some(joined.unknown_examples)}.")
    if joined.unused_examples:
        remarks.append(f"Items that only the catalogue has: {_some(joined.unused_examples)}.")
    return remarks


def _some(ids: tuple[str, ...]) -> str:
    return ", ".join(map(repr, ids))
