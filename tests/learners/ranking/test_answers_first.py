"""Answers to a search lead the list made right after it, unless the log speaks against it."""

from __future__ import annotations

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.ranking.answers_first import PLACES, TRUST, WORDS, AnswersFirst
from learners.ranking.columns import SEARCH
from learners.testing import DIM, Feed, RecordTable, listed, small, unit
from learners.types import Item, Retraction

KINDS = ("grinder", "kettle", "novel")


def rows(words: list[float], near: list[float], since: int = 0) -> np.ndarray:
    made = {"search_words": np.array(words), "search": np.array(near)}
    made |= {f"{name}_now": made[name] / (1 + since) for name in ("search_words", "search")}
    none = np.zeros(len(words))
    made |= {"search_age": none + np.log1p(since)}
    return np.stack([made.get(name, none) for name in SEARCH], 1).astype(np.float32)


def order(scores: np.ndarray) -> list[int]:
    return np.lexsort((np.arange(len(scores)), -scores)).tolist()


@pytest.mark.parametrize(
    ("words", "near", "first"),
    [
        ([0.0, 0.6, 0.0, 1.0, 0.6], [0.9, 0.1, 0.2, 0.1, 0.1], [3, 4, 1]),
        ([1.0, 1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0], [4, 3, 2]),
        ([0.5, 0.2, 0.0, 0.0, 0.0], [0.1, 0.5, 0.4, 0.2, 0.6], [4, 1, 2]),
        ([0.0, 0.0, 0.0, 0.0, 0.0], [0.2, 0.2, 0.1, 0.1, 0.2], [4, 3, 2]),
    ],
)
def test_more_words_first_then_what_scores_more_and_meaning_where_no_title_holds_them(
    words, near, first
) -> None:
    scores = np.arange(5, dtype=np.float32)
    raised = AnswersFirst().put_first(scores, rows(words, near))
    assert order(raised)[:PLACES] == first
    others = [place for place in order(scores) if place not in first]
    assert order(raised)[PLACES:] == others


def test_what_loses_leads_no_longer_and_leads_again_once_it_wins() -> None:
    scores, asked = np.arange(12, dtype=np.float32), rows([1.0, *[0.0] * 11], [0.0] * 12)
    first = AnswersFirst()
    for _ in range(1_000):
        first.learn(scores, asked, 11, 10)  # never the answer
    assert order(first.put_first(scores, asked))[0] == 11
    assert first.trust[1] == TRUST[1]  # the other kind is not touched
    assert first.trust[WORDS] < 0.0
    for _ in range(1_000):
        first.learn(scores, asked, 0, 10)
    assert order(first.put_first(scores, asked))[0] == 0
    assert first.trust[WORDS] == TRUST[WORDS]


def test_a_small_loss_is_borne_for_ever() -> None:
    scores, asked = np.arange(12, dtype=np.float32), rows([1.0, *[0.0] * 11], [0.0] * 12)
    first = AnswersFirst()
    for turn in range(20_000):  # the answer is taken after 26 of a hundred: a loss of 0.013 each
        first.learn(scores, asked, 0 if turn * 26 % 100 < 26 else 11, 10)
    assert order(first.put_first(scores, asked))[0] == 0
    assert 0.0 < first.trust[WORDS] < TRUST[WORDS]


def shop(**changes) -> Feed:
    """Three kinds of things, many of each; nobody ever takes any of the first ones."""
    feed = Feed(OnlineModel(small(**{"dim": DIM, "repeats": "on", **changes})))
    for number in range(60):
        kind = KINDS[number % 3]
        vector = unit(number) if changes.get("dim", DIM) else None
        feed.model.put_item(Item(f"{kind}-{number}", f"Plain {kind} {number}", (), True, vector))
    for number in range(300):
        feed(f"u{number % 20}", f"{KINDS[number % 3]}-{number % 3 + 30}")
    return feed


@pytest.mark.parametrize("dim", [DIM, 0])
def test_a_search_leads_the_list_until_something_is_taken(dim) -> None:
    feed = shop(dim=dim)
    for user in ("u1", "somebody new"):
        feed(user, None, text="a grinder", vector=unit(99) if dim else None)
        assert all(name.startswith("grinder") for name in listed(feed.model, user)[:PLACES])
        asked = feed.model.rank(user)
        best = np.lexsort((asked.ids, -asked.scores))[:PLACES]
        assert [asked.ids[n] for n in best] == listed(feed.model, user)[:PLACES]
    assert len(listed(feed.model, "u1")) == 10


def test_only_as_many_lead_as_answer() -> None:
    feed = shop()
    feed("u1", None, text="grinder 33", vector=unit(99))
    assert listed(feed.model, "u1")[0] == "grinder-33"


def test_a_removed_item_answers_nothing_and_a_new_title_does() -> None:
    feed = shop()
    for number in range(0, 60, 3):
        feed.model.remove_item(f"grinder-{number}")
    feed.model.put_item(Item("novel-2", "Plain grinder after all", (), True, unit(2)))
    feed("u1", None, text="grinder", vector=unit(99))
    names = listed(feed.model, "u1")
    assert names[0] == "novel-2"
    assert not any(name.startswith("grinder") for name in names)


def test_it_goes_on_where_it_stopped() -> None:
    feed = shop()
    for _ in range(5):
        feed("u1", None, text="novel", vector=unit(99))
        feed("u1", "grinder-30")
    feed("u1", None, text="kettles", vector=unit(99))
    shelf = RecordTable()
    shelf.keep(feed.model.changed())
    again = OnlineModel(feed.model.settings, shelf.get)
    again.restore(shelf.scan)
    assert again.answers.trust == feed.model.answers.trust
    assert again.answers.trust[WORDS] < TRUST[WORDS]
    for number in reversed(range(60)):  # in whatever order the catalogue is told again
        kind = KINDS[number % 3]
        again.put_item(Item(f"{kind}-{number}", f"Plain {kind} {number}", (), True, unit(number)))
    assert again.recommend("u1") == feed.model.recommend("u1")
    assert all(name.startswith("kettle") for name in listed(again, "u1")[:PLACES])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "?!",
        "the",
        "grindr",
        "moulin",
        "水",
        "🙂",
        "zzz " * 1_000,
        "a\u0000b",
        "grinder" * 50,
    ],
)
def test_searches_that_no_title_holds_give_lists(text) -> None:
    feed = shop()
    feed("u1", None, text=text, vector=unit(99))
    assert len(listed(feed.model, "u1")) == 10
    said = {reason for entry in feed.model.recommend("u1").entries for reason in entry.reasons}
    assert not any("words of the search" in reason for reason in said)


def test_of_a_thousand_words_the_first_count() -> None:
    feed = shop()
    feed("u1", None, text="grinder " * 1_000 + "novel", vector=unit(99))
    assert all(name.startswith("grinder") for name in listed(feed.model, "u1")[:PLACES])


def test_without_an_encoder_a_search_that_finds_nothing_leaves_all_as_it_was() -> None:
    feed, other = shop(dim=0), shop(dim=0)
    feed("u1", None, text="nothing of ours")
    other("u1", None)
    assert listed(feed.model, "u1") == listed(other.model, "u1")
    assert not feed.model.signals.searching


def test_words_are_found_in_another_encoders_space_too() -> None:
    feed = shop()
    feed("u1", None, text="novels", vector=unit(99))
    model = feed.model
    reencoding = model.reencoding()
    for number in range(60):
        reencoding.put_item(f"{KINDS[number % 3]}-{number}", unit(number + 1_000))
    while reencoding.step(lambda texts: [None] * len(texts), 100):
        pass
    model.switch(reencoding)
    entries = model.recommend("u1").entries[:PLACES]
    assert all(entry.item_id.startswith("novel") for entry in entries)
    assert entries[0].reasons[0] == "has the words of the search for “novels”"


def test_a_search_that_is_taken_back_leads_nothing() -> None:
    feed = shop()
    before = listed(feed.model, "u1")
    feed("u1", None, text="novel", vector=unit(99))
    assert listed(feed.model, "u1") != before
    assert feed.model.retract(Retraction("u1", f"e{feed.model.position}")) != "nothing"
    names = listed(feed.model, "u1")
    assert not all(name.startswith("novel") for name in names[:PLACES])
