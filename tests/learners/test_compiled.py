"""Each compiled loop gives what the same Python gives uncompiled."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from learners.arrays import place_of
from learners.classifiers.base import copied
from learners.classifiers.example_memory import compare
from learners.classifiers.softmax import descend, go_down
from learners.ranking.candidate_kernels import (
    draw,
    find_rows,
    foremost,
    gather,
    strongest,
    top,
    weigh,
)
from learners.ranking.columns import FEATURES, fill
from learners.ranking.features import usual
from learners.ranking.preference_learner import (
    adam,
    lowered,
    rectify,
    shares,
    standardised,
    to_slope,
)
from learners.signals.neighbour_kernels import (
    IN_ORDER,
    ITEM_WEIGHT,
    NEW,
    NEXT,
    STEEPNESS,
    TOGETHER,
    WAYS,
    add,
    amend,
    learn_item_weights,
    pointers,
    put,
)
from learners.signals.neighbours import CHANNELS
from learners.signals.window import collect_window, in_a_row, look_back

ITEMS, ROWS, WIDTH = 60, 12, 3 * WAYS


def table(rng, rows=ROWS, width=WIDTH):
    ids = rng.integers(-1, ITEMS, (rows, width)).astype(np.int32)
    return ids, rng.random((CHANNELS, rows, width)).astype(np.float32)


def both(function, *arrays):
    """Run a loop compiled and plain, each on copies; return results, and the copies after it."""
    given = [[np.copy(a) if isinstance(a, np.ndarray) else a for a in arrays] for _ in range(2)]
    return [(run(*a), a) for run, a in zip((function, function.py_func), given, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_candidates_are_gathered_alike(seed):
    rng = np.random.default_rng(seed)
    ids, counts = table(rng)
    near, (cosines, *_) = table(rng, 5, 7)
    blocked = rng.random(ITEMS + 1) < 0.2
    blocked[-1] = True
    slot = np.full(ITEMS + 1, -1, np.intp)
    had = rng.choice(ITEMS, 9, replace=False).astype(np.int32)
    listed = rng.integers(0, ITEMS, 20).astype(np.int32)
    rows = rng.choice(ROWS, 4, replace=False).astype(np.int32)
    near_rows = np.array([3, 0], np.int32)
    recent = rng.choice(ITEMS, 12, replace=False).astype(np.int32)
    places, near_places = np.array([0, 1, 5, 11]), np.array([2, 3])
    back = np.sort(rng.choice([0.0, 0.0, 1.0, 2.0, 5.0, 10.0, 14.0], 12))
    total, reach = 9.0 * rng.random(ITEMS), rng.random(4)
    (found, after), (plain, _) = both(
        gather, ids, counts, 1.5, places, rows, reach, near, cosines, near_places, near_rows,
        recent, back, listed, blocked, had, slot, total, 0.5,
    )  # fmt: skip
    assert_array_equal(found[0], plain[0])
    assert_allclose(found[1], plain[1], rtol=1e-6)
    assert_array_equal(after[13], blocked)
    assert_array_equal(after[15], slot)
    named = {*ids[rows].ravel(), *near[near_rows].ravel(), *listed} - {-1} - {*had}
    assert sorted(found[0].tolist()) == sorted(item for item in named if not blocked[item])
    rooted, far = np.sqrt(total[recent[places]] * 0.5 + 1.0), back[places]
    by_hand = {
        0: np.exp(-far / 15.0) / rooted / 1.5,
        1: np.exp(-far / 1.5) * (far < 10) / rooted / 1.5,
        3: (far == 0) / rooted**2 / 1.5,
        6: reach,
    }
    for place, item in enumerate(found[0]):
        for column, channel in ((0, TOGETHER), (1, TOGETHER), (3, NEXT), (6, ITEM_WEIGHT)):
            hand = (counts[channel, rows] * by_hand[column][:, None] * (ids[rows] == item)).sum()
            assert_allclose(found[1][place, column], hand, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_looked_up_alike(seed):
    rng = np.random.default_rng(seed)
    row_of, near_of = (rng.integers(-1, 9, ITEMS).astype(np.int32) for _ in range(2))
    recent = rng.choice(ITEMS, 12, replace=False).astype(np.int32)
    (found, _), (plain, _) = both(find_rows, row_of, near_of, recent)
    for one, other in zip(found, plain, strict=True):
        assert_array_equal(one, other)
    assert_array_equal(found[1], row_of[recent][found[0]])
    assert_array_equal(found[3], near_of[recent[near_of[recent] >= 0]])


def test_items_are_drawn_evenly_from_those_of_the_stream():
    streamed = np.arange(ITEMS) % 3 > 0
    times = np.zeros(ITEMS)
    for position in range(300):
        drawn = draw(position * 16, 16, streamed, ITEMS)
        assert streamed[drawn].all()
        np.add.at(times, drawn, 1)
    assert 60 < times[streamed].min() <= times.max() < 100
    assert not len(draw(5, 0, streamed, ITEMS))


@pytest.mark.parametrize("seed", range(5))
def test_features_are_written_alike(seed):
    rng = np.random.default_rng(seed)
    ids = rng.choice(ITEMS, 30, replace=False).astype(np.int32)
    per_item = [rng.random(ITEMS) for _ in range(4)]
    (_, (columns, *_)), (_, (plain, *_)) = both(
        fill, np.empty((len(FEATURES), 30), np.float32), ids, 0.1 + rng.random((3, 30)),
        rng.random((30, 7)),
        per_item[0], 0.5, per_item[1], 2.0, per_item[2], per_item[3], 7,
        rng.integers(0, 5, (4, ITEMS)).astype(np.int32), rng.random(5).astype(np.float32),
        rng.random(5).astype(np.float32), rng.normal(size=ITEMS), seed % 2 > 0, 0.3, -0.2,
        1.0, 1.0, 2.0, 3.0,
    )  # fmt: skip
    assert np.isfinite(columns).all()
    assert_allclose(columns, plain, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_the_usual_value_is_found_alike(seed):
    rng = np.random.default_rng(seed)
    level, recent = rng.normal(size=ITEMS), rng.choice(ITEMS, 8, replace=False).astype(np.int32)
    back = np.float64([0, 0, 1, 4, 11, 12, 12, 30])
    (found, _), (plain, _) = both(usual, level, recent, back)
    assert_allclose(found, plain, rtol=1e-12)
    weights = np.exp(-back[:5] / 3.0)
    by_hand = True, level[recent[:2]].mean(), level[recent[:5]] @ weights / weights.sum()
    assert_allclose(found, by_hand)
    assert usual(level, recent[:0], back[:0]) == (False, 0.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_steps_are_walked_back_alike(seed):
    rng = np.random.default_rng(seed)
    items = rng.integers(0, 12, 30).astype(np.int32)
    times = np.sort(rng.choice([0.0, 1.0, 2.0, 1_802.0, 1_803.0, 9_000.0], 30))
    steps = np.cumsum(np.diff(times, prepend=0.0) > 0).astype(np.int32)
    (found, _), (plain, _) = both(collect_window, items, times, steps, times, 28, 9, 3.0, -1)
    assert_array_equal(found[0], plain[0])
    assert_array_equal(found[1], plain[1])
    assert_array_equal(found[2], plain[2])
    newest = [times[np.flatnonzero(items[:28] == item)[-1]] for item in found[0]]
    assert_array_equal(found[2], newest)
    (apart, _), _ = both(collect_window, items, times, 2 * steps, times, 28, 9, 0.0, -1)
    (near, _), _ = both(collect_window, items, times, steps, times, 28, 9, 0.0, -1)
    assert_array_equal(apart[1], 2 * near[1])
    (found, _), (plain, _) = both(in_a_row, times, 28, 9)
    assert found == plain > 0
    own = int(items[27])
    (others, _), (plain, _) = both(collect_window, items, times, steps, times, 28, 9, 0.0, own)
    assert [each.tolist() for each in others] == [each.tolist() for each in plain]
    without = near[0] != own
    assert others[0][:8].tolist() == near[0][without].tolist()
    assert others[1][:8].tolist() == near[1][without].tolist()
    for before in (float(times[27]), 9_500.0, np.nan):
        (found, _), (plain, _) = both(look_back, items, times, steps, times, 28, before, 9, 3.0)
        assert [np.asarray(each).tolist() for each in found] == [
            np.asarray(each).tolist() for each in plain
        ]
        assert found[0] == np.count_nonzero(times[:28] == before)


@pytest.mark.parametrize("seed", range(5))
def test_the_network_is_alike_and_keeps_what_is_no_number(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(20, 6)).astype(np.float32) * 9
    rows[3, 2] = np.nan
    bias, scale = rng.normal(size=6).astype(np.float32), rng.random(6).astype(np.float32)
    (_, (active, _)), (_, (plain, _)) = both(rectify, rows, bias)
    assert_array_equal(active, plain)
    assert_array_equal(active, np.maximum(rows + bias, 0.0))
    slope = rng.normal(size=20).astype(np.float32)
    (share, _), (plain, _) = both(shares, slope, scale, active)
    assert_array_equal(share, plain)
    assert_array_equal(share, slope[:, None] * scale * (active > 0))
    (found, _), (plain, _) = both(standardised, rows, bias, scale, 6.0)
    assert_array_equal(found, plain)
    assert_array_equal(found, np.clip((rows - bias) * scale, -6.0, 6.0))


@pytest.mark.parametrize("seed", range(5))
def test_candidates_are_weighed_alike(seed):
    rng = np.random.default_rng(seed)
    ids = rng.choice(ITEMS, 30, replace=False).astype(np.int32)
    arrays = (ids, rng.random((30, 7)), rng.random(ITEMS), 0.5, rng.random(ITEMS), 2.0)
    (compiled, _), (plain, _) = both(weigh, *arrays)
    for one, other in zip(compiled, plain, strict=True):
        assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_are_counted_alike(seed):
    rng = np.random.default_rng(seed)
    ids, counts, users = made = (
        np.full((ROWS, WIDTH), -1, np.int32),
        np.zeros((CHANNELS, ROWS, WIDTH), np.float32),
        np.zeros((ROWS, WIDTH), np.uint8),
    )
    plain = [array.copy() for array in made]
    for turn in range(100):
        met = rng.choice(ITEMS, 8, replace=False).astype(np.int32)
        gaps = np.sort(rng.integers(-1, 5, 7)).astype(float)
        units = np.full(7, 1.5, np.float32)
        few = (met % ROWS, met, gaps, units, (turn % 3 > 0) * NEW + IN_ORDER)
        add(*made, *few)
        add.py_func(*plain, *few)
    for array, other in zip(made, plain, strict=True):
        assert_array_equal(array, other)
    assert (users & 15 >= users >> 4).all()
    assert 1 < (users & 15).max() <= 15
    assert (counts[:2] > 0).any(axis=(1, 2)).all()
    for _ in range(100):
        met = rng.choice(ITEMS, 8, replace=False).astype(np.int32)
        rows = np.where(met % 5 > 0, met % ROWS, -1).astype(np.int32)
        gaps = np.sort(rng.integers(-1, 5, 7)).astype(float)
        units = np.full(7, 0.25, np.float32)
        for few in ((rows, met, gaps, -2 * units), (rows[::-1], met, gaps, units)):
            amend(*made, *few)
            amend.py_func(*plain, *few)
    for array, other in zip(made, plain, strict=True):
        assert_array_equal(array, other)
    assert (users[ids < 0] == 0).all()
    assert (counts >= 0).all()
    assert (counts[:, ids < 0] == 0).all()


def test_a_place_is_found_alike():
    numbers = np.int32([5, 3, 9, 3])
    for wanted, place in ((5, 0), (3, 1), (9, 2), (4, -1)):
        assert place_of(numbers, wanted) == place_of.py_func(numbers, wanted) == place
    assert place_of(numbers[:0], 5) == -1


@pytest.mark.parametrize("seed", range(5))
def test_pulls_step_alike_and_down_the_gradient(seed):
    rng = np.random.default_rng(seed)
    ids, counts = np.full((ROWS, WIDTH), -1, np.int32), rng.random((CHANNELS, ROWS, WIDTH))
    for row in range(ROWS):  # in a row each item stands once
        ids[row] = rng.permutation(ITEMS)[:WIDTH]
    counts = counts.astype(np.float32)
    rows, reach = np.array([2, 7, 5], np.int32), np.float32([0.8, 0.5, 0.3])
    items = rng.choice(ITEMS, 30, replace=False).astype(np.int32)
    slope = rng.normal(size=30).astype(np.float32)
    slot = np.full(ITEMS + 1, -1, np.intp)
    (_, after), (_, plain) = both(
        learn_item_weights, ids, counts, rows, reach, items, slope, 0.1, slot
    )
    assert_allclose(after[1], plain[1], rtol=1e-5, atol=1e-7)
    assert_array_equal(after[-1], slot)
    expected = counts.copy()
    for row, share in zip(rows, reach, strict=True):
        for item, slant in zip(items, slope, strict=True):
            for column in np.flatnonzero(ids[row] == item):
                expected[STEEPNESS, row, column] += (share * slant) ** 2
                root = np.sqrt(0.1 + expected[STEEPNESS, row, column])
                expected[ITEM_WEIGHT, row, column] -= 0.1 * share * slant / root
    assert_allclose(after[1], expected, rtol=1e-4, atol=1e-6)


def test_pointers_in_meaning_are_found_alike():
    rng = np.random.default_rng(0)
    ids, (strength, *_) = table(rng)
    rows = np.array([2, 7, 5], np.int32)
    listed, slot = np.arange(20, dtype=np.int32), np.full(ITEMS + 1, -1, np.intp)
    held = rng.integers(1, 99, ids.shape).astype(np.uint8)
    (compiled, after), (plain, _) = both(strongest, ids, strength, held, rows, listed, slot)
    for one, other in zip(compiled, plain, strict=True):
        assert_array_equal(one, other)
    for item, step, column, what in zip(listed, *compiled, strict=True):
        named = np.where(ids[rows] == item, strength[rows], 0.0)
        assert step < 0 if named.max() == 0.0 else strength[rows[step], column] == named.max()
        assert what == (0 if step < 0 else held[rows[step], column])
    assert_array_equal(after[-1], slot)


def test_pointers_among_neighbours_are_found_alike():
    rng = np.random.default_rng(0)
    ids = np.full((ROWS, 2 * WAYS), -1, np.int32)
    counts, users = np.zeros((CHANNELS, *ids.shape), np.float32), np.zeros(ids.shape, np.uint8)
    for row, item in rng.integers(0, (ROWS, ITEMS), (200, 2)):
        place = put(ids, counts, users, row, item)
        counts[:, row, place], users[row, place] = rng.integers(0, 4, CHANNELS), row * 7 + 1
    rows, items = np.array([2, 7, 5], np.int32), np.arange(ITEMS, dtype=np.int32)
    (compiled, _), (plain, _) = both(pointers, ids, counts, users, rows, items)
    for one, other in zip(compiled, plain, strict=True):
        assert_array_equal(one, other)
    assert (compiled[0] >= 0).any()
    for strong, found, held in zip(counts, *compiled, strict=False):
        named = np.where(ids[rows][:, :, None] == items, strong[rows][:, :, None], 0.0).max(axis=1)
        assert_array_equal(found, np.where(named.any(axis=0), named.argmax(axis=0), -1))
        assert_array_equal(held, np.where(found < 0, 0, rows[found] * 7 + 1))


def test_foremost_categories_are_counted_alike():
    rng = np.random.default_rng(0)
    categories = rng.integers(0, 6, (4, ITEMS)).astype(np.int32)
    items, recent = np.arange(30, dtype=np.int32), rng.permutation(ITEMS)[:9].astype(np.int32)
    weights = rng.integers(0, 3, 6).astype(np.float32)  # some of them equal
    (compiled, _), (plain, _) = both(foremost, categories, items, recent, weights)
    for one, other in zip(compiled, plain, strict=True):
        assert_array_equal(one, other)
    for item, category, count in zip(items, *compiled, strict=True):
        own = categories[:, item]
        assert category == own[weights[own].argmax()]
        held = (categories[:, recent] == category).any(axis=0).sum()
        assert count == (held if category else 0)


def test_the_best_are_those_of_a_sort():
    rng = np.random.default_rng(0)
    for n in (0, 1, 7, 40):
        ids = rng.permutation(n).astype(np.int32)
        scores = rng.integers(0, 9, n).astype(np.float32)  # many of them equal
        for k in (1, 7, 50):
            (compiled, _), (plain, _) = both(top, ids, scores, k)
            assert_array_equal(compiled, np.lexsort((ids, -scores))[:k])
            assert_array_equal(plain, compiled)


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("skip", [0.0, 0.5])
def test_adagrad_steps_alike(l2, skip):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(4, 33)).astype(np.float32)
    squares = rng.random((4, 33)).astype(np.float32) + 1e-3
    slope, vector = np.float32([0.9, -0.7, 0.3, -0.1]), rng.normal(size=33).astype(np.float32)
    few = [np.float32(number) for number in (0.3, l2, skip)]
    (_, compiled), (_, plain) = both(descend, weights, squares, slope, vector, *few)
    assert_allclose(compiled[0], plain[0], rtol=1e-5, atol=1e-6)
    assert_allclose(compiled[1], plain[1], rtol=1e-5)
    moved = (compiled[0] != weights).any(axis=1)
    assert moved.tolist() == [True, True, skip == 0, skip == 0]


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_plain_steps_alike(l2):
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(4, 33))
    slope, vector = rng.normal(size=4), rng.normal(size=33)
    (_, compiled), (_, plain) = both(go_down, weights, slope, vector, 0.3, l2)
    assert_allclose(compiled[0], plain[0], rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_kept_examples_are_compared_alike(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(-127, 128, (9, 5, 33)).astype(np.int8)
    scales = rng.random((9, 5)).astype(np.float32) / 127
    kept, slots = rng.integers(0, 6, 9).astype(np.int32), rng.choice(9, 4, replace=False)
    asked, found = rng.integers(-127, 128, 33).astype(np.int16), np.empty((2, 9), np.float32)
    few = (np.float32(0.002), np.float32(3.0), found)
    (_, compiled), (_, plain) = both(compare, codes, scales, kept, slots, asked, *few)
    assert_allclose(compiled[-1], plain[-1], rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_by_scores_is_alike(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=9).astype(np.float32)
    (rank, (low, _)), (plain, (other, _)) = both(lowered, scores, 4)
    assert rank == plain == (scores >= scores[4]).sum()
    assert_array_equal(low, other)
    assert_array_equal(low, scores - scores.max())
    raised, weight = np.exp(low), np.float32(1.5)
    (chance, (slope, *_)), (plain, (other, *_)) = both(to_slope, raised, raised.sum(), 4, weight)
    assert_array_equal(slope, other)
    assert chance == plain == pytest.approx(raised[4] / raised.sum())
    assert slope.sum() == pytest.approx(0.0, abs=1e-6)
    scores[2] = np.nan
    lowered(scores, 4)
    assert np.isnan(scores).all()


def test_a_vector_is_copied_and_measured_alike():
    x = np.float32([3.0, -4.0])
    (squared, (_, vector)), (plain, (_, other)) = both(copied, x, np.float32([0.0, 0.0, 1.0]))
    assert squared == plain == 26.0
    assert vector.tolist() == other.tolist() == [3.0, -4.0, 1.0]
    for odd in (np.nan, np.inf):
        assert not copied(np.float32([odd, 0.0]), np.zeros(3, np.float32)) <= 1e12


def test_adam_steps_alike():
    rng = np.random.default_rng(2)
    weights, gradient, mean = (rng.normal(size=50).astype(np.float32) for _ in range(3))
    square = rng.random(50).astype(np.float32)
    averaged = weights + np.float32(0.5)
    few = (weights, averaged, gradient, mean, square, 0.003, 7, 0.25)
    (_, compiled), (_, plain) = both(adam, *few)
    assert_allclose(compiled[0], plain[0], rtol=1e-5)
    assert_allclose(compiled[1], 0.75 * averaged + 0.25 * compiled[0], rtol=1e-4, atol=1e-6)
