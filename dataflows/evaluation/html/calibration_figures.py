"""Figures of how true the probabilities of the preference learner are."""

from __future__ import annotations

from typing import Any

from dataflows.evaluation.html import words
from dataflows.evaluation.html.bars import Bars, draw_bars, places
from dataflows.evaluation.html.figure import HALF, Figure, Key, Table, drawn
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import log_room, room
from dataflows.evaluation.html.svg import line, path, tag

FEW = 10
"""Items taken from a bin, below which its share says next to nothing."""


def calibration(report: dict[str, Any]) -> Figure:
    """Show promised against observed shares, by bins of the promise."""
    bins = report["calibration"]["bins"]
    values = [each[name] for each in bins for name in ("predicted", "observed")]
    floor = min((value for value in values if value > 0), default=1e-3) / 2
    values += [limit for each in bins for limit in each["interval"]]
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
            style = "dot s0 hollow" if is_thin(each) else "dot s0"
            mark = tag("circle", cx=at, cy=cy, r=5, class_=style, data_i=str(place))
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
        f"Expected calibration error: {words.share(report['calibration']['ece'], 4)}, the mean "
        f"distance over all places, most of which promise little.{_thin_said(bins)}"
    )
    return Figure(
        "calibration",
        "Calibration of the probabilities",
        says,
        drawn("calibration", "Calibration of the probabilities", says, HALF, plot),
        Table(["promised, from to", "places", "mean promise", "taken", "95 % interval"], rows),
        _bin_keys(bins),
        [f"promised {row[2]}\ntaken {row[3]} ({row[4]})\n{row[1]} places" for row in rows],
    )


def is_thin(each: dict[str, Any]) -> bool:
    """Return whether so little was taken from a bin that its share says next to nothing."""
    return bool(round(each["observed"] * each["places"]) < FEW)


def _thin_said(bins: list[dict[str, Any]]) -> str:
    thin = sum(map(is_thin, bins))
    if not thin:
        return ""
    return (
        f" Of {thin} of the {len(bins)} bins (hollow) fewer than {FEW} items were taken: their "
        "share says next to nothing."
    )


def _bin_keys(bins: list[dict[str, Any]]) -> list[Key]:
    thin = [Key(f"fewer than {FEW} taken", "s0 dot hollow")] if any(map(is_thin, bins)) else []
    return [Key("a bin of shown places", "s0 dot"), *thin, Key("promise = taken", "equal")]


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
    says = _promise_said(report)
    return Figure(
        "places",
        "Promised and taken, by place",
        says,
        drawn("places", "Promised and taken, by place", says, HALF, plot),
        Table(["place", "promised", "taken"], rows),
        [Key("taken", "s0 bar"), Key("promised", "s1 bar")],
        [f"place {row[0]}\npromised {row[1]}\ntaken {row[2]}" for row in rows],
    )


def _promise_said(report: dict[str, Any]) -> str:
    whole = report["calibration"]
    promised, recall = whole["predicted_hits"], report["candidate_recall"]
    said = (
        f"All places together promised a hit in {words.percent(promised)} of the lists; "
        f"{words.percent(whole['observed_hits'])} had one."
    )
    if promised is None or recall is None:
        return said
    return said + (
        " A promise is made among the candidates; the true item was one of them in "
        f"{words.percent(recall)} of the events, and so many of {words.percent(promised)} are "
        f"{words.percent(promised * recall)}."
    )
