"""Rows of nearest items equal a search by brute force, whatever was put, changed or removed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learners.signals import semantic as meaning
from learners.signals.semantic import SemanticIndex

ITEMS, DIM = 12, 5
_ops = st.lists(
    st.tuples(
        st.sampled_from(["put", "look_up", "remove"]),
        st.integers(0, ITEMS - 1),
        st.integers(0, 60),
    ),
    max_size=40,
)


def unit(seed: int, dim: int = DIM) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).normal(size=dim)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def ready(width: int, items: int = ITEMS, dim: int = DIM) -> SemanticIndex:
    semantic = SemanticIndex(dim, width)
    semantic.make_room(items)
    return semantic


def nearest(vectors: dict[int, NDArray[np.float32]], item: int) -> list[tuple[float, int]]:
    """All others with a text, the nearest first, found by looking at each."""
    own = vectors[item].astype(np.float64)
    cosines = [(float(v.astype(np.float64) @ own), i) for i, v in vectors.items() if i != item]
    return sorted(cosines, reverse=True)


def row(semantic: SemanticIndex, item: int) -> list[tuple[float, int]]:
    found = semantic.row_out(item)
    assert found is not None
    near, cosines = found
    used = int((near >= 0).sum())
    assert (near[used:] == -1).all()  # no gap among them
    return list(zip(cosines[:used].tolist(), near[:used].tolist(), strict=True))


def assert_equals_brute_force(
    semantic: SemanticIndex, vectors: dict[int, NDArray[np.float32]], item: int
) -> None:
    got = row(semantic, item)
    if item not in vectors:
        assert got == []
        return
    expected = nearest(vectors, item)
    assert len({i for _, i in got}) == len(got)
    assert [c for c, _ in got] == pytest.approx([c for c, _ in expected[: len(got)]], abs=1e-5)
    by_item = {i: c for c, i in expected}
    assert [by_item[i] for _, i in got] == pytest.approx([c for c, _ in got], abs=1e-5)


@given(_ops, st.integers(1, 6))
@settings(deadline=None, max_examples=150)
def test_rows_are_the_nearest_after_any_order_of_changes(ops: Any, width: int) -> None:
    semantic = ready(width)
    vectors: dict[int, NDArray[np.float32]] = {}
    looked_up: set[int] = set()
    first = [("put", i, i) for i in range(9)] + [("look_up", i, 0) for i in (4, 0, 7)]
    for act, item, seed in first + ops:
        rows = {i: row(semantic, i) for i in looked_up}
        if act == "put":
            told = semantic.put(item, unit(seed))
            vectors[item] = unit(seed)
        elif act == "remove":
            told = semantic.put(item, None)
            vectors.pop(item, None)
        else:
            told = [item] if semantic.look_up(item) else []
            if item in vectors:
                looked_up.add(item)
                least = min(len(vectors) - 1, (width + 1) // 2)
                assert len(row(semantic, item)) >= least
        for i in looked_up:
            assert_equals_brute_force(semantic, vectors, i)
            assert i in told or rows.get(i) == row(semantic, i)


def test_a_row_is_whole_when_nothing_was_lost() -> None:
    semantic = ready(width=4)
    for item in range(ITEMS):
        semantic.put(item, unit(item))
        semantic.look_up(item)
    for item in range(ITEMS):
        assert len(row(semantic, item)) == 4


def test_a_row_that_lost_half_is_looked_for_again() -> None:
    semantic = ready(width=4)
    vectors = {item: unit(item) for item in range(ITEMS)}
    for item, vector in vectors.items():
        semantic.put(item, vector)
    assert semantic.look_up(0)
    assert not semantic.look_up(0)
    for gone in [i for _, i in row(semantic, 0)[:3]]:
        semantic.put(gone, None)
        del vectors[gone]
    assert len(row(semantic, 0)) == 1
    assert semantic.look_up(0)
    assert len(row(semantic, 0)) == 4
    assert_equals_brute_force(semantic, vectors, 0)


def test_the_same_vector_again_changes_nothing() -> None:
    semantic = ready(width=3)
    for item in range(6):
        semantic.put(item, unit(item))
    semantic.look_up(2)
    before = row(semantic, 2)
    assert semantic.put(4, unit(4)) == []
    assert row(semantic, 2) == before


def test_rows_put_back_go_on_alike() -> None:
    one, other = ready(width=3), ready(width=3)
    for item in range(8):
        one.put(item, unit(item))
    for item in (5, 1, 3):  # another order than that of the numbers
        one.look_up(item)
    for item in range(8):
        other.fingerprints[item] = one.fingerprints[item]
        found = one.row_out(item)
        if found is not None:
            other.row_in(item, *found)
    for item in range(8):
        assert other.put(item, unit(item)) == []
    for semantic in (one, other):
        semantic.put(9, unit(90))
        semantic.put(1, unit(91))
        semantic.put(3, None)
        semantic.look_up(9)
    for item in range(10):
        mine, theirs = one.row_out(item), other.row_out(item)
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert mine[0].tobytes() == theirs[0].tobytes()
            assert mine[1].tobytes() == theirs[1].tobytes()


@pytest.mark.parametrize(
    "vector",
    [
        np.full(DIM, np.nan, np.float32),
        np.array([1, 0, 0, 0, np.inf], np.float32),
        np.full(DIM, 1e30, np.float32),
        np.ones(DIM + 1, np.float32),
        np.ones((1, DIM), np.float32),
    ],
)
def test_a_vector_that_is_no_unit_is_refused_and_leaves_no_trace(vector: Any) -> None:
    semantic = ready(width=3)
    semantic.put(0, unit(0))
    semantic.put(1, unit(1))
    semantic.look_up(0)
    before = row(semantic, 0)
    with pytest.raises(ValueError, match=r"a vector of shape .* must be \(5,\)"):
        semantic.put(1, vector)
    assert row(semantic, 0) == before
    assert np.isfinite(semantic.vectors).all()
    assert semantic.put(1, unit(1)) == []


def test_no_text_is_no_vector() -> None:
    semantic = ready(width=3)
    semantic.put(0, None)
    semantic.put(1, unit(1))
    assert not semantic.look_up(0)
    assert semantic.row_out(0) is None
    semantic.look_up(1)
    assert row(semantic, 1) == []


def clustered(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors around a few dozen centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(60, dim))
    vectors = centres[rng.integers(0, 60, n)] + rng.normal(0, 0.5, (n, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def test_the_search_is_exact_by_the_number_of_texts_whatever_room_there_is() -> None:
    texts = 1_500
    vectors = {item: unit(item, 32) for item in range(texts)}
    semantic = ready(width=30, items=2 * meaning._EXACT_BELOW, dim=32)
    for item, vector in vectors.items():
        semantic.put(item, vector)
    for item in range(0, texts, 29):
        semantic.look_up(item)
        assert len(row(semantic, item)) == 30
        assert_equals_brute_force(semantic, vectors, item)


def test_the_short_list_of_a_large_catalogue_finds_the_nearest() -> None:
    n = meaning._EXACT_BELOW + 2_000
    vectors = clustered(n, 32, seed=1)
    semantic = ready(width=20, items=n, dim=32)
    for item in range(n):
        semantic.put(item, vectors[item])
    found = 0
    asked = range(0, n, 61)
    for item in asked:
        semantic.look_up(item)
        cosines = vectors @ vectors[item]
        cosines[item] = -2.0
        expected = set(np.argsort(-cosines)[:20].tolist())
        found += len(expected & {i for _, i in row(semantic, item)})
    assert found >= 0.9 * 20 * len(asked)
