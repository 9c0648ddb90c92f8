"""The report of `penchant check`: figures, and how they look on a screen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataflows.engine.catalogue.known_items import Joined
from dataflows.messages.fields import iso

TITLES = {
    "learnt": "would be learnt",
    "observed": "only observed",
    "skipped": "skipped by policy",
    "duplicate": "dropped as duplicates",
    "dead_letter": "dead letters",
}


class SampleRecord(msgspec.Struct, frozen=True):
    """One record: number of its line (from 1), byte offset, what becomes of it, and its start."""

    line: int
    offset: int
    outcome: str
    reason: str
    detail: str
    start: bytes


class ItemsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a catalogue.

    `rows` are `taken` or `refused` (reason -> count); `items` are different ids. All below
    counts rows that are taken: `repeated` those whose id an earlier row has.
    """

    path: Path
    rows: int
    taken: int
    items: int
    refused: dict[str, int]
    repeated: int
    blank_title: int
    no_category: int
    no_text: int
    unavailable: int
    html: int
    cut: int
    unknown_fields: dict[str, int]
    examples: tuple[SampleRecord, ...]
    remarks: tuple[str, ...]


class CheckReport(msgspec.Struct, frozen=True):
    """What is in a log.

    `outcomes` add up to `records`; `reasons` is outcome -> reason -> count. All
    below counts events that could be read: `missing` how many lack a field,
    `out_of_order` how many are older than one before them (`max_step_back`
    seconds at most), `late` how many lie too far behind event time, `dated_ahead`
    how many lie after the present. Times are seconds since 1970. `users` and
    `items` are estimates, within a percent, where `is_exact` is false. `snippet` is TOML to
    begin a configuration with, "" for none; `catalogue` and `joined` tell of the items.
    """

    path: Path
    records: int
    outcomes: dict[str, int]
    reasons: dict[str, dict[str, int]]
    examples: tuple[SampleRecord, ...]
    first: float | None
    last: float | None
    users: int
    items: int
    is_exact: bool
    types: dict[str, int]
    missing: dict[str, int]
    unknown_fields: dict[str, int]
    out_of_order: int
    max_step_back: float
    late: int
    max_lateness: float
    dated_ahead: int
    text_cut: int
    text_repaired: int
    remarks: tuple[str, ...]
    snippet: str = ""
    catalogue: ItemsReport | None = None
    joined: Joined | None = None

    @property
    def is_usable(self) -> bool:
        """Whether anything would be learnt, and any item be known."""
        return self.outcomes["learnt"] > 0 and (self.catalogue is None or self.catalogue.taken > 0)

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to remark, and no line is refused."""
        refused = self.outcomes["dead_letter"]
        return not (refused or self.remarks or (self.catalogue and self.catalogue.remarks))


def render(report: CheckReport, console: Console, unread: Path | None = None) -> None:
    """Print the report for a person; `unread` is a configuration that lies there and was not read.

    What it sets is not known, so settings to begin with are proposed all the same.
    """
    console.print(Text(f"{report.path}: {report.records:,} records"), soft_wrap=True)
    console.print(_outcomes(report))
    console.print(_facts(report))
    if report.examples:
        console.print(_examples(report.examples))
    if report.catalogue is not None:
        render_items(report.catalogue, console)
    for remark in (*report.remarks, *(report.catalogue.remarks if report.catalogue else ())):
        console.print(Text(_plain(remark, 2000), style="yellow"))
    if report.snippet:
        console.print("settings to begin with, as guessed from names and numbers:")
        if unread is not None:
            doubt = f"({unread} was not read and may have them already: give --config {unread})"
            console.print(Text(doubt, style="yellow"), soft_wrap=True)
        console.print(Text(report.snippet), soft_wrap=True)
    if not report.is_usable:
        console.print(Text("Nothing of this is usable as it is.", style="bold red"))


def render_items(report: ItemsReport, console: Console) -> None:
    """Print what is in a catalogue."""
    console.print(Text(f"{report.path}: {report.rows:,} rows"), soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_row("would be taken", f"{report.taken:,} rows, {report.items:,} items")
    table.add_row("would be refused", _counts(report.refused) or "none")
    marks = {
        "of an item that has a row": report.repeated,
        "with a blank title": report.blank_title,
        "without a category": report.no_category,
        "without text": report.no_text,
        "not available": report.unavailable,
        "with HTML": report.html,
        "cut": report.cut,
    }
    for name, count in marks.items():
        if count:
            table.add_row(name, f"{count:,} of {report.taken:,} rows ({count / report.taken:.0%})")
    if report.unknown_fields:
        table.add_row("ignored fields", _counts(report.unknown_fields))
    console.print(table)
    if report.examples:
        console.print(_examples(report.examples))


def _outcomes(report: CheckReport) -> Table:
    table = Table()
    table.add_column("what becomes of them")
    table.add_column("records", justify="right")
    table.add_column("share", justify="right")
    for outcome, count in report.outcomes.items():
        table.add_row(TITLES[outcome], f"{count:,}", f"{count / report.records:.1%}", style="bold")
        for reason, part in report.reasons.get(outcome, {}).items():
            table.add_row(f"  {reason}", f"{part:,}", f"{part / report.records:.1%}")
    return table


def _facts(report: CheckReport) -> Table:
    table = Table(title="events that can be read", title_justify="left", show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    about = "" if report.is_exact else "about "
    events = report.records - report.outcomes["dead_letter"]
    if report.first is not None and report.last is not None:
        days = (report.last - report.first) / 86_400
        table.add_row("time", f"{iso(report.first)} to {iso(report.last)} ({days:,.1f} days)")
    table.add_row("users, items", f"{about}{report.users:,}, {about}{report.items:,}")
    if report.joined is not None:
        table.add_row("join", Text(_plain(report.joined.summary() or "no event names an item")))
    table.add_row("types", _counts(report.types) or "none")
    table.add_row("out of order", f"{report.out_of_order:,}{_by(report.max_step_back)}")
    table.add_row("late", f"{report.late:,}{_by(report.max_lateness)}")
    table.add_row("dated after now", f"{report.dated_ahead:,}")
    table.add_row("optional fields", Text(_optional(report.missing, events)))
    table.add_row("odd text", f"{report.text_repaired:,} repaired, {report.text_cut:,} cut")
    if report.unknown_fields:
        table.add_row("ignored fields", _counts(report.unknown_fields))
    return table


def _optional(missing: dict[str, int], events: int) -> str:
    """Say in how many events each field stands that may be left out."""
    grouped: dict[str, list[str]] = {}
    for name, lacking in missing.items():
        there = events - lacking
        of = f"{there:,} of {events:,}" if there and lacking else "all" if there else "none"
        grouped.setdefault(of, []).append(name)
    return "; ".join(f"{', '.join(fields)} in {of}" for of, fields in grouped.items())


def _examples(examples: Iterable[SampleRecord]) -> Table:
    table = Table(title="examples", title_justify="left")
    table.add_column("line", justify="right")
    table.add_column("becomes")
    table.add_column("because", overflow="fold")
    table.add_column("starts with", overflow="fold")
    for example in examples:
        because = ": ".join(filter(None, (example.reason, example.detail)))
        table.add_row(
            str(example.line),
            example.outcome.replace("_", " "),
            Text(_plain(because)),
            Text(_plain(example.start.decode("utf-8", "backslashreplace"), 60)),
        )
    return table


def _counts(counts: dict[str, int]) -> Text:
    """Write counts in a row."""
    return Text(", ".join(f"{_plain(name, 40)} {count:,}" for name, count in counts.items()))


def _by(seconds: float) -> str:
    """Write the greatest distance in the largest unit that fits."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f", by {seconds / length:,.1f} {unit} at most"
    return f", by {seconds:,.3g} seconds at most" if seconds else ""


def _plain(text: str, limit: int = 300) -> str:
    """Make text safe to print: no control characters, no halves of characters, not too long."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[:limit]
    )
    return f"{shown}..." if len(text) > limit else shown
