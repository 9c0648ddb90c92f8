"""Figures of the model: its probabilities, its candidates, what each signal gives."""

from __future__ import annotations

from typing import Any

from dataflows.figures import names
from dataflows.page import words
from dataflows.page.bars import Bars, draw_bars, places
from dataflows.page.figure import HALF, Figure, Key, Table, drawn
from dataflows.page.lines import Line, draw_bands, draw_lines
from dataflows.page.plot import Plot
from dataflows.page.scale import Axis, log_room, room
from dataflows.page.svg import line, path, tag, text


def calibration(report: dict[str, Any]) -> Figure:
    """Show promised against observed shares, by bins of the promise."""
    bins = report["calibration"]["bins"]
    values = [each[name] for each in bins for name in ("predicted", "observed")]
    values += [limit for each in bins for limit in each["interval"]]
    floor = min((each["predicted"] for each in bins), default=1e-3) / 4
    x = log_room([max(v, floor) for v in values], words.brief_percent, "promised probability")
    y = x._replace(title="share that was taken")

    def plot(width: int) -> Plot:
        drawing = Plot(width, 340, x, y)
        most = max((each["places"] for each in bins), default=1)
        for each in bins:
            _strip(drawing, each, most)
        ends = [(drawing.x(v), drawing.y(v)) for v in (x.low, x.high)]
        drawing.marks.append(path(ends, "equal"))
        for place, each in enumerate(bins):
            at = drawing.x(each["predicted"])
            low, high = (drawing.y(limit) for limit in each["interval"])
            drawing.marks.append(line(at, low, at, high, "whisker s0"))
            cy = drawing.y(each["observed"])
            mark = tag("circle", cx=at, cy=cy, r=5, class_="dot s0", data_i=str(place))
            drawing.marks.append(mark)
        return drawing

    rows = [
        [
            f"{words.percent(each['from'], 2)} to {words.percent(each['to'], 2)}",
            words.count(each["places"]),
            words.percent(each["predicted"], 2),
            words.percent(each["observed"], 2),
            " to ".join(words.percent(limit, 2) for limit in each["interval"]),
        ]
        for each in bins
    ]
    says = (
        "Each point is a bin of shown places, with its 95 % interval; on the line, promises "
        "are kept; below it, too much was promised. Grey bars at the foot: places in the bin. "
        f"Expected calibration error: {words.share(report['calibration']['ece'], 4)}."
    )
    return Figure(
        "calibration",
        "Calibration of the probabilities",
        says,
        drawn("calibration", "Calibration of the probabilities", says, HALF, plot),
        Table(["promised, from to", "places", "mean promise", "taken", "95 % interval"], rows),
        [Key("a bin of shown places", "s0 dot"), Key("promise = taken", "equal")],
        [f"promised {row[2]}\ntaken {row[3]} ({row[4]})\n{row[1]} places" for row in rows],
    )


def _strip(plot: Plot, each: dict[str, Any], most: int) -> None:
    left, right = plot.x(max(each["from"], plot.x.axis.low)), plot.x(each["to"])
    high = 30.0 * each["places"] / most
    plot.marks.append(
        tag(
            "rect",
            x=left,
            y=plot.bottom - high,
            width=max(right - left - 1, 0.5),
            height=high,
            class_="strip",
        )
    )


def by_place(report: dict[str, Any]) -> Figure:
    """Show promised against observed shares, by place in the list."""
    of = report["calibration"]["by_place"]
    labels = [str(place + 1) for place in range(len(of["predicted"]))]
    y = room([*of["predicted"], *of["observed"]], words.brief_percent, "share taken, or promised")

    def plot(width: int) -> Plot:
        drawing = Plot(width, 340, places("place in the list", labels), y)
        draw_bars(drawing, [Bars(of["observed"], "s0"), Bars(of["predicted"], "s1")])
        return drawing

    rows = [
        [label, words.percent(of["predicted"][at], 2), words.percent(of["observed"][at], 2)]
        for at, label in enumerate(labels)
    ]
    whole = report["calibration"]
    promised, recall = whole["predicted_hits"], report["candidate_recall"]
    says = (
        f"All places together promised a hit in {words.percent(promised)} of the lists; "
        f"{words.percent(whole['observed_hits'])} had one."
    )
    if promised is not None and recall is not None:
        says += (
            " The promise holds if the true item is among the candidates, as it was in "
            f"{words.percent(recall)}: {words.percent(promised)} of that is "
            f"{words.percent(promised * recall)}."
        )
    return Figure(
        "places",
        "Promised and taken, by place",
        says,
        drawn("places", "Promised and taken, by place", says, HALF, plot),
        Table(["place", "promised", "taken"], rows),
        [Key("taken", "s0 bar"), Key("promised", "s1 bar")],
        [f"place {row[0]}\npromised {row[1]}\ntaken {row[2]}" for row in rows],
    )


def recall(report: dict[str, Any]) -> Figure:
    """Show the share of true items among the candidates, over the stream."""
    of = report["running"]
    xs, ys = of["events"], of["candidate_recall"]
    x = Axis("events scored", 0, max([*xs, 1]), words.brief)
    y = Axis("candidate recall", min([0.5, *ys]) * 0.98 if ys else 0.0, 1.0, words.brief_percent)

    def plot(width: int) -> Plot:
        drawing = Plot(width, 300, x, y)
        draw_lines(drawing, [Line(xs, ys, "s0")])
        draw_bands(drawing, xs)
        return drawing

    rows = [[words.count(x), words.percent(y)] for x, y in zip(xs, ys, strict=True)]
    says = (
        f"The share of events whose true item was scored at all, whole: "
        f"{words.percent(report['candidate_recall'])}. It is a ceiling on the hit rate."
    )
    return Figure(
        "recall",
        "Candidate recall over the stream",
        says,
        drawn("recall", "Candidate recall over the stream", says, HALF, plot),
        Table(["events scored", "candidate recall"], rows),
        tips=[f"{end} events\n{value}" for end, value in rows],
    )


def recall_table(report: dict[str, Any]) -> Table:
    """Give the recall of each kind of event, and the hit rate where it was reached."""
    of, hit_rate = report["candidates"], names(report["k"])[0]
    kinds = [name for name, each in of.items() if isinstance(each, dict) and each["events"]]
    if "repeat" not in kinds:
        kinds = [name for name in kinds if name != "new"]  # they are all
    return Table(
        ["events", "scored", "candidate recall", f"{hit_rate.upper()} if reached"],
        [
            [
                name,
                words.count(of[name]["events"]),
                words.percent(of[name]["recall"]),
                words.share(of[name][f"{hit_rate}_if_reached"]),
            ]
            for name in kinds
        ],
    )


def signals(report: dict[str, Any]) -> list[Figure]:
    """Show what each group of signals gave, one small drawing each, strongest first."""
    of = report["contributions"]
    ends, over = of["events"], of["over_time"]
    values = [value for each in over.values() for value in each]
    y = room(values, words.brief, "")
    order = sorted(of["mean"], key=lambda name: -of["mean"][name])
    return [_signal(name, of["mean"][name], ends, over[name], y) for name in order]


def _signal(name: str, mean: float, ends: list[int], values: list[float], y: Axis) -> Figure:
    width, height, left, right, top, foot = 200, 96, 34, 196, 8, 78
    place = Plot(width, height, Axis("", 0, max([*ends, 1]), words.brief), y)
    place.y = place.y._replace(start=foot, stop=top)
    place.x = place.x._replace(start=left, stop=right)
    points = [(place.x(x), place.y(value)) for x, value in zip(ends, values, strict=True)]
    zero, first, last = place.y(0.0), *(points[at][0] for at in (0, -1))
    says = f"{name}: mean effect on the score of the shown items {mean:+.2f}"
    drawing = tag(
        "svg",
        tag("title", says, id=f"signal-{name}-t"),
        tag("desc", "Over the stream, from left to right.", id=f"signal-{name}-d"),
        *(line(left, place.y(v), right, place.y(v), "grid") for v, _ in y.ticks(3)),
        *(text(left - 5, place.y(v) + 4, said, "end") for v, said in y.ticks(3)),
        path([(first, zero), *points, (last, zero)], "area s0"),
        line(left, zero, right, zero, "base"),
        path(points, "line s0"),
        text(right, height - 2, f"{words.brief(max(ends))} events", "end"),
        viewBox=f"0 0 {width} {height}",
        class_="small",
        role="img",
        aria_labelledby=f"signal-{name}-t",
        aria_describedby=f"signal-{name}-d",
    )
    rows = [[words.count(end), f"{v:+.3f}"] for end, v in zip(ends, values, strict=True)]
    table = Table(["events learnt", "effect"], rows)
    return Figure(f"signal-{name}", name, words.signed(mean, 2), drawing, table)
