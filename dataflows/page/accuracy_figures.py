"""Figures of accuracy: the methods side by side, over the stream, by history and by rank."""

from __future__ import annotations

from typing import Any

from dataflows.figures import names
from dataflows.page import words
from dataflows.page.bars import Bars, draw_bars, places
from dataflows.page.dots import Point, Row, draw_rows
from dataflows.page.figure import FULL, HALF, Figure, Key, Table, drawn
from dataflows.page.lines import Line, draw_bands, draw_lines
from dataflows.page.methods import OURS, Method, figures_of, keys, methods
from dataflows.page.plot import Plot
from dataflows.page.scale import Axis, room
from dataflows.page.svg import line, tag


_FEW = 6
"""With more methods than this, lines have no points on them."""


def hit_rates(report: dict[str, Any]) -> Figure:
    """Show the hit rate of each method with its interval."""
    hit_rate = names(report["k"])[0]
    shown = [(method, figures_of(report, method)) for method in methods(report)]
    shown.sort(key=lambda pair: -(pair[1][hit_rate] or 0.0))
    rows = [
        Row(method.label, method.style, [Point(each[hit_rate], each["interval"][hit_rate])])
        for method, each in shown
    ]
    ends = [limit for _, each in shown for limit in each["interval"][hit_rate] or []]
    axis = room(ends, words.brief, hit_rate.upper())
    table = [
        [method.label, words.share(each[hit_rate], 4), words.span(each["interval"][hit_rate])]
        for method, each in shown
    ]
    says = "Whole scored part, tie-safe, with 95 % intervals by bootstrap over users."
    return Figure(
        "hit-rates",
        f"{hit_rate.upper()} of each method",
        says,
        drawn("hit-rates", hit_rate.upper(), says, HALF, lambda w: draw_rows(w, axis, rows)),
        Table(["method", hit_rate.upper(), "95 % interval"], table),
        tips=[f"{name}\n{value}\n{interval}" for name, value, interval in table],
    )


def leads(report: dict[str, Any]) -> Figure | None:
    """Show how far ahead of each peer the lists are, paired; None without peers."""
    hit_rate = names(report["k"])[0]
    peers = [method for method in methods(report) if method.key != OURS]
    if not peers:
        return None
    of = {method.key: report["peers"][method.key]["lead"] for method in peers}
    rows = [
        Row(method.label, method.style, [Point(each[hit_rate], each["interval"][hit_rate])])
        for method in peers
        for each in (of[method.key],)
    ]
    ends = [limit for each in of.values() for limit in each["interval"][hit_rate] or []]
    axis = room(ends, words.brief, f"penchant less the peer, {hit_rate.upper()}")
    table = [
        [
            method.label,
            words.signed(of[method.key][hit_rate], 4),
            words.signed_span(of[method.key]["interval"][hit_rate]),
        ]
        for method in peers
    ]
    says = "Over the same events, with paired 95 % intervals. Right of the line we are ahead."
    return Figure(
        "leads",
        "Lead over each peer",
        says,
        drawn("leads", "Lead over each peer", says, HALF, lambda w: draw_rows(w, axis, rows, 0.0)),
        Table(["peer", "lead", "95 % interval"], table),
        tips=[f"{name}\n{value}\n{interval}" for name, value, interval in table],
    )


def running(report: dict[str, Any]) -> Figure:
    """Show the hit rate over the stream, with the drift alarms."""
    of, hit_rate, shown = report["running"], names(report["k"])[0], methods(report)
    xs, curves = of["events"], of[hit_rate]
    x = Axis("events scored", 0, max([*xs, 1]), words.brief)
    y = room([value for each in curves.values() for value in each], words.brief, hit_rate.upper())
    alarms = [alarm for alarm in of["alarms"] if alarm["events"]]

    def plot(width: int) -> Plot:
        drawing = Plot(width, 400 if width > 400 else 320, x, y, extra=16)
        for alarm in alarms:
            _draw_alarm(drawing, alarm)
        draw_lines(drawing, [Line(xs, curves[each.key], each.style, each.key) for each in shown])
        draw_bands(drawing, xs)
        return drawing

    says = (
        f"Mean over a window of {of['window']:,} scored events that slides along the stream "
        f"({words.day(of['times'][0])} to {words.day(of['times'][-1])}). "
        if xs
        else "No event was scored. "
    )
    says += _alarms_said(of["alarms"])
    rows = [
        [words.count(end), words.day(ts), *(words.share(curves[each.key][place]) for each in shown)]
        for place, (end, ts) in enumerate(zip(xs, of["times"], strict=True))
    ]
    head = ["events scored", "date", *(each.label for each in shown)]
    found = keys(shown)
    for signal in dict.fromkeys(alarm["signal"] for alarm in alarms):
        found.append(Key(f"drift alarm: {words.title(signal)}", f"alarm {signal}"))
    return Figure(
        "running",
        f"{hit_rate.upper()} over the stream",
        says,
        drawn("running", f"{hit_rate.upper()} over the stream", says, FULL, plot),
        Table(head, rows),
        found,
        [_tip(f"{row[0]} events, {row[1]}", row[2:], shown) for row in rows],
        is_wide=True,
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


def _alarms_said(alarms: list[dict[str, Any]]) -> str:
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


def _tip(first: str, values: list[str], shown: list[Method]) -> str:
    """Write the values of the methods at one place, the highest first."""
    told = sorted(zip(values, shown, strict=True), key=lambda pair: pair[0], reverse=True)
    return "\n".join([first, *(f"{value}  {method.label}" for value, method in told)])


def cold_and_warm(report: dict[str, Any]) -> Figure:
    """Show the hit rate of users' first events and of later ones."""
    hit_rate, shown = names(report["k"])[0], methods(report)
    rows, table = [], []
    for method in shown:
        cold, warm = (figures_of(report, method)[part] for part in ("cold", "warm"))
        limits = cold["interval"][hit_rate]
        points = [Point(warm[hit_rate]), Point(cold[hit_rate], limits, hollow=True)]
        rows.append(Row(method.label, method.style, points))
        table.append(
            [
                method.label,
                words.share(cold[hit_rate], 4),
                words.span(limits),
                words.share(warm[hit_rate], 4),
            ]
        )
    values = [point.value or 0.0 for row in rows for point in row.points]
    values += [limit for row in rows for limit in row.points[1].interval or []]
    axis = room(values, words.brief, hit_rate.upper())
    ours = report[OURS]
    says = (
        f"Cold: the first five events of a user ({words.count(ours['cold']['events'])} scored), "
        f"with 95 % intervals. Warm: all later ones ({words.count(ours['warm']['events'])})."
    )
    return Figure(
        "cold",
        "Cold and warm users",
        says,
        drawn("cold", "Cold and warm users", says, HALF, lambda w: draw_rows(w, axis, rows)),
        Table(["method", "cold", "95 % interval", "warm"], table),
        [Key("cold", "s0 hollow dot"), Key("warm", "s0 dot")],
        [f"{name}\ncold {cold} ({limits})\nwarm {warm}" for name, cold, limits, warm in table],
    )


def by_history(report: dict[str, Any]) -> Figure:
    """Show the hit rate by how many events the user had before."""
    of, hit_rate, shown = report["by_history"], names(report["k"])[0], methods(report)
    labels = [_range(*ends) for ends in zip(of["from"], of["to"], strict=True)]
    curves, xs = of[hit_rate], range(len(labels))
    x = places("events of the user before", labels)
    y = room([value for each in curves.values() for value in each], words.brief, hit_rate.upper())

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, x, y)
        each = [Line(xs, curves[method.key], method.style, method.key) for method in shown]
        draw_lines(drawing, each, dots=len(shown) <= _FEW)
        draw_bands(drawing, xs)
        return drawing

    head = ["events before", "events scored", *(each.label for each in shown)]
    rows = [
        [
            label,
            words.count(of["events"][place]),
            *(words.share(curves[each.key][place]) for each in shown),
        ]
        for place, label in enumerate(labels)
    ]
    says = "How the lists of a user get better, or run dry, as more is known of them."
    tips = [_tip(f"{row[0]} before, {row[1]} scored", row[2:], shown) for row in rows]
    return Figure(
        "history",
        f"{hit_rate.upper()} by history",
        says,
        drawn("history", f"{hit_rate.upper()} by history", says, HALF, plot),
        Table(head, rows),
        keys(shown),
        tips,
    )


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return str(low) if low == high else f"{low}\N{EN DASH}{high}"


def by_rank(report: dict[str, Any]) -> Figure:
    """Show how many events had their item at each rank of the list."""
    of, shown, n = report["by_rank"]["hits"], methods(report), max(report["scored"], 1)
    ranks = [str(rank + 1) for rank in range(report["k"])]
    ours_and_best = shown[:2]
    shares = {method.key: [hits / n for hits in of[method.key]] for method in shown}
    heights = [height for method in ours_and_best for height in shares[method.key]]
    y = room(heights, words.brief_percent, "share of the scored events")

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, places("rank of the true item", ranks), y)
        draw_bars(drawing, [Bars(shares[each.key], each.style) for each in ours_and_best])
        return drawing

    rows = [
        [rank, *(words.count(of[method.key][place]) for method in shown)]
        for place, rank in enumerate(ranks)
    ]
    tips = [
        _tip(
            f"rank {rank}",
            [words.percent(shares[method.key][at], 2) for method in ours_and_best],
            ours_and_best,
        )
        for at, rank in enumerate(ranks)
    ]
    says = "Hits at each rank of the list, tie-safe. Hits high up count most in NDCG and MRR."
    return Figure(
        "ranks",
        "Hits by rank",
        says,
        drawn("ranks", "Hits by rank", says, HALF, plot),
        Table(["rank", *(f"{method.label}, hits" for method in shown)], rows),
        [Key(method.label, f"{method.style} bar") for method in ours_and_best],
        tips,
    )


def within(report: dict[str, Any]) -> Figure:
    """Show the share of true items within the first so many."""
    of, shown = report["by_rank"], methods(report)
    xs, curves = of["within"], of["share"]
    x = Axis("length of the list", 0.9, max(xs) * 1.1, words.brief, log=True)
    y = room([v for each in curves.values() for v in each], words.brief, "hit rate")
    filled = [method for method in shown if curves[method.key]]

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, x, y)
        draw_lines(drawing, [Line(xs, curves[each.key], each.style, each.key) for each in filled])
        draw_bands(drawing, xs)
        return drawing

    head = ["first", *(each.label for each in filled)]
    rows = [
        [str(most), *(words.share(curves[each.key][place]) for each in filled)]
        for place, most in enumerate(xs)
    ]
    tips = [_tip(f"first {row[0]}", row[1:], filled) for row in rows]
    says = "What a longer list would find: the share of true items within its first places."
    return Figure(
        "within",
        "Hit rate by length of list",
        says,
        drawn("within", "Hit rate by length of list", says, HALF, plot),
        Table(head, rows),
        keys(filled),
        tips,
    )
