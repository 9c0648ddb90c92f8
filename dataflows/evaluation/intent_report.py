"""The figures of intent on the screen: those of a log that asks for no lists stand alone."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

WAYS = {"": "from the event", "belief": "from its session"}
"""Key in the figures, and what the label is foreseen from."""
_COLUMNS = ("accuracy", "accuracy_last_fifth", "accuracy_in_scope", "top3", "log_loss")
_HEADS = ("accuracy", "last fifth", "in scope", "top 3", "log loss")


def is_of_intent_alone(report: dict[str, Any]) -> bool:
    """Return whether no event was ranked, while labels of intent were judged."""
    return not report["scored"] and bool(report.get("intent", {}).get("events"))


def why_nothing(report: dict[str, Any]) -> str:
    """Return why no event was ranked."""
    unscored = report["unscored"]
    if not any(unscored.values()):
        return "nothing was learnt: every record was dropped, see the ledger"
    if unscored["no_item"]:
        return f"no event behind the warm-up names an item to rank ({unscored['no_item']:,} do not)"
    return "no event was left to rank: all are of the warm-up, or repeats"


def intent_table(report: dict[str, Any]) -> Table:
    """Lay out how often the label was known before it was seen, and how surely."""
    of = report["intent"]
    about = f"intent of {of['events']:,} events with one of {of['labels']:,} labels"
    table = Table(
        title=escape(f"{report['log']}: {about}"),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("FORESEEN", no_wrap=True)
    for head in _HEADS:
        table.add_column(head.upper(), justify="right", no_wrap=True)
    for key, said in WAYS.items():
        figures = of[key] if key else of
        table.add_row(said, *(_number(figures.get(column)) for column in _COLUMNS))
    return table


def calibration_line(report: dict[str, Any]) -> str | None:
    """Describe how true the chances told in the first events of users were; None without any."""
    of = report["intent_calibration"]
    if not of["intent"]["events"]:
        return None
    parts = (
        f"{_number(of[key]['ece'])} {said} (told {_number(of[key]['predicted'])}, came "
        f"{_number(of[key]['observed'])})"
        for key, said in (("intent", WAYS[""]), ("belief", WAYS["belief"]))
    )
    return (
        f"chances of needs told in the first {of['first']} events of users, "
        f"{of['intent']['events']:,} in all: expected calibration error {', '.join(parts)}"
    )


def out_of_scope_line(report: dict[str, Any]) -> str | None:
    """Describe how well events out of scope stand out; None where there were none, or no others."""
    of = report["intent"]
    if of["oos_auroc"] is None:
        return None
    return (
        f"events out of scope against others: AUROC {_number(of['oos_auroc'])}, in the last fifth "
        f"{_number(of['oos_auroc_last_fifth'])}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
