"""Pairs are cleaned, numbered, refused, and some kept out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.base import EncoderError
from encoders.training.pairs import Numbered, TextPairs, numbered, parted
from encoders.training.sampling import Draws
from encoders.training.settings import EncoderTuning

WORDS = [f"text {letter}" for letter in "abcdefghijklmnopqrst"]


def pairs_of(
    found: list[tuple[int, int]], negatives: list[int] | None = None, tied: list[str] | None = None
) -> Numbered:
    given_pairs = TextPairs(
        [WORDS[a] for a, _ in found],
        [WORDS[b] for _, b in found],
        np.ones(len(found), np.float32),
        None if negatives is None else [WORDS[n] if n >= 0 else "" for n in negatives],
    )
    return numbered(given_pairs, WORDS if tied is None else tied)


def test_blank_texts_and_pairs_with_themselves_are_left_out():
    texts = TextPairs(
        ["a", " ", "b", "c", "a\u200b b"],
        ["b", "a", "b", "", "c"],
        np.array([1, 1, 1, 1, 3], np.float32),
    )
    whole = numbered(texts, ["b", "", "z"])
    left = [
        (whole.texts[a], whole.texts[b])
        for a, b in zip(whole.anchors, whole.positives, strict=True)
    ]
    assert left == [("a", "b"), ("a b", "c")]
    assert whole.weights.tolist() == [0.25, 0.75]
    assert [whole.texts[number] for number in whole.tied.tolist()] == ["b", "z"]


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (TextPairs([], [], np.zeros(0, np.float32)), "nothing to train on"),
        (TextPairs(["a"], ["a"], np.ones(1, np.float32)), "none has two different texts"),
        (TextPairs(["a"], ["b"], np.zeros(1, np.float32)), "a weight above 0"),
        (TextPairs(["a", "b"], ["b"], np.ones(2, np.float32)), "2 anchors, 1 positives, 2 weights"),
        (TextPairs(["a"], ["b"], np.ones(1, np.float32), []), "0 negatives"),
        (TextPairs(["a"], ["b"], np.array([np.nan], np.float32)), "not finite"),
        (TextPairs(["a"], ["b"], np.array([-1], np.float32)), "below 0"),
    ],
)
def test_pairs_that_cannot_be_used_are_refused(pairs: TextPairs, reason: str):
    with pytest.raises(EncoderError, match=reason):
        numbered(pairs, [])


def test_what_was_never_wanted_is_no_negative():
    whole = pairs_of([(0, 1), (2, 3)], negatives=[3, 9])
    assert [whole.texts[n] if n >= 0 else None for n in whole.negatives.tolist()] == [
        WORDS[3],
        None,
    ]


def test_texts_kept_out_are_met_nowhere_in_the_training():
    rng = np.random.default_rng(0)
    found = [(int(a), int(b)) for a, b in rng.integers(20, size=(600, 2)) if a != b]
    whole = pairs_of(found)
    parts = parted(whole, 0.2, np.random.default_rng(1))
    train = parts.train
    strange = set(parts.strange[1].tolist())
    assert len(strange) == 4
    assert strange.isdisjoint(train.anchors.tolist())
    assert strange.isdisjoint(train.positives.tolist())
    assert strange.isdisjoint(train.tied.tolist())
    assert len(parts.known[0]) > 0
    assert strange.isdisjoint([*parts.known[0].tolist(), *parts.known[1].tolist()])
    assert train.weights.sum() == pytest.approx(1.0)


def test_nothing_is_kept_out_where_too_little_would_be_left():
    whole = pairs_of([(0, 1)])
    parts = parted(whole, 0.5, np.random.default_rng(0))
    assert parts.train is whole
    assert len(parts.known[0]) == len(parts.strange[0]) == 0


@given(
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), min_size=1, max_size=40),
    st.integers(0, 3),
)
@settings(deadline=None)
def test_a_step_names_its_pairs(found: list[tuple[int, int]], step: int):
    found = [(a, b) for a, b in found if a != b] or [(0, 1)]
    whole = pairs_of(found, negatives=[b for _, b in reversed(found)])
    draws = Draws(whole, 8, EncoderTuning(others=5, hard=3))
    draw = draws.draw(step)
    again = draws.draw(step)
    for one, other in zip(draw, again, strict=True):
        np.testing.assert_array_equal(one, other)
    anchors, candidates = draw.texts[draw.anchors], draw.texts[draw.candidates]
    real = set(zip(whole.anchors.tolist(), whole.positives.tolist(), strict=True))
    wanted = candidates[draw.wanted]
    assert set(zip(anchors.tolist(), wanted.tolist(), strict=True)) <= real
    assert len(set(candidates.tolist())) == len(candidates)
    assert set(candidates.tolist()) <= set(whole.positives.tolist())
    np.testing.assert_array_equal(draw.barred, candidates[None, :] == anchors[:, None])
    assert np.isfinite(draw.offsets).all()
    assert set(draw.texts[draw.tied].tolist()) <= set(whole.tied.tolist())


def test_offsets_are_how_often_a_text_is_met():
    found = [(0, 1)] * 6 + [(1, 2)] * 2 + [(2, 3)]
    whole = pairs_of(found, negatives=[3] * 9)
    draws = Draws(whole, 9, EncoderTuning(others=1, hard=4))
    draw = next(draw for draw in map(draws.draw, range(50)) if len(draw.candidates) == 3)
    # 9 draws of positives 6/9, 2/9, 1/9; one of three drawn evenly; 4 hard ones, all the last.
    met = dict(zip(draw.texts[draw.candidates].tolist(), np.exp(draw.offsets), strict=True))
    by_word = {whole.texts[number]: often for number, often in met.items()}
    assert by_word[WORDS[1]] == pytest.approx(6 + 1 / 3, rel=1e-5)
    assert by_word[WORDS[2]] == pytest.approx(2 + 1 / 3, rel=1e-5)
    assert by_word[WORDS[3]] == pytest.approx(1 + 1 / 3 + 4, rel=1e-5)


@pytest.mark.parametrize(
    ("given_settings", "reason"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"batch_size": 1}, "batch_size is 1"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"held_out": 0.9}, "held_out is 0.9"),
        ({"blends": (0.5, 1.5)}, "blends is"),
        ({"blends": ()}, "blends is"),
        ({"max_bytes": 0}, "max_bytes is 0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given_settings: dict[str, object], reason: str):
    with pytest.raises(ValueError, match=reason):
        EncoderTuning(**given_settings)
