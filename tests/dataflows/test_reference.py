"""The popularity reference against counts made anew for each event."""

from __future__ import annotations

from array import array

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflows.reference import Popularity


@given(st.lists(st.integers(0, 6), max_size=40), st.sets(st.integers(0, 6)))
def test_decayed_counts_equal_a_sum_of_powers(learnt, own) -> None:
    rows = {item: row for row, item in enumerate(dict.fromkeys(learnt))}
    popularity = Popularity(half_life=3.0)
    for item in learnt:
        popularity.learn(rows[item])
    age = np.arange(len(learnt), 0, -1)
    worth = {
        i: sum(0.5 ** (a / 3.0) for a, x in zip(age, learnt, strict=True) if x == i) for i in rows
    }
    mine = array("q", (rows[item] for item in own if item in rows))
    for item in set(rows) - own:
        # Sums of the same powers in another order may differ in the last bit: a tie is not judged.
        if min((abs(worth[item] - w) for i, w in worth.items() if i != item), default=1) < 1e-9:
            continue
        expected = sum(w >= worth[item] for i, w in worth.items() if i not in own)
        assert popularity.rank(rows[item], mine) == expected


def test_an_item_not_met_is_a_miss() -> None:
    popularity = Popularity()
    popularity.learn(0)
    assert popularity.rank(None, None) == 0
    assert popularity.rank(5, None) == 0


def test_room_grows_and_large_steps_are_brought_down() -> None:
    popularity = Popularity(half_life=0.5)
    for row in range(3000):
        popularity.learn(row)
    assert [popularity.rank(row, None) for row in (2999, 2998, 2900)] == [1, 2, 100]
