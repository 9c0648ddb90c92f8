"""A list made right after a search answers it: first what holds its words."""

from __future__ import annotations

import pytest

from benchmarks.searches import Titles, is_answered, play
from dataflows.datasets.shop.shop import Shop
from encoders.cache.cached import CachedEncoder
from encoders.load import load_encoder

TITLES = {"a": "Red desk lamp", "b": "Blue desk lamp", "c": "Olvane desk lamp", "d": "Desk"}


@pytest.mark.parametrize(
    ("search", "full", "plain"),
    [
        ("a desk lamp", "abc", "abc"),
        ("desk lamp Olvane", "c", "abc"),
        ("desk Kordalen", "", "abcd"),
        ("lamp for the moon", "", ""),
        ("for my", "", ""),
    ],
)
def test_an_answer_has_all_words_or_all_that_are_no_brand(search, full, plain) -> None:
    assert Titles(TITLES).answers(search, set()) == (set(full), set(plain))


@pytest.mark.parametrize(
    ("listed", "full", "plain", "expected"),
    [
        ("cab", "c", "abc", True),
        ("acb", "c", "abc", False),
        ("abx", "ab", "ab", True),
        ("axb", "ab", "ab", False),
        ("a", "ab", "ab", False),
        ("abc", "abcd", "abcd", True),
    ],
)
def test_no_better_answer_stands_behind_the_first_places(listed, full, plain, expected) -> None:
    assert is_answered(list(listed), set(full), set(plain)) is expected


@pytest.mark.parametrize("repeats", ["on", "off"])
def test_searches_of_a_shop_are_answered(repeats: str) -> None:
    encoder = CachedEncoder(load_encoder("hashing"), 20_000)
    shop = Shop(seed=7, items=600, users=120)
    found, ranked = (play(shop, 1_200, encoder, repeats, first=first) for first in (True, False))
    assert found["searches"] > 40
    assert found["answered"] >= 0.95
    assert ranked["answered"] < 0.9  # so it is not what they would be anyway
    assert found["HR@10"] > ranked["HR@10"] - 0.01
