"""Figures of what was shown and how fast: exposure, popularity, latency, speed."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.bars import Bars, draw_bars, draw_histogram, places
from dataflows.evaluation.html.dots import DotRow, Point, draw_rows
from dataflows.evaluation.html.figure import HALF, Figure, Key, Table, drawn
from dataflows.evaluation.html.lines import PlotLine, draw_bands, draw_lines
from dataflows.evaluation.html.methods import OURS, Method, methods
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis, log_room, room
from dataflows.evaluation.html.svg import line, path

_KEYS = (Key("shown in lists", "s0"), Key("chosen by users", "s1"))


def lorenz(report: dict[str, Any]) -> Figure:
    """Show how evenly places and choices are spread over the catalogue."""
    of = report["exposure"]
    xs, curves = of["curve"]["items"], of["curve"]
    x = Axis("share of the catalogue, least first", 0, 1, words.brief_percent)
    y = Axis("share of places, or of events", 0, 1, words.brief_percent)
    styles = {name: key.style for name, key in zip(("shown", "chosen"), _KEYS, strict=True)}
    drawable = [name for name in styles if curves[name]]

    def plot(width: int) -> Plot:
        drawing = Plot(width, 340, x, y)
        drawing.marks.append(path([(drawing.x(v), drawing.y(v)) for v in (0, 1)], "equal"))
        draw_lines(drawing, [PlotLine(xs, curves[name], styles[name], name) for name in drawable])
        draw_bands(drawing, xs)
        return drawing

    rows = [
        [words.percent(x, 0), *(words.percent(curves[name][at]) for name in drawable)]
        for at, x in enumerate(xs)
    ]
    gini = of["gini"]
    says = (
        "Lorenz curves: what the least shown, or least chosen, items have of all. The nearer "
        f"the corner, the more uneven. Gini {words.share(gini['shown'])} for what was shown, "
        f"{words.share(gini['chosen'])} for what was chosen."
    )
    return Figure(
        "lorenz",
        "How evenly the catalogue is shown",
        says,
        drawn("lorenz", "How evenly the catalogue is shown", says, HALF, plot),
        Table(["share of the catalogue", *drawable], rows),
        [*_keys(drawable), Key("all alike", "equal")],
        ["\n".join([row[0], *map(" ".join, zip(row[1:], drawable, strict=True))]) for row in rows],
    )


def _keys(names: list[str]) -> list[Key]:
    return [
        key._replace(series=name)
        for name, key in zip(("shown", "chosen"), _KEYS, strict=True)
        if name in names
    ]


def tenths(report: dict[str, Any]) -> Figure:
    """Show the share of places by how popular the items are."""
    of = report["exposure"]
    shares, standing = of["tenths"], of["popularity"]
    labels = [str(tenth + 1) for tenth in range(max(map(len, shares.values()), default=0))]
    y = room([*shares["shown"], *shares["chosen"]], words.brief_percent, "share of all")

    def plot(width: int) -> Plot:
        drawing = Plot(width, 340, places("tenth of the catalogue; 10: most popular", labels), y)
        draw_bars(drawing, [Bars(shares["shown"], "s0"), Bars(shares["chosen"], "s1")])
        return drawing

    rows = [
        [label, *(words.percent(each[at]) if each else words.NOTHING for each in shares.values())]
        for at, label in enumerate(labels)
    ]
    says = (
        "The catalogue in ten parts, by how often items were chosen. A shown item is on average "
        f"more popular than {words.percent(standing['shown'], 0)} of the catalogue, a chosen one "
        f"than {words.percent(standing['chosen'], 0)}."
    )
    return Figure(
        "tenths",
        "How popular the shown items are",
        says,
        drawn("tenths", "How popular the shown items are", says, HALF, plot),
        Table(["tenth", *shares], rows),
        [key._replace(style=f"{key.style} bar") for key in _KEYS],
        [f"tenth {row[0]}\n{row[1]} shown\n{row[2]} chosen" for row in rows],
    )


def latency(report: dict[str, Any]) -> Figure:
    """Show how long events waited for their lists."""
    of = report["latency_ms"]
    edges, counts = of["histogram"]["edges"], of["histogram"]["events"]
    x = log_room(edges, words.milliseconds, "from source to list")
    y = room(counts, words.brief, "events")
    marked = slow_first(report)

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, x, y)
        draw_histogram(drawing, edges, counts)
        if marked is not None:
            _mark(drawing, marked)
        return drawing

    rows = [
        [
            f"{words.milliseconds(edges[at])} to {words.milliseconds(edges[at + 1])}",
            words.count(each),
        ]
        for at, each in enumerate(counts)
    ]
    says = "Half of the events within {}, 90 % within {}, 99 % within {}; the slowest took {}."
    says = says.format(*(words.milliseconds(of[name]) for name in ("p50", "p90", "p99", "max")))
    return Figure(
        "latency",
        "Latency",
        f"{says} Micro-batches of {report['settings']['batch_size']}; the judge is left out."
        f"{_first_said(report, marked)}",
        drawn("latency", "Latency", says, HALF, plot),
        Table(["latency", "events"], rows),
        [Key("first micro-batch, which compiles", "first")] if marked is not None else [],
        tips=[f"{span}\n{events} events" for span, events in rows],
    )


def slow_first(report: dict[str, Any]) -> float | None:
    """Return the latency of the first micro-batch where it stands out; None where it does not."""
    of = report["latency_ms"]
    usual, first = of["later"]["p99"], of["first"]
    if first is None or usual is None or first["ms"] <= usual:
        return None
    return float(first["ms"])


def _mark(plot: Plot, at: float) -> None:
    plot.marks.append(line(plot.x(at), plot.top, plot.x(at), plot.bottom, "first"))


def _first_said(report: dict[str, Any], marked: float | None) -> str:
    if marked is None:
        return ""
    later = report["latency_ms"]["later"]
    return (
        f" The first one took {words.milliseconds(marked)}, since code is compiled in it; without "
        f"it 99 % are within {words.milliseconds(later['p99'])}."
    )


def speed(report: dict[str, Any]) -> Figure:
    """Show the events per CPU second of each method."""
    speeds = [(method, _speed(report, method)) for method in methods(report)]
    shown = [(method, value) for method, value in speeds if value]
    axis = log_room([value for _, value in shown], words.brief, "events per CPU second")
    rows = [DotRow(method.label, method.style, [Point(value)]) for method, value in shown]
    table = [[method.label, words.count(value)] for method, value in shown]
    says = (
        "Events per CPU second, on a logarithmic axis. Ours makes every list that would be sent; "
        "baselines answer for scored groups only."
    )
    return Figure(
        "speed",
        "Speed of each method",
        says,
        drawn("speed", "Speed of each method", says, HALF, lambda w: draw_rows(w, axis, rows)),
        Table(["method", "events per CPU second"], table),
        tips=[f"{name}\n{value} events per CPU second" for name, value in table],
    )


def _speed(report: dict[str, Any], method: Method) -> float | None:
    of = report if method.key == OURS else report["peers"][method.key]
    speed: float | None = of["events_per_cpu_second"]
    return speed
