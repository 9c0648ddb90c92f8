"""The foot of the page: the ledger, what was not scored, settings, versions, remarks."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.figure import Table
from dataflows.state.ledger import OUTCOMES


def ledger(report: dict[str, Any]) -> Table:
    """Return what became of every record, with the reasons."""
    events = report["events"]
    rows = [["in", words.count(events["in"]), ""]]
    for outcome in OUTCOMES:
        reasons = events["reasons"].get(outcome, {})
        why = ", ".join(f"{words.title(reason)} {n:,}" for reason, n in reasons.items())
        rows.append([words.title(outcome), words.count(events[outcome]), why])
    return Table(["records", "count", "reasons"], rows, is_prose=True)


def scoring(report: dict[str, Any]) -> Table:
    """Return how many learnt events were ranked, and why others were not."""
    rows = [["scored", words.count(report["scored"])]]
    rows += [[words.title(why), words.count(n)] for why, n in report["unscored"].items()]
    rows += [
        [f"new items, {words.title(k)}", words.count(n)] for k, n in report["new_items"].items()
    ]
    rows += [["users", words.count(report["users"])], ["items met", words.count(report["items"])]]
    rows += [["lists sent", words.count(report["lists"])]]
    rows += [["moved to be in the order of time", words.count(report["moved"])]]
    joined = report.get("catalogue")
    if joined is not None:
        rows += [["whose item the catalogue knows", words.count(joined["events_known"])]]
    return Table(["events", "count"], rows)


def made_by(report: dict[str, Any]) -> Table:
    """Return settings, seed and versions: all that made the figures."""
    rows = [["log", str(report["log"])], ["seed", str(report["seed"])], ["k", str(report["k"])]]
    rows += [[words.title(key), _said(value)] for key, value in report["settings"].items()]
    run = report.get("run", {})
    versions = {**report["versions"], **run.get("libraries", {})}
    rows += [[f"version of {words.title(key)}", _said(said)] for key, said in versions.items()]
    rows += [[key, run[key]] for key in ("python", "system") if key in run]
    return Table(["what", "value"], rows, is_prose=True)


def intent(report: dict[str, Any]) -> Table | None:
    """Return the figures of intent; None where no event had a label to be judged by."""
    of = report.get("intent", {})
    if not of.get("events"):
        return None
    rows = []
    for key, value in of.items():
        if key == "running":
            continue
        inner = value if isinstance(value, dict) else {"": value}
        rows += [
            [words.title(f"{key} {name}".strip()), _figure(each)] for name, each in inner.items()
        ]
    return Table(["figure", "value"], rows)


def _figure(value: object) -> str:
    if isinstance(value, int):
        return words.count(value)
    return words.share(value, 4) if isinstance(value, float) else _said(value)


def _said(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


def remarks(report: dict[str, Any]) -> list[str]:
    """Return what baselines declare, and which were left out."""
    said = [
        f"{name}: {note}"
        for name, baseline in report["peers"].items()
        for note in baseline["notes"]
    ]
    return said + [f"{name} was left out: {why}" for name, why in report["left_out"].items()]
