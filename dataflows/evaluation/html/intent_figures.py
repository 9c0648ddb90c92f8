"""Intent on the page: over the stream, and as the page's head where no list was judged."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.figure import FULL, Figure, drawn
from dataflows.evaluation.html.method_curves import MethodCurves
from dataflows.evaluation.html.methods import Method, keys
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis
from dataflows.evaluation.html.summary import Card, latency_card
from dataflows.evaluation.intent_report import WAYS, why_nothing

_SHOWN = [
    Method("accuracy", WAYS[""], "s0"),
    Method("belief", WAYS["belief"], "s1"),
]


def running(report: dict[str, Any]) -> Figure | None:
    """Show how often the label was foreseen, over the stream; None where nothing was judged."""
    of = report.get("intent", {}).get("running")
    if of is None or not of["events"]:
        return None
    xs = of["events"]
    cells = [[words.count(end)] for end in xs]
    curves = MethodCurves(_SHOWN, xs, of, ["labelled events"], cells)
    x = Axis("labelled events", 0, max(xs), words.brief)
    y = Axis("share that was right", 0, 1, words.brief)

    def plot(width: int) -> Plot:
        drawing = Plot(width, 340, x, y)
        curves.draw(drawing)
        return drawing

    title = "Intent foreseen over the stream"
    says = (
        f"Mean over a window of {of['window']:,} labelled events that slides along the stream; "
        "each is judged before its label is seen."
    )
    return Figure(
        "intent-running",
        title,
        says,
        drawn("intent-running", title, says, FULL, plot),
        curves.table(),
        keys(_SHOWN),
        curves.tips(),
        is_wide=True,
    )


def verdict(report: dict[str, Any]) -> tuple[str, str]:
    """Return what came out where no list was judged: a class and a sentence."""
    of = report["intent"]
    return "open", (
        f"The label was foreseen for {words.percent(of['accuracy'])} of {of['events']:,} labelled "
        f"events ({words.percent(of['accuracy_last_fifth'])} of the last fifth). No list was "
        f"judged: {why_nothing(report)}."
    )


def cards(report: dict[str, Any]) -> list[Card]:
    """Return the figures to know where no list was judged."""
    of = report["intent"]
    return [
        Card("accuracy", words.share(of["accuracy"], 4), "the label first among all"),
        Card("last fifth", words.share(of["accuracy_last_fifth"], 4), "accuracy later on"),
        Card("top 3", words.share(of["top3"], 4), "the label among the first three"),
        Card("log loss", words.share(of["log_loss"], 4), "nats, mean"),
        Card(
            WAYS["belief"],
            words.share(of["belief"]["accuracy"], 4),
            "accuracy of what is believed of the session",
        ),
        Card(
            "out of scope",
            words.share(of["oos_auroc"], 4),
            "AUROC" if of["oos_auroc"] is not None else "no such events",
        ),
        Card("speed", f"{words.count(report['events_per_cpu_second'])}/s", "events per CPU second"),
        latency_card(report),
    ]
