"""Counts of neighbours equal counting all again; rows stay bounded and keep the strongest."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.signals.neighbour_kernels import NEXT, TOGETHER, WAYS
from learners.signals.neighbours import Neighbours

WINDOW = 6
_groups = st.integers(1, 3)
_events = st.lists(st.lists(st.integers(0, 23), min_size=1, max_size=WINDOW + 1, unique=True))


def ready(width: int, half_life: float = 1e6, items: int = 64) -> Neighbours:
    neighbours = Neighbours(width, half_life)
    neighbours.make_room(items)
    return neighbours


def learn(neighbours: Neighbours, basket: list[int], position: int) -> bool:
    """The first of the basket came after the others, the newest of which is first."""
    gaps = np.arange(len(basket) - 1.0)
    others = np.array(basket[1:], np.int32)
    return neighbours.learn(basket[0], others, gaps, np.ones(len(gaps)), position)


def counts(neighbours: Neighbours, item: int, position: int) -> dict[int, tuple[float, float]]:
    found = neighbours.row_out(item)
    if found is None:
        return {}
    _, ids, both = found
    assert len(set(ids.tolist())) == len(ids)
    both = both / neighbours.unit(position)
    return {
        other: (float(both[TOGETHER, i]), float(both[NEXT, i]))
        for i, other in enumerate(ids.tolist())
    }


def weights() -> list[tuple[float, float]]:
    """What one step counts, by how many lie between."""
    once = ready(width=8 * WAYS)
    learn(once, list(range(WINDOW + 1)), 0)
    return [counts(once, other, 0)[0] for other in range(1, WINDOW + 1)]


def test_what_is_near_counts_for_more_and_only_what_follows_is_next() -> None:
    together, following = zip(*weights(), strict=True)
    assert together[0] == following[0] == 1.0
    assert list(together) == sorted(together, reverse=True)
    assert all(f < t for t, f in weights()[1:])
    once = ready(width=64)
    learn(once, [5, 1, 2], 0)
    assert counts(once, 5, 0) == {1: (together[0], 0.0), 2: (pytest.approx(together[1]), 0.0)}


def test_the_order_within_a_step_is_not_learnt() -> None:
    tables = ready(width=64), ready(width=64)
    for table, basket in zip(tables, ((4, 5, 6), (6, 4, 5)), strict=True):
        for place, item in enumerate(basket):
            before = [*basket[:place][::-1], 1]
            gaps = np.array([-1.0] * place + [0.0])
            table.learn(item, np.array(before, np.int32), gaps, np.ones(len(gaps)), 0)
    for item in (1, 4, 5, 6):
        assert counts(tables[0], item, 0) == counts(tables[1], item, 0)
    assert counts(tables[0], 4, 0) == {5: (1.0, 1.0), 6: (1.0, 1.0), 1: (1.0, 0.0)}
    assert counts(tables[0], 1, 0) == dict.fromkeys((4, 5, 6), (1.0, 1.0))


@given(_events, _groups, st.sampled_from([0.5, 3.0, 1e5]))
@settings(deadline=None)
def test_counts_equal_counting_everything_again(events: Any, groups: int, half_life: float) -> None:
    # 24 items in rows of 24 slots or more: no group of eight is ever full.
    neighbours = ready(width=24 * groups, half_life=half_life)
    step = weights()
    expected: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    last = len(events) * 7
    for number, basket in enumerate(events):
        position = number * 7  # so that short half-lives bring rebases
        learn(neighbours, basket, position)
        fade = 0.5 ** ((last - position) / half_life)
        item = basket[0]
        for gap, other in enumerate(basket[1:]):
            together, following = step[gap]
            expected[other][item][TOGETHER] += fade * together
            expected[other][item][NEXT] += fade * following
            expected[item][other][TOGETHER] += fade * together
    for item in range(24):
        got = counts(neighbours, item, last)
        assert set(got) == set(expected[item])
        for other, pair in got.items():
            assert pair == pytest.approx(tuple(expected[item][other]), rel=1e-4, abs=1e-12)


def test_a_rebase_is_told_and_changes_no_count() -> None:
    neighbours = ready(width=64, half_life=2.0)
    learn(neighbours, [1, 2, 3], 0)
    told = []
    for position in range(1, 500):
        before = counts(neighbours, 1, position)[2]
        told.append(learn(neighbours, [7, 8], position))
        assert counts(neighbours, 1, position)[2] == pytest.approx(before, rel=1e-5)
        assert np.isfinite(neighbours.counts).all()
    assert 2 <= sum(told) <= 10
    assert not learn(neighbours, [9], 500)


@given(_events, st.integers(0, 1_000))
@settings(deadline=None)
def test_a_full_row_stays_in_its_bounds(events: Any, seed: int) -> None:
    neighbours = ready(width=WAYS)
    for position, basket in enumerate(events):
        learn(neighbours, basket, position)
        assert basket[0] not in counts(neighbours, basket[0], position)
        if len(basket) > 1:  # a newcomer always gets in
            assert basket[0] in counts(neighbours, basket[1], position)
    for item in range(24):
        assert len(counts(neighbours, item, 0)) <= WAYS


def test_the_strong_stay_while_strangers_pass() -> None:
    neighbours = ready(width=WAYS, items=3_000)
    for position in range(30):
        for friend in (1, 2, 3):
            learn(neighbours, [friend, 0], position)
    for stranger in range(100, 2_100):
        learn(neighbours, [stranger, 0], 40)
    assert {1, 2, 3} <= set(counts(neighbours, 0, 40))


def test_newcomers_do_not_overwrite_each_other_where_there_is_room() -> None:
    neighbours = ready(width=2 * WAYS)
    learn(neighbours, [0, 2, 4, 6, 8, 10], 0)  # all of them in one group of eight
    assert set(counts(neighbours, 0, 0)) == {2, 4, 6, 8, 10}


def test_a_width_is_rounded_up_to_whole_groups() -> None:
    assert [ready(width).width for width in (1, 8, 9, 384)] == [8, 8, 16, 384]


def test_a_forgotten_item_has_no_neighbours_and_may_come_back() -> None:
    neighbours = ready(width=64)
    learn(neighbours, [1, 2], 0)
    neighbours.forget(1)
    neighbours.forget(60)  # never had a row
    assert counts(neighbours, 1, 0) == {}
    assert counts(neighbours, 2, 0) != {}
    learn(neighbours, [1, 3], 1)
    assert set(counts(neighbours, 1, 1)) == {3}


@given(_events, _events)
@settings(deadline=None)
def test_rows_put_back_go_on_alike(before: Any, after: Any) -> None:
    one, other = ready(width=16, half_life=1.0), ready(width=16, half_life=1.0)
    for position, basket in enumerate(before):
        learn(one, basket, position)
    other.base = one.base
    for item in range(24):  # by number: another order than that in which rows were made
        row = one.row_out(item)
        if row is not None:
            other.row_in(item, *row)
    for position, basket in enumerate(after, len(before)):
        assert learn(one, basket, position) == learn(other, basket, position)
    for item in range(24):
        mine, theirs = one.row_out(item), other.row_out(item)
        if mine is None or theirs is None:
            assert mine is theirs
            continue
        for a, b in zip(mine, theirs, strict=True):
            assert a.tobytes() == b.tobytes()
