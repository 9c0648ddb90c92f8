"""Scales, words and elements of the page, each by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation.html import words
from dataflows.evaluation.html.plot import Plot
from dataflows.evaluation.html.scale import Axis, Scale, log_room, room
from dataflows.evaluation.html.svg import tag

values = st.lists(st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6), max_size=8)
positive = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=8)


@given(values, st.integers(2, 9))
def test_an_axis_holds_its_values_and_has_marks_within(each, most) -> None:
    axis = room(each, words.brief, "")
    assert axis.low <= min([0.0, *each])
    assert axis.high >= max([0.0, *each])
    ticks = [value for value, _ in axis.ticks(most)]
    assert 1 <= len(ticks) <= most + 1
    assert ticks == sorted(set(ticks))
    slack = 1e-6 * (axis.high - axis.low)
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in ticks)


@given(positive, st.integers(3, 9))
def test_a_logarithmic_axis_holds_its_values(each, most) -> None:
    axis = log_room(each, words.brief, "")
    assert 0 < axis.low < min(each) <= max(each) < axis.high
    assert all(axis.low <= value <= axis.high for value, _ in axis.ticks(most))


@given(st.floats(-10, 10), st.booleans())
def test_a_scale_keeps_the_order_and_stays_within(value, log) -> None:
    scale = Scale(Axis("", 0.5, 4.0, words.brief, log), 100.0, 20.0)
    assert 20.0 <= scale(value) <= 100.0
    assert scale(value + 0.3) <= scale(value)


def test_a_scale_at_its_ends_and_middle() -> None:
    scale = Scale(Axis("", 1.0, 100.0, words.brief, log=True), 0.0, 50.0)
    assert [scale(value) for value in (1, 10, 100)] == pytest.approx([0.0, 25.0, 50.0])


def test_marks_of_a_plot_do_not_touch() -> None:
    marks = tuple((float(at), "a long label") for at in range(40))
    plot = Plot(350, 200, Axis("x", -1, 40, str, marks=marks), room([1], words.brief, "y"))
    drawn = plot.render("n", "t", "d")
    assert 2 <= drawn.count("a long label") <= 4


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (words.brief(12_345), "12.3k"),
        (words.brief(0.05), "0.05"),
        (words.brief_percent(0.2), "20 %"),
        (words.signed(-0.01234), "\N{MINUS SIGN}0.012"),
        (words.signed(-1e-9), "+0.000"),
        (words.milliseconds(1500), "1.5 s"),
        (words.milliseconds(3.14159), "3.14 ms"),
        (words.count(1234567.0), "1,234,567"),
        (words.percent(None), "\N{EN DASH}"),
        (words.day(0.0), "1970-01-01"),
        (words.day(1e300), "time 1e+300"),
    ],
)
def test_numbers_are_written_for_people(told, expected) -> None:
    assert told == expected


def test_an_element_is_escaped() -> None:
    made = tag("text", "<b>", tag("tspan", "&"), x=1.25, class_='a"b', data_s=None)
    assert made == '<text x="1.2" class="a&#34;b">&lt;b&gt;<tspan>&amp;</tspan></text>'
