"""Put the page together, and write it."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from dataflows.page import accuracy_figures as accuracy
from dataflows.page import calibration_figures as calibration
from dataflows.page import list_figures as lists
from dataflows.page import model_figures as model
from dataflows.page import rank_figures as ranks
from dataflows.page import records, summary
from dataflows.page import stream_figures as stream
from dataflows.page.figure import Figure, Table
from dataflows.report import write_bytes


class Section(NamedTuple):
    """A part of the page; `aside` stands after its figures."""

    name: str
    title: str
    figures: list[Figure]
    aside: tuple[str, Table] | None = None
    small: list[Figure] = []  # noqa: RUF012 - a default that nobody writes to
    says: str = ""


def write_html(report: dict[str, Any], path: Path) -> None:
    """Write the page. Raises InputError where the file cannot be written."""
    write_bytes(html(report).encode("utf-8", "replace"), path)


def html(report: dict[str, Any]) -> str:
    """Give the page of a replay's report.

    All that comes from the report is escaped. The page's own rule (Content-Security-Policy)
    lets it load nothing, and run nothing but the one script in it.
    """
    style, script = _file("page.css"), _file("page.js")
    page = Environment(  # everything is escaped but what is Markup
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(_file("page.html"))
    state, verdict = summary.verdict(report)
    return page.render(
        log=report["log"],
        scored=report["scored"],
        users=report["users"],
        run=report.get("run"),
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}",
        style=Markup(style),  # noqa: S704 - a file of ours
        script=Markup(script),  # noqa: S704 - a file of ours
        state=state,
        verdict=verdict,
        cards=summary.cards(report),
        main_table=summary.main_table(report),
        sections=sections(report),
        ledger=records.ledger(report),
        scoring=records.scoring(report),
        made_by=records.made_by(report),
        remarks=records.remarks(report),
    )


def sections(report: dict[str, Any]) -> list[Section]:
    """Give the parts of the page that hold figures."""
    leads, young = accuracy.leads(report), accuracy.young_items(report)
    signals = model.signals(report)
    return [
        Section(
            "methods",
            "Side by side",
            [accuracy.hit_rates(report), *([leads] if leads else [])],
            ("Three ways of asking", summary.asking_table(report)),
        ),
        Section("stream", "Over the stream", [stream.running(report)]),
        Section(
            "users",
            "New users, new items",
            [
                accuracy.cold_and_warm(report),
                stream.by_history(report),
                *([young] if young else []),
            ],
        ),
        Section(
            "by-rank",
            "Hits by rank",
            [ranks.by_rank(report), ranks.within(report)],
        ),
        Section(
            "probabilities",
            "Calibration",
            [calibration.calibration(report), calibration.by_place(report)],
        ),
        Section(
            "candidates",
            "Candidates",
            [model.recall(report)],
            ("By kind of event", model.recall_table(report)),
        ),
        Section("shown", "What was shown", [lists.lorenz(report), lists.tenths(report)]),
        Section(
            "signals",
            "What each signal gives",
            [],
            small=signals,
            says=_signals_said(report) if signals else "No group was sampled.",
        ),
        *_intent(report),
        Section("pace", "Latency and speed", [lists.latency(report), lists.speed(report)]),
    ]


def _intent(report: dict[str, Any]) -> list[Section]:
    """Give the part on intent, where events had labels."""
    table = records.intent(report)
    if table is None:
        return []
    says = "What was thought of each event's need before its label was seen."
    return [Section("intent", "Intent", [], ("Against the labels", table), says=says)]


def _signals_said(report: dict[str, Any]) -> str:
    of = report["contributions"]
    return (
        "How much the score of the first places falls, on average, when the signals of one group "
        "are set to their average over the candidates; of a group that does not help it stays. "
        f"One group of events in {of['every']} was looked at, {of['groups']:,} in all. The scale "
        "is the same everywhere; the number is the mean over the stream."
    )


def _file(name: str) -> str:
    return files("dataflows.page").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
