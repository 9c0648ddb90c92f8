from __future__ import annotations

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.ranking.columns import FEATURES, GENERATED
from learners.testing import Feed, RecordTable, listed, small
from learners.types import Item
from learners.users.generated import KIND, NOTHING, Generated


def offered(table, user, length=5, before=None, position=10):
    return table.of(user, length, before, position)


def test_what_was_named_is_kept_best_first_and_fades_with_what_the_user_does():
    table = Generated(3, users=10, life=100)
    table.put("u", [7, 5, 9, 5, 2], [1.0, -2.0, np.nan, 4.0, 0.0], (5, 60.0), position=10)
    now, later = offered(table, "u"), offered(table, "u", length=9)
    assert now.ids.tolist() == [7, 5, 9]
    assert now.rows[0] == pytest.approx([1, 2**-0.5, 3**-0.5])
    assert now.rows[1] == pytest.approx([1.0, 4.0, 0.0])
    assert later.rows == pytest.approx(now.rows * 0.95**4)
    assert offered(table, "somebody else") is NOTHING


def test_a_group_does_not_see_what_its_own_time_led_to():
    table = Generated(3, users=10, life=100)
    table.put("u", [7], [1.0], (5, 60.0), position=10)
    assert offered(table, "u", before=60.0) is NOTHING
    assert offered(table, "u", before=60.5).ids.tolist() == [7]


def test_users_and_ages_are_bounded_in_memory_and_in_the_store():
    table, shelf = Generated(2, users=4, life=100), RecordTable()
    for position in range(0, 300, 10):
        table.put(f"u{position % 60}", [1], [0.0], (1, 1.0), position)
        shelf.keep(table.changed(position))
        assert len(table) == shelf.count(KIND) <= 4
    assert offered(table, "u50", position=391) is NOTHING
    shelf.keep(table.changed(391))
    assert len(table) == shelf.count(KIND) == 0


def test_it_goes_on_where_it_stopped():
    table, shelf = Generated(3, users=3, life=100), RecordTable()
    for position, user in enumerate(["a", "b", "c", "a", "d"]):
        table.put(user, [position, 9], [0.5, -1.5], (3, 2.0), position)
        shelf.keep(table.changed(position))
    again = Generated(3, users=3, life=100)
    again.restore(shelf.scan(KIND))
    for user in "abcd":
        one, other = offered(table, user), offered(again, user)
        assert one.ids.tolist() == other.ids.tolist()
        assert one.rows.tolist() == other.rows.tolist()
    for each in (table, again):
        each.put("e", [1], [0.0], (1, 1.0), 9)
    assert [len(offered(table, user).ids) for user in "abcde"] == [
        len(offered(again, user).ids) for user in "abcde"
    ]


def shop(**changes):
    model = OnlineModel(small(**changes))
    for number in range(30):
        model.put_item(Item(f"i{number}", f"Title {number}", ("c",)))
    return Feed(model)


def test_without_it_there_are_no_columns_and_nothing_is_kept():
    feed = shop()
    feed("u", "i1")
    assert feed.model.columns == FEATURES
    before = listed(feed.model, "u")
    assert feed.model.generation.put("u", ["i7"], [3.0], (1, 0.0)) == 1
    assert len(feed.model.generated) == 0
    assert listed(feed.model, "u") == before
    assert feed.model.open.raw.shape[1] == len(FEATURES)


def test_only_live_items_are_kept_and_a_removed_one_is_in_no_list():
    feed = shop(generated=5, fresh=1, k=30)
    model = feed.model
    for number in range(3):
        feed("u", f"i{number}")
    model.remove_item("i9")
    kept = model.generation.put("u", ["i9", "unheard of", "i7", "i8", "i1"], [0.0] * 5, (3, 0.0))
    assert kept == 3
    model.remove_item("i8")
    ids = [entry.item_id for entry in model.recommend("u", 30).entries]
    assert "i7" in ids
    assert not {"i8", "i9", "unheard of"} & set(ids)
    assert ("i1" in ids) == model.repeats_on


def test_items_named_become_candidates_with_their_two_figures():
    feed = shop(generated=5, fresh=1, candidates=10, sampled=1)
    model = feed.model
    for number in range(15):
        feed(f"v{number % 3}", f"i{number}")
    feed("u", "i0")
    assert model.columns == FEATURES + GENERATED
    model.generation.put("u", ["i28", "i27"], [2.0, -1.0], (1, 0.0))
    feed("u", "i3", ts=1e6)
    batch = model.open
    where = {model.signals.items.ids[number]: row for row, number in enumerate(batch.ids)}
    assert batch.raw[where["i28"], -2:] == pytest.approx([1.0, 2.0])
    assert batch.raw[where["i27"], -2:] == pytest.approx([2**-0.5, -1.0])
    others = [row for name, row in where.items() if name not in ("i27", "i28")]
    assert not batch.raw[others, -2:].any()


def test_what_a_user_took_is_told_oldest_first():
    feed = shop()
    for number in (4, 2, 9):
        feed("u", f"i{number}", ts=float(number))
    taken = feed.model.generation.taken("u", 2)
    assert taken.items == [("Title 2", "c"), ("Title 9", "c")]
    assert sorted(taken.had) == ["i2", "i4", "i9"]
    assert (taken.length, taken.ts) == (3, 9.0)
    assert feed.model.generation.taken("nobody", 2) == ([], [], 0, 0.0, "", 0)


def hits(named, events=500):
    """How often the next item is in the top five where `named` says what is named before it."""
    draw, feed = np.random.default_rng(3), shop(generated=5, k=5)
    model, found = feed.model, 0
    for event in range(events):
        user, item = f"u{event // 8}", f"i{draw.integers(30)}"
        if event % 8:
            others = [f"i{number}" for number in draw.permutation(30)[:4]]
            words = [item, *others] if named else [*others, "i0"]
            taken = model.generation.taken(user, 1)
            model.generation.put(user, words, [0.0] * 5, (taken.length, taken.ts))
            if event > events // 2:
                found += item in [entry.item_id for entry in model.recommend(user).entries]
        feed(user, item, ts=float(event))
    return found


def test_the_list_learns_to_trust_names_that_come_true_and_no_others():
    assert hits(named=True) > 2 * hits(named=False)


def test_a_restart_changes_nothing():
    shelf = RecordTable()
    feed = shop(generated=5)
    for event in range(40):
        user = f"u{event % 5}"
        if event % 3 == 2:
            taken = feed.model.generation.taken(user, 3)
            named = [f"i{(event * 7 + n) % 30}" for n in range(4)]
            feed.model.generation.put(user, named, [1.0, 0.5, 0.0, -1.0], (taken.length, taken.ts))
        feed(user, f"i{event * 11 % 30}")
        if event % 10 == 0:
            shelf.keep(feed.model.changed())
    shelf.keep(feed.model.changed())
    again = OnlineModel(small(generated=5), shelf.get)
    again.restore(shelf.scan)
    for number in range(30):
        again.put_item(Item(f"i{number}", f"Title {number}", ("c",)))
    for user in range(6):
        one, other = feed.model.recommend(f"u{user}"), again.recommend(f"u{user}")
        assert one.entries == other.entries
    assert any(len(again.generated.of(f"u{n}", 9, None, 40).ids) for n in range(5))


def test_switched_on_or_off_on_the_way_a_model_keeps_what_it_learnt():
    shelf, feed = RecordTable(), shop()
    for event in range(60):
        feed(f"u{event % 7}", f"i{event * 11 % 30}")
    shelf.keep(feed.model.changed())

    def again(**changes):
        model = OnlineModel(small(**changes), shelf.get)
        model.restore(shelf.scan)
        for number in range(30):
            model.put_item(Item(f"i{number}", f"Title {number}", ("c",)))
        return model

    with_it = again(generated=5)
    for user in range(7):
        plain, more = feed.model.recommend(f"u{user}"), with_it.recommend(f"u{user}")
        assert [entry.item_id for entry in plain.entries] == [e.item_id for e in more.entries]
        assert [entry.score for entry in plain.entries] == pytest.approx(
            [entry.score for entry in more.entries], abs=1e-5
        )
    on = Feed(with_it)
    with_it.generation.put("u1", ["i4", "i5"], [1.0, 0.5], (9, 0.0))
    for event in range(10):
        on(f"u{event % 7}", f"i{event}")
    shelf.keep(with_it.changed())
    listed(again(), "u1")
    listed(again(generated=2), "u1")


def test_a_network_of_another_size_is_refused():
    shelf, feed = RecordTable(), shop()
    feed("u", "i1")
    shelf.keep(feed.model.changed())
    with pytest.raises(ValueError, match="hidden"):
        OnlineModel(small(hidden=4), shelf.get).restore(shelf.scan)


def test_named_items_take_nobodys_place_among_the_candidates():
    feed = shop(generated=5, fresh=1, candidates=10, k=5, sampled=1)
    model = feed.model
    for number in range(29):
        feed(f"v{number % 3}", f"i{number}")
    feed("u", "i0")

    def candidates():
        ranking = model.rank("u")
        return set(ranking.ids)

    before = candidates()
    model.generation.put("u", ["i28", "i27", "i26"], [1.0] * 3, (1, 0.0))
    after = candidates()
    assert len(before) == 10
    assert before <= after
    assert {"i28", "i27", "i26"} <= after
