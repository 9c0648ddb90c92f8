"""Figures of accuracy along the stream: over all events, and along the history of a user."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.bars import places
from dataflows.evaluation.html.figure import FULL, HALF, Figure, Key, drawn
from dataflows.evaluation.html.method_curves import MethodCurves
from dataflows.evaluation.html.methods import keys, methods
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis
from dataflows.evaluation.html.svg import line, tag
from dataflows.evaluation.metrics.rank_metrics import names

Alarms = list[dict[str, Any]]


def running(report: dict[str, Any]) -> Figure:
    """Show the hit rate over the stream, with the drift alarms."""
    of, hit_rate, shown = report["running"], names(report["k"])[0], methods(report)
    xs = of["events"]
    cells = [[words.count(end), words.day(ts)] for end, ts in zip(xs, of["times"], strict=True)]
    curves = MethodCurves(shown, xs, of[hit_rate], ["events scored", "date"], cells)
    x = Axis("events scored", 0, max([*xs, 1]), words.brief)
    y = curves.y_axis(hit_rate.upper())
    alarms = [alarm for alarm in of["alarms"] if alarm["events"]]

    def plot(width: int) -> Plot:
        drawing = Plot(width, 400 if width > 400 else 320, x, y, extra=16)
        for alarm in alarms:
            _draw_alarm(drawing, alarm)
        curves.draw(drawing)
        return drawing

    title, says = f"{hit_rate.upper()} over the stream", _running_said(of)
    marks = [
        Key(f"drift alarm: {words.title(signal)}", f"alarm {signal}")
        for signal in dict.fromkeys(alarm["signal"] for alarm in alarms)
    ]
    return Figure(
        "running",
        title,
        says,
        drawn("running", title, says, FULL, plot),
        curves.table(),
        [*keys(shown), *marks],
        curves.tips(),
        is_wide=True,
    )


def _running_said(of: dict[str, Any]) -> str:
    if not of["events"]:
        return "No event was scored."
    days = f"{words.day(of['times'][0])} to {words.day(of['times'][-1])}"
    return (
        f"Mean over a window of {of['window']:,} scored events that slides along the stream "
        f"({days}). {_alarms_said(of['alarms'])}"
    )


def _draw_alarm(plot: Plot, alarm: dict[str, Any]) -> None:
    at, top = plot.x(alarm["events"]), plot.top
    style = f"alarm {alarm['signal']}"
    corners = [(at - 4, top - 15), (at, top - 19), (at + 4, top - 15), (at, top - 11)]
    if alarm["signal"] == "hit":
        plot.marks.append(line(at, top, at, plot.bottom, style))
        corners = [(at - 5, top - 12), (at + 5, top - 12), (at, top - 2)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    plot.marks.append(tag("polygon", points=points, class_=style))


def _alarms_said(alarms: Alarms) -> str:
    if not alarms:
        return "No drift alarm was raised."
    early = sum(not alarm["events"] for alarm in alarms)
    counted = {
        signal: sum(alarm["signal"] == signal for alarm in alarms)
        for signal in dict.fromkeys(alarm["signal"] for alarm in alarms)
    }
    parts = ", ".join(f"{n} in {words.title(signal)}" for signal, n in counted.items())
    during = f", {early} of them before the first scored event" if early else ""
    return f"Drift alarms: {parts}{during}."


def by_history(report: dict[str, Any]) -> Figure:
    """Show the hit rate by how many events the user had before."""
    of, hit_rate, shown = report["by_history"], names(report["k"])[0], methods(report)
    labels = [_range(*ends) for ends in zip(of["from"], of["to"], strict=True)]
    cells = [[label, words.count(n)] for label, n in zip(labels, of["events"], strict=True)]
    head = ["events before", "events scored"]
    curves = MethodCurves(shown, range(len(labels)), of[hit_rate], head, cells)
    x, y = places("events of the user before", labels), curves.y_axis(hit_rate.upper())

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, x, y)
        curves.draw(drawing, dots=True)
        return drawing

    title = f"{hit_rate.upper()} by history"
    says = "How the lists of a user get better, or run dry, as more is known of them."
    return Figure(
        "history",
        title,
        says,
        drawn("history", title, says, HALF, plot),
        curves.table(),
        keys(shown),
        curves.tips(),
    )


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return str(low) if low == high else f"{low}\N{EN DASH}{high}"
