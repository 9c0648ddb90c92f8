"""Figures of the methods side by side: hit rates, leads, cold and warm users, young items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dataflows.evaluation.html import words
from dataflows.evaluation.html.dots import DotRow, Point, draw_rows
from dataflows.evaluation.html.figure import HALF, Figure, Key, Table, drawn
from dataflows.evaluation.html.methods import OURS, figures_of, methods
from dataflows.evaluation.html.scale import Axis, room
from dataflows.evaluation.metrics.accuracy import YOUNG_EVENTS
from dataflows.evaluation.metrics.rank_metrics import names


def hit_rates(report: dict[str, Any]) -> Figure:
    """Show the hit rate of each method with its interval."""
    hit_rate = names(report["k"])[0]
    shown = [(method, figures_of(report, method)) for method in methods(report)]
    shown.sort(key=lambda pair: -(pair[1][hit_rate] or 0.0))
    rows = [
        DotRow(method.label, method.style, [Point(each[hit_rate], each["interval"][hit_rate])])
        for method, each in shown
    ]
    table = [
        [method.label, words.share(each[hit_rate], 4), words.span(each["interval"][hit_rate])]
        for method, each in shown
    ]
    title = f"{hit_rate.upper()} of each method"
    says = "Whole scored part, tie-safe, with 95 % intervals by bootstrap over users."
    axis = _axis(rows, hit_rate.upper())
    return Figure(
        "hit-rates",
        title,
        says,
        drawn("hit-rates", title, says, HALF, lambda width: draw_rows(width, axis, rows)),
        Table(["method", hit_rate.upper(), "95 % interval"], table),
        tips=["\n".join(cells) for cells in table],
    )


def leads(report: dict[str, Any]) -> Figure | None:
    """Show how far ahead of each baseline the lists are, paired; None without baselines."""
    hit_rate = names(report["k"])[0]
    of = [
        (method, report["peers"][method.key]["lead"])
        for method in methods(report)
        if method.key != OURS
    ]
    if not of:
        return None
    rows = [
        DotRow(method.label, method.style, [Point(lead[hit_rate], lead["interval"][hit_rate])])
        for method, lead in of
    ]
    table = [
        [
            method.label,
            words.signed(lead[hit_rate], 4),
            words.signed_span(lead["interval"][hit_rate]),
        ]
        for method, lead in of
    ]
    title = "Lead over each baseline"
    says = "Over the same events, with paired 95 % intervals. Right of the line we are ahead."
    axis = _axis(rows, f"penchant less the baseline, {hit_rate.upper()}")
    return Figure(
        "leads",
        title,
        says,
        drawn("leads", title, says, HALF, lambda width: draw_rows(width, axis, rows, 0.0)),
        Table(["baseline", "lead", "95 % interval"], table),
        tips=["\n".join(cells) for cells in table],
    )


def cold_and_warm(report: dict[str, Any]) -> Figure:
    """Show the hit rate of users' first events and of later ones."""
    ours = report[OURS]
    says = (
        f"Cold: the first five events of a user ({words.count(ours['cold']['events'])} scored), "
        f"with 95 % intervals. Warm: all later ones ({words.count(ours['warm']['events'])})."
    )
    cold, warm = (lambda of: of["cold"]), (lambda of: of["warm"])
    return _apart(report, "Cold and warm users", says, _Part("cold", cold), _Part("warm", warm))


def young_items(report: dict[str, Any]) -> Figure | None:
    """Show the hit rate of items that the stream hardly knows; None where there were none."""
    ours = report[OURS]["young"]
    if not ours["events"]:
        return None
    says = (
        f"Items with fewer than {YOUNG_EVENTS} events so far ({words.count(ours['events'])} "
        f"scored), with 95 % intervals; and of those the ones met before "
        f"({words.count(ours['met']['events'])}). No baseline can rank what it has not met."
    )
    young, met = (lambda of: of["young"]), (lambda of: of["young"]["met"])
    return _apart(report, "Young items", says, _Part("young", young), _Part("of those met", met))


class _Part(NamedTuple):
    """Some of the events: what they are called, and their figures among those of a method."""

    name: str
    figures: Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _apart(report: dict[str, Any], title: str, says: str, main: _Part, beside: _Part) -> Figure:
    """Show each method's hit rate over some events, hollow and with its interval, beside others."""
    hit_rate = names(report["k"])[0]
    rows, table = [], []
    for method in methods(report):
        of = figures_of(report, method)
        figures, other = main.figures(of), beside.figures(of)[hit_rate]
        value, limits = figures[hit_rate], figures["interval"][hit_rate]
        points = [Point(other), Point(value, limits, hollow=True)]
        rows.append(DotRow(method.label, method.style, points))
        said = [words.share(value, 4), words.span(limits), words.share(other, 4)]
        table.append([method.label, *said])
    axis, name = _axis(rows, hit_rate.upper()), main.name
    return Figure(
        name,
        title,
        says,
        drawn(name, title, says, HALF, lambda width: draw_rows(width, axis, rows)),
        Table(["method", name, "95 % interval", beside.name], table),
        [Key(name, "s0 hollow dot"), Key(beside.name, "s0 dot")],
        [
            f"{method}\n{name} {value} ({limits})\n{beside.name} {other}"
            for method, value, limits, other in table
        ],
    )


def _axis(rows: Sequence[DotRow], title: str) -> Axis:
    """Make an axis that has room for all points and their intervals."""
    points = [point for row in rows for point in row.points]
    values = [point.value for point in points if point.value is not None]
    limits = [limit for point in points for limit in point.interval or ()]
    return room([*values, *limits], words.brief, title)
