"""Put the page together, and write it."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from dataflows.evaluation.html import accuracy_figures as accuracy
from dataflows.evaluation.html import calibration_figures as calibration
from dataflows.evaluation.html import intent_figures as intent
from dataflows.evaluation.html import list_figures as lists
from dataflows.evaluation.html import model_figures as model
from dataflows.evaluation.html import rank_figures as ranks
from dataflows.evaluation.html import records, summary, words
from dataflows.evaluation.html import stream_figures as stream
from dataflows.evaluation.html.figure import Figure, Table
from dataflows.evaluation.html.told_figures import told_first
from dataflows.evaluation.intent_report import is_of_intent_alone
from dataflows.evaluation.report import write_bytes


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
    """Return the page of a replay's report.

    All that comes from the report is escaped. The page's own rule (Content-Security-Policy)
    lets it load nothing, and run nothing but the one script in it.
    """
    style, script = _file("page.css"), _file("page.js")
    page = Environment(  # everything is escaped but what is Markup
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(_file("page.html"))
    alone = is_of_intent_alone(report)
    head = intent if alone else summary
    state, verdict = head.verdict(report)
    return page.render(
        log=report.get("title", report["log"]),
        judged=_judged(report, alone),
        run=report.get("run"),
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}",
        style=Markup(style),  # noqa: S704 - a file of ours
        script=Markup(script),  # noqa: S704 - a file of ours
        state=state,
        verdict=verdict,
        cards=head.cards(report),
        main_table=None if alone else summary.main_table(report),
        sections=sections(report),
        ledger=records.ledger(report),
        scoring=records.scoring(report),
        made_by=records.made_by(report),
        remarks=records.remarks(report),
    )


def _judged(report: dict[str, Any], alone: bool) -> str:
    """Describe what was judged, of whom, and how."""
    users = f"of {words.count(report['users'])} users"
    if alone:
        labelled = words.count(report["intent"]["events"])
        return f"{labelled} labelled events {users}, each judged before its label was seen"
    return (
        f"{words.count(report['scored'])} events {users}, each ranked among everything met so far "
        "before it was learnt"
    )


def sections(report: dict[str, Any]) -> list[Section]:
    """Return the parts of the page that hold figures; those of lists only where any was judged."""
    if is_of_intent_alone(report):
        return [*_intent(report), Section("pace", "Latency", [lists.latency(report)])]
    leads, young = accuracy.leads(report), accuracy.young_items(report)
    signals, told = model.signals(report), told_first(report)
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
            [
                calibration.calibration(report),
                calibration.by_place(report),
                *([told] if told else []),
            ],
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
    """Return the part on intent, where events had labels."""
    table = records.intent(report)
    if table is None:
        return []
    says = "What was thought of each event's need before its label was seen."
    of_calibration = told_first(report) if is_of_intent_alone(report) else None
    figures = [figure for figure in (intent.running(report), of_calibration) if figure]
    return [Section("intent", "Intent", figures, ("Against the labels", table), says=says)]


def _signals_said(report: dict[str, Any]) -> str:
    of = report["contributions"]
    return (
        "How much the score of the first places falls, on average, when the signals of one group "
        "are set to their average over the candidates; of a group that does not help it stays. "
        f"One group of events in {of['every']} was looked at, {of['groups']:,} in all. The scale "
        "is the same everywhere; the number is the mean over the stream."
    )


def _file(name: str) -> str:
    return files("dataflows.evaluation.html").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
