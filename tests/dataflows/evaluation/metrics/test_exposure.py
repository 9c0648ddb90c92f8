"""What the lists showed, on catalogues small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.metrics.exposure import exposure, gini


def judge_of(items: list[str | None]) -> Prequential:
    """A judge that has seen these items, one event each."""
    judge = Prequential(0, repeats_on=True)
    judge.trace.open(0, 1.0)
    for item in items:
        row = -1 if item is None else judge._rows.setdefault(item, len(judge._rows))
        judge.trace.add(row, 1.0, None)
    return judge


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20).filter(any))
def test_gini_is_half_the_mean_difference_over_the_mean(counts) -> None:
    apart = sum(abs(a - b) for a in counts for b in counts) / len(counts) ** 2
    mean = sum(counts) / len(counts)
    assert gini(np.array(counts)) == pytest.approx(apart / (2 * mean), abs=1e-12)


def test_gini_at_its_ends() -> None:
    assert gini(np.array([3, 3, 3])) == pytest.approx(0.0)
    assert gini(np.array([0] * 99 + [7])) == pytest.approx(0.99)
    assert gini(np.array([0, 0])) is None


def test_a_small_catalogue_counted_by_hand() -> None:
    judge = judge_of(["a", "a", "a", "b", None])
    got = exposure({"a": 3, "c": 1}, judge, known=5)
    assert (got["items"], got["shown"], got["chosen"], got["places"]) == (5, 2, 2, 4)
    assert got["gini"]["chosen"] == pytest.approx(gini(np.array([3, 1, 0, 0, 0])))
    # a is above all four others and ties with itself; c ties with the other two unchosen ones.
    assert got["popularity"]["shown"] == pytest.approx((3 * 0.9 + 1 * 0.3) / 4)
    assert got["popularity"]["chosen"] == pytest.approx((3 * 0.9 + 1 * 0.7) / 4)
    assert got["curve"]["items"][-1] == got["curve"]["shown"][-1] == got["curve"]["chosen"][-1] == 1
    assert got["curve"]["chosen"][0] == 0


@given(
    st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=60),
    st.permutations("abcdefghijklmnop"),
)
def test_names_change_nothing(items, names) -> None:
    renamed = dict(zip("abcdefghijklmnop", names, strict=True))
    shown = {item: ord(item) % 3 for item in "abcdefghijklmnop"}
    first = exposure(shown, judge_of(list(items)), 16)
    second = exposure(
        {renamed[item]: count for item, count in shown.items()},
        judge_of([renamed[item] for item in items]),
        16,
    )
    assert first == second


def test_tenths_go_from_the_least_chosen_to_the_most() -> None:
    items = [f"i{number}" for number in range(20) for _ in range(number)]
    got = exposure({"i19": 6, "i0": 2}, judge_of(items), 20)
    assert got["tenths"]["shown"] == [0.25, *[0.0] * 8, 0.75]
    assert got["tenths"]["chosen"] == sorted(got["tenths"]["chosen"])
    assert sum(got["tenths"]["chosen"]) == pytest.approx(1.0)


def test_nothing_shown_and_nothing_known() -> None:
    got = exposure({}, judge_of([]), 0)
    assert got["items"] == got["shown"] == 0
    assert got["gini"]["shown"] is got["popularity"]["shown"] is None
