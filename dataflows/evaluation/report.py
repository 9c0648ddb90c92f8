"""A replay's report: as JSON, as a CSV of ranks, and on the screen."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dataflows.engine.catalogue.known_items import REMEDY, Joined
from dataflows.errors import InputError
from dataflows.evaluation.intent_report import (
    calibration_line,
    intent_table,
    out_of_scope_line,
    why_nothing,
)
from dataflows.evaluation.judging.scored import Scored
from dataflows.evaluation.metrics.accuracy import YOUNG_EVENTS
from dataflows.evaluation.metrics.rank_metrics import names
from dataflows.evaluation.narrow_tables import print_whole
from dataflows.state.ledger import OUTCOMES

FEW = 100
"""Events below which a figure is said to be of few."""

TITLES = {
    "tie_safe": "penchant",
    "plain": "  event by event",
    "as_served": "  as last sent",
}


def write_json(report: dict[str, Any], path: Path) -> None:
    """Write the report as strict JSON. Raises InputError where the file cannot be written."""
    write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n", path)


def write_ranks(scored: Scored, path: Path) -> None:
    """Write one row per scored event: event_id, tie-safe rank (empty for a miss), candidates."""
    ranks, candidates = scored.column("tie_safe").tolist(), scored.column("candidates").tolist()
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["event_id", "rank", "candidates"])
            writer.writerows(
                (event_id, rank or "", among)
                for event_id, rank, among in zip(scored.event_ids, ranks, candidates, strict=True)
            )
    except OSError as error:
        raise _unwritable(path, error) from None


def check_writable(*paths: Path | None) -> None:
    """Raise InputError for the first file that could not be written, before the long work."""
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"{path}: there is no folder {path.parent}; make it first")
        if path is not None and path.is_dir():
            raise InputError(f"{path}: this is a folder; name a file")


def render(report: dict[str, Any], console: Console) -> None:
    """Print the report: of lists where events were ranked, of intent where they had labels."""
    show_accuracy(report, console, leads=True)
    if report["intent"]["events"]:
        print_whole(intent_table(report), console)
    of_intent = [out_of_scope_line(report), calibration_line(report)]
    lines = [*of_intent, ledger_line(report["events"]), *_remarks(report)]
    for line in filter(None, lines):
        console.print(line, highlight=False, markup=False)


def show_accuracy(report: dict[str, Any], console: Console, *, leads: bool) -> None:
    """Print the figures of the lists, with `leads` over each baseline, or why there are none."""
    if not report["scored"]:
        console.print(f"No list was judged: {why_nothing(report)}.", highlight=False)
        return
    print_whole(figures_table(report), console)
    if leads and report["peers"]:
        print_whole(lead_table(report), console)
    console.print(by_quarter(report), highlight=False)
    if few := of_few(report):
        console.print(few, highlight=False, style="yellow")


def figures_table(report: dict[str, Any]) -> Table:
    """Lay out the figures, one method a row."""
    k = report["k"]
    title = f"{report['log']}: {report['scored']:,} events scored"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for name in (*names(k), "95 % of hr", "hr cold", "hr warm"):
        table.add_column(name.upper(), justify="right", no_wrap=True)
    for name, figures in {**_variants(report), **report["peers"]}.items():
        table.add_row(TITLES.get(name, name), *_cells(figures, k))
    return table


def lead_table(report: dict[str, Any]) -> Table:
    """Lay out how far ahead of each baseline the lists are, over the same events."""
    hit_rate, best = names(report["k"])[0], report["best_peer"]
    table = Table(
        title=f"penchant less each baseline, {hit_rate.upper()} (the best baseline is marked *)",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("BASELINE", no_wrap=True)
    for name in ("lead", "95 %", "in %", "cold", "events/s"):
        table.add_column(name.upper(), justify="right", no_wrap=True)
    for name, baseline in report["peers"].items():
        lead = baseline["lead"]
        table.add_row(
            f"{name} *" if name == best else name,
            _signed(lead[hit_rate]),
            _span(lead["interval"][hit_rate]),
            _signed(more_by(lead[hit_rate], baseline[hit_rate]), 0),
            _signed(lead["cold"][hit_rate]),
            _number(baseline["events_per_cpu_second"], 0),
        )
    return table


def more_by(lead: float | None, of: float | None) -> float | None:
    """Return a lead in per cent of a baseline's figure; None where either is unknown or 0."""
    return 100.0 * lead / of if lead is not None and of else None


def ledger_line(events: dict[str, Any]) -> str:
    """Describe in one line what became of every record."""
    parts = " + ".join(f"{events[name]:,} {name.replace('_', ' ')}" for name in OUTCOMES)
    return f"records: {events['in']:,} in = {parts}"


def by_quarter(report: dict[str, Any]) -> str:
    """Describe in one line how the hit rate went from quarter to quarter."""
    hit_rate = names(report["k"])[0]
    parts = ", ".join(_number(part[hit_rate]) for part in report["tie_safe"]["quarters"])
    return f"{hit_rate.upper()} by quarter of the scored events: {parts}"


def of_few(report: dict[str, Any]) -> str:
    """Say in one line which figures are of fewer than `FEW` events; "" where none is."""
    scored, hit_rate = report["scored"], names(report["k"])[0].upper()
    cold, warm = (report["tie_safe"][part]["events"] for part in ("cold", "warm"))
    if scored < FEW:
        return (
            f"these figures are of {_events(scored)} only ({cold:,} cold, {warm:,} warm): one hit "
            f"more or less moves {hit_rate} by {1 / scored:.4f}, so they say little"
        )
    parts = {"HR COLD": cold, "HR WARM": warm}
    small = [f"{name} is of {_events(n)} only" for name, n in parts.items() if 0 < n < FEW]
    return ", ".join(small)


def _events(count: int) -> str:
    return f"{count:,} event" if count == 1 else f"{count:,} events"


def _variants(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("tie_safe", "plain", "as_served")}


def _cells(figures: dict[str, Any], k: int) -> list[str]:
    hit_rate = names(k)[0]
    interval = figures["interval"][hit_rate]
    return [
        *(_number(figures[name]) for name in names(k)),
        "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}",
        _number(figures["cold"][hit_rate]),
        _number(figures["warm"][hit_rate]),
    ]


def _span(limits: list[float] | None) -> str:
    return "-" if limits is None else " to ".join(_signed(limit, 3) for limit in limits)


def _signed(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:+.{digits}f}"


def _number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _remarks(report: dict[str, Any]) -> list[str]:
    k, unscored, new = report["k"], report["unscored"], report["new_items"]
    hit_rate = names(k)[0]
    not_scored = (
        f"learnt but not scored: {unscored['warmup']:,} warm-up, {unscored['repeat']:,} repeats, "
        f"{unscored['no_item']:,} without an item"
    )
    reach = (
        f"repeats: {report['settings']['repeats']} ({_percent(report['repeat_share'])} of the "
        f"warm-up's events); true item among the candidates: "
        f"{_percent(report['candidate_recall'])}; items that reached a list: "
        f"{_percent(report['coverage'])}"
    )
    remarks = [not_scored, reach] if report["scored"] else []
    if report["scored"] and report["settings"]["repeats"] == "on":
        parts = report["repeats"]
        remarks.append(
            f"HR of repeats {_number(parts['repeat'][hit_rate])} ({parts['repeat']['events']:,} "
            f"events), of new items {_number(parts['new'][hit_rate])} ({parts['new']['events']:,})"
        )
    if new["events"]:
        remarks.append(
            f"{new['events']:,} of the {report['scored']:,} events scored are on items that nobody "
            f"had met before: misses in all figures above. The catalogue knew {new['listed']:,} of "
            f"them by their text, and {new['hits']:,} were in the first {k} all the same"
        )
    if report["tie_safe"]["young"]["events"]:
        remarks.append(_young(report))
    remarks += [
        f"{name}: {note}"
        for name, baseline in report["peers"].items()
        for note in baseline["notes"]
    ]
    remarks += [f"{name} was left out: {reason}" for name, reason in report["left_out"].items()]
    remarks += [drift_line(report["counts"]), _speed(report)]
    if report.get("catalogue") is not None:
        remarks.append(_catalogue(report))
    return [remark for remark in remarks if remark]


def drift_line(counts: dict[str, int]) -> str:
    """Return one line with the number of drift alarms; "" where there were none."""
    alarms = {name.removeprefix("drift_"): n for name, n in counts.items() if "drift_" in name}
    text = ", ".join(f"{n:,} of {name.replace('_', ' ')}" for name, n in alarms.items())
    return f"drift alarms: {text}" if text else ""


def _catalogue(report: dict[str, Any]) -> str:
    """Describe how many items of the events the catalogue knows, and what to do about few."""
    joined = msgspec.convert(report["catalogue"], Joined)
    line = joined.summary() or "no event names an item"
    return f"{line}. {REMEDY}" if joined.are_few else line


def _young(report: dict[str, Any]) -> str:
    """Describe how items do that the stream hardly knows, ours and the best baseline's."""
    hit_rate, young = names(report["k"])[0], report["tie_safe"]["young"]
    text = (
        f"apart from those figures, {hit_rate.upper()} of the {_events(young['events'])} on items "
        f"with fewer than {YOUNG_EVENTS} events so far, what is found by its text alone being a "
        f"hit here: {_number(young[hit_rate])}; of the {young['met']['events']:,} on items met "
        f"before {_number(young['met'][hit_rate])}"
    )
    best = report["best_peer_of"]["young"]
    if best is None:
        return text
    baseline = report["peers"][best]["young"]
    return (
        f"{text}; of the best baseline, {best}, {_number(baseline[hit_rate])} and "
        f"{_number(baseline['met'][hit_rate])}"
    )


def _speed(report: dict[str, Any]) -> str:
    latency = report["latency_ms"]
    until = "a list" if report["lists"] else "what is thought of an event"
    usual, first = usual_latency(report), latency["first"]
    apart = first is not None and usual is not latency
    compiled = f"; the first batch, which compiles, {_number(first['ms'], 1)} ms" if apart else ""
    return (
        f"speed: {_number(report['events_per_cpu_second'], 0)} events per CPU second without the "
        f"judge; latency of {until} {_number(usual['p50'], 1)} ms (p50), "
        f"{_number(usual['p99'], 1)} ms (p99), batches of {report['settings']['batch_size']}"
        f"{compiled}"
    )


def usual_latency(report: dict[str, Any]) -> dict[str, Any]:
    """Return the percentiles without the first micro-batch; with it where there is no other."""
    latency: dict[str, Any] = report["latency_ms"]
    later: dict[str, Any] = latency["later"]
    return latency if later["p50"] is None else later


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file. Raises InputError where that cannot be done."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: {error.strerror}; name a file in a folder that can be written")
