"""What was taken after searches outlives another encoder: it goes where their words lead then."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.online_model import OnlineModel
from learners.signals.after_search import AfterSearch
from learners.signals.neighbour_kernels import TOGETHER
from learners.state.reencode import Reencoding
from learners.testing import DIM, Feed, RecordTable, listed, small, unit
from learners.types import Item

WORDS = [f"word {n}" for n in range(40)]
ITEMS = [f"i{n}" for n in range(40)]
PLAIN = [f"plain{n}" for n in range(6)]


def old(text: str) -> np.ndarray:
    """The old encoder: `word n` lies by item n."""
    return unit(2_000, unit(100 + WORDS.index(text)))


def new(text: str) -> np.ndarray:
    """The new one, in which it lies by item 39 - n."""
    return unit(3_000, unit(100 + 39 - WORDS.index(text)))


def world() -> Feed:
    model = OnlineModel(small(dim=DIM, repeats="on"))
    for n, item_id in enumerate(ITEMS):
        model.put_item(Item(item_id, item_id, ("c",), True, unit(100 + n)))
    for item_id in PLAIN:
        model.put_item(Item(item_id, item_id, ("d",)))
    return Feed(model)


def search(feed: Feed, user: str, word: int, encode=old) -> None:
    text = WORDS[word]
    feed(user, None, vector=encode(text), text=text, encoded=text)


def people(feed: Feed, events: int, words: int = 3, encode=old) -> None:
    """Who searches for one of the first words takes a plain item of its own."""
    dice = np.random.default_rng(feed.position)
    for _ in range(events):
        word, user = int(dice.integers(words)), f"u{dice.integers(20)}"
        search(feed, user, word, encode)
        feed(user, PLAIN[word])


def reencoding_of(model: OnlineModel) -> Reencoding:
    reencoding = Reencoding(model)
    for n, item_id in enumerate(ITEMS):
        reencoding.put_item(item_id, unit(100 + n))
    finish(reencoding)
    return reencoding


def finish(reencoding: Reencoding) -> None:
    while reencoding.step(lambda texts: [t and new(t) for t in texts], 3):
        pass


def taken(model: OnlineModel, item: int) -> set[str]:
    signals = model.signals
    number = signals.items.index[ITEMS[item]]
    return {signals.items.ids[n] for n in signals.searched.taken(number).tolist()}


def test_counts_go_where_the_words_lead() -> None:
    feed = world()
    people(feed, 60)
    model = feed.model
    assert [taken(model, n) for n in range(3)] == [{PLAIN[n]} for n in range(3)]
    model.switch(reencoding_of(model))
    assert [taken(model, 39 - n) for n in range(3)] == [{PLAIN[n]} for n in range(3)]
    assert not any(taken(model, n) for n in range(3))


def test_lists_go_on_from_them() -> None:
    feed = world()
    people(feed, 300)
    feed.model.switch(reencoding_of(feed.model))
    for word in range(3):
        search(feed, "somebody new", word, new)
        assert listed(feed.model, "somebody new")[0] == PLAIN[word]


def test_a_search_under_way_is_in_the_new_space() -> None:
    feed = world()
    people(feed, 20)
    search(feed, "a", 1)
    feed("a", PLAIN[1])
    feed.model.switch(reencoding_of(feed.model))
    held = feed.model.users.get("a", feed.model.position).search
    assert held is not None
    assert held.vector is not None
    assert np.allclose(held.vector, new(WORDS[1]))
    assert held.hub == feed.model.signals.items.index[ITEMS[38]]
    assert held.at == 0


def test_words_on_an_item_are_not_taken_for_a_search() -> None:
    feed = world()
    search(feed, "a", 1)
    feed("a", ITEMS[5], vector=old(WORDS[7]), text=WORDS[7], encoded=WORDS[7])
    feed.model.switch(reencoding_of(feed.model))
    held = feed.model.users.get("a", feed.model.position).search
    assert held is not None
    assert held.vector is not None
    assert np.allclose(held.vector, new(WORDS[1]))


def test_an_event_that_does_not_count_is_not_taken_for_a_search() -> None:
    feed = world()
    search(feed, "a", 1)
    feed("a", None, vector=old(WORDS[7]), text=WORDS[7], encoded=WORDS[7], weight=0.0)
    feed.model.switch(reencoding_of(feed.model))
    held = feed.model.users.get("a", feed.model.position).search
    assert held is not None
    assert held.vector is not None


def test_a_search_of_long_ago_lies_amid_what_was_nearest_and_counts_as_no_other() -> None:
    feed = world()
    search(feed, "a", 1)
    people(feed, 30, words=1)
    for n in range(30):
        feed("b", ITEMS[n], ts=1e6 + n, vector=old(WORDS[n]), text=WORDS[n], encoded=WORDS[n])
    search(feed, "c", 38)  # leads to i1 afterwards
    feed("c", PLAIN[5])
    model = feed.model
    model.switch(reencoding_of(model))
    held = model.users.get("a", model.position).search
    assert held is not None
    assert held.vector is None
    assert held.near[0] == model.signals.items.index[ITEMS[1]]
    feed("a", PLAIN[4])
    assert taken(model, 1) == {PLAIN[5]}
    search(feed, "a", 1, new)
    feed("a", PLAIN[4], ts=2e6)
    assert taken(model, 38) == {PLAIN[4]}


def test_the_newest_words_lead() -> None:
    """The first words of a row may have come before the catalogue was whole."""
    model = OnlineModel(small(dim=DIM, repeats="on"))
    model.put_item(Item(ITEMS[5], ITEMS[5], ("c",), True, unit(105)))
    feed = Feed(model)
    search(feed, "early", 1)
    for n, item_id in enumerate(ITEMS):
        model.put_item(Item(item_id, item_id, ("c",), True, unit(100 + n)))
    model.put_item(Item(PLAIN[0], PLAIN[0], ("d",)))
    for n in range(10):
        search(feed, f"u{n}", 5)
        feed(f"u{n}", PLAIN[0])
    model.switch(reencoding_of(model))
    assert taken(model, 34) == {PLAIN[0]}
    assert not taken(model, 38)


def test_items_that_come_and_go_meanwhile_lead_otherwise() -> None:
    feed = world()
    people(feed, 60)
    model = feed.model
    reencoding = reencoding_of(model)
    model.remove_item(ITEMS[38])
    reencoding.put_item(ITEMS[38], None)
    model.put_item(Item("late", "late", ("c",), True, new(WORDS[2])))
    reencoding.put_item("late", new(WORDS[2]))
    reencoding.follow()
    assert len(reencoding) > 0
    finish(reencoding)
    model.switch(reencoding)
    signals = model.signals
    late = signals.searched.taken(signals.items.index["late"]).tolist()
    assert [signals.items.ids[n] for n in late] == [PLAIN[2]]
    assert not taken(model, 37)
    assert not taken(model, 38)
    search(feed, "somebody", 1, new)
    hub = model.users.get("somebody", model.position).search.hub
    assert [signals.items.ids[n] for n in signals.searched.taken(hub).tolist()] == [PLAIN[1]]


def test_with_an_item_its_words_go() -> None:
    feed = world()
    people(feed, 30)
    assert set(feed.model.signals.searched.words.values()) == set(WORDS[:3])
    feed.model.remove_item(ITEMS[1])
    assert set(feed.model.signals.searched.words.values()) == {WORDS[0], WORDS[2]}


def test_what_is_searched_while_the_shadow_is_made_is_followed() -> None:
    feed = world()
    people(feed, 40, words=2)
    reencoding = reencoding_of(feed.model)
    assert len(reencoding) == 0
    people(feed, 40, words=4)
    assert reencoding.follow() > 0
    finish(reencoding)
    feed.model.switch(reencoding)
    assert [taken(feed.model, 39 - n) for n in range(4)] == [{PLAIN[n]} for n in range(4)]


def restored(model: OnlineModel) -> tuple[OnlineModel, RecordTable]:
    shelf = RecordTable()
    shelf.keep(model.changed())
    again = OnlineModel(model.settings, shelf.get)
    again.restore(shelf.scan)
    for n, item_id in enumerate(ITEMS):
        again.put_item(Item(item_id, item_id, ("c",), True, unit(100 + n)))
    for item_id in PLAIN:
        again.put_item(Item(item_id, item_id, ("d",)))
    return again, shelf


def test_stored_and_restored_it_goes_on_as_if_unbroken() -> None:
    plain, broken = world(), world()
    for feed in (plain, broken):
        people(feed, 120, words=6)
        search(feed, "u3", 2)
    again, shelf = restored(broken.model)
    resumed, kept = Feed(again), RecordTable()
    for feed in (plain, resumed):
        feed.model.switch(reencoding_of(feed.model))
        feed("u3", PLAIN[3])
        people(feed, 30, words=6, encode=new)
    kept.keep(plain.model.changed())
    shelf.keep(again.changed())
    kinds = {kind for kind, _ in kept.records}
    assert {"learner:item", "learner:user", "learner:shared"} <= kinds
    for (kind, key), blob in kept.records.items():
        assert shelf.get(kind, key) == blob, (kind, key)
    assert listed(plain.model, "u3") == listed(again, "u3")


def test_state_without_words_stays_where_it_is() -> None:
    table = AfterSearch(1_000.0)
    table.make_room(8)
    table.learn_one_way(3, 5, 0)
    assert table.move({}) == {3}
    assert table.taken(3).tolist() == [5]


@pytest.mark.parametrize("words", [None, ""])
def test_a_search_without_words_keeps_none(words) -> None:
    table = AfterSearch(1_000.0)
    assert not table.note(3, words)
    assert not table.words


def test_words_are_cut_and_the_newest_stay() -> None:
    table = AfterSearch(1_000.0)
    assert table.note(3, "x" * 1_000)
    assert not table.note(3, "x" * 900)
    assert table.words == {3: "x" * 200}
    assert table.note(3, "other")
    assert table.words == {3: "other"}


@given(
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=60),
    st.dictionaries(st.integers(0, 19), st.integers(0, 19)),
)
def test_where_rows_meet_counts_add_up(counted, hubs) -> None:
    table = AfterSearch(1e9)
    table.make_room(20)
    expected: dict[tuple[int, int], float] = defaultdict(float)
    for hub, item in counted:
        table.learn_one_way(hub, item, 0)
        expected[hubs.get(hub, hub), item] += 1.0
    owners = {hub for hub, _ in counted}
    changed = table.move(hubs)
    assert changed == owners | {hubs.get(hub, hub) for hub in owners}
    found = {}
    for hub in range(20):
        if (out := table.row_out(hub)) is not None:
            _, ids, counts = out
            found |= {(hub, int(i)): c for i, c in zip(ids, counts[TOGETHER], strict=True)}
    assert found == expected


def test_of_too_many_the_strongest_stay() -> None:
    """Two rows of items that all share one group of slots meet."""
    table = AfterSearch(1e9)
    table.make_room(400)
    items = [16 * n for n in range(16)]  # a row has 16 groups of eight slots
    for place, item in enumerate(items):
        for _ in range(place + 1):
            table.learn_one_way(place % 2, item, 0)
    table.move({0: 1})
    assert sorted(table.taken(1).tolist()) == items[8:]
