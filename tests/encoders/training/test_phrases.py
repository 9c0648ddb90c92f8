"""Phrases of a vocabulary's own words."""

from __future__ import annotations

import numpy as np

from encoders.training.sampling import phrases

VOCABULARY = ["[PAD]", "##ing", "a", "toy", "\u2581story", "\u0120shoes", "9to5", "jazz"]


def made(seed: int = 0, vocabulary: list[str] = VOCABULARY) -> list[str]:
    return phrases(vocabulary, 40, np.random.default_rng(seed))


def test_phrases_are_of_whole_words():
    found = made()
    assert len(found) == 40
    assert {word for phrase in found for word in phrase.split()} == {
        "toy",
        "story",
        "shoes",
        "jazz",
    }
    assert {len(phrase.split()) for phrase in found} == {1, 2, 3, 4, 5}


def test_one_seed_gives_the_same_ones_whatever_the_order_of_the_vocabulary():
    assert made() == made(vocabulary=VOCABULARY[::-1])
    assert made() != made(seed=1)


def test_a_vocabulary_without_words_gives_none():
    assert made(vocabulary=["##ing", "a", "[PAD]"]) == []
