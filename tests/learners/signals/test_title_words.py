"""Words of titles: who holds them, and how much of a search that is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.signals.title_words import TitleWords, sought_words, words_of

TITLES = (
    "Enamel kettle",
    "Cast iron teapot",
    "Two stoneware cups",
    "Reading lamp",
    "A long winter novel",
    "Grüne Teekanne aus Gusseisen",
    "铸铁茶壶",
    "Чугунный чайник",
    "",
)


def told(titles=TITLES) -> TitleWords:
    words = TitleWords()
    for item, title in enumerate(titles):
        words.put(item, "", title)
    return words


def shares(words: TitleWords, search: str, items: int = len(TITLES)) -> list[float]:
    return words.shares(search, np.arange(items, dtype=np.int32)).tolist()


@pytest.mark.parametrize(
    ("search", "item"),
    [
        ("kettles", 0),
        ("the KETTLE, please", 0),
        ("cup", 2),
        ("a novel for the winter", 4),
        ("grune teekanne", 5),
        ("eine grüne Teekanne", 5),
        ("茶壶", 6),
        ("茶", 6),
        ("铸铁的茶壶", 6),
        ("чайник", 7),
    ],
)
def test_the_item_that_a_search_names_holds_most_of_it(search, item) -> None:
    found = shares(told(), search)
    assert np.argmax(found) == item
    assert 0.4 < found[item] <= 1.0
    items, _ = told().best(search)
    assert item in items


@pytest.mark.parametrize(
    "search", ["", "?!", "ketle", "bouilloire", "水", "to be or not", "x " * 1_000]
)
def test_what_no_title_holds_is_held_by_none(search) -> None:
    assert shares(told(), search) == [0.0] * len(TITLES)
    assert len(told().best(search)[0]) == 0


def test_a_rare_word_counts_for_more_than_a_common_one() -> None:
    words = told([f"lamp {number}" for number in range(50)] + ["red desk"])
    found = shares(words, "red lamp", 51)
    assert found[50] > 0.7
    assert 0.0 < found[0] < 0.3


def test_words_that_say_nothing_count_only_alone() -> None:
    assert sought_words("the desk for me") == ("desk",)
    assert sought_words("Dallas, Texas") == ("dalla", "texa")  # "dalla" is said in Italy
    assert sought_words("who are you") == ("who", "are", "you")
    assert shares(told(["The Who", "Desk"]), "the who", 2) == [1.0, 0.0]


def test_of_a_long_text_the_first_words_are_read() -> None:
    assert len(words_of(" ".join(map(str, range(1_000))))) == 24


NAMES = st.text("ab 茶壶", max_size=6)


@given(st.lists(st.tuples(st.integers(0, 4), NAMES), max_size=20), NAMES)
def test_titles_that_come_and_go_leave_what_the_last_ones_say(puts, search) -> None:
    now: dict[int, str] = {}
    words = TitleWords()
    for item, title in puts:
        words.put(item, now.get(item, ""), title)
        words.holders("a")  # what was looked up must not hide what comes later
        now[item] = title
    fresh = TitleWords()
    for item in sorted(now, reverse=True):
        fresh.put(item, "", now[item])
    assert shares(words, search, 5) == shares(fresh, search, 5)
    for ours, theirs in zip(words.best(search), fresh.best(search), strict=True):
        assert (ours == theirs).all()


def test_where_a_word_is_everywhere_the_rare_one_leads() -> None:
    words = told([f"lamp {number}" for number in range(30_000)])
    items, held = words.best("lamp 7")
    assert items[np.argmax(held)] == 7
    assert len(items) <= 20_001
