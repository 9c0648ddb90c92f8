"""What was just taken is not offered again, for as long as is ruled, or as the log itself shows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from learners.codec import pack, unpack
from learners.online_model import OnlineModel
from learners.online_model.stages import context_of
from learners.ranking.again import known_of, since
from learners.ranking.columns import RETURNS
from learners.signals.undo import AGAIN, NEVER, RETURN
from learners.state.records import ITEM_KIND, SHARED_KIND, SHARED_VERSION
from learners.testing import Feed, RecordTable, listed, small
from learners.types import Interaction, Item, Retraction
from learners.users.table import KIND as USER_KIND
from learners.users.taken import AT, KIND, RESTS

DAY = 86_400.0
WEEK = 7 * DAY


def weekly(weeks: int, rest: float | None = None, **changes: Any) -> Feed:
    """Thirty households, each with three things that they buy every week, and one other."""
    model = OnlineModel(small(**{"repeats": "on", "rests": "learnt", "k": 5, **changes}))
    for number in range(24):
        model.put_item(Item(f"i{number}", f"Thing {number}"))
    feed = Feed(model)
    for week in range(weeks):
        for house in range(30):
            ts = week * WEEK + house * 3_000.0
            for number in (house % 8, 8 + house % 4, 12 + house % 3, 15 + (week + house) % 9):
                feed(f"h{house}", f"i{number}", ts, rest=rest)
    return feed


def staples(house: int) -> set[str]:
    return {f"i{house % 8}", f"i{8 + house % 4}", f"i{12 + house % 3}"}


def test_what_was_bought_a_minute_ago_is_not_first_and_a_week_later_it_is() -> None:
    just = 0
    for rest, apart in ((None, True), (0.0, False)):
        feed = weekly(8, rest)
        for house in range(30):
            ids = listed(feed.model, f"h{house}")
            assert len(ids) == 5
            own = set(ids) & staples(house)
            just += len(own)
            if apart:
                assert not own
                assert feed.model.recommend(f"h{house}").held_back >= 4
            ranking = feed.model.rank(f"h{house}", before=8 * WEEK + house * 3_000.0)
            best = [ranking.ids[place] for place in np.argsort(-ranking.scores)[:6]]
            assert len(set(best) & staples(house)) >= 2
    assert just > 30  # they stand there unless they rest


def test_what_is_ruled_holds_to_the_second_whatever_was_learnt() -> None:
    feed = Feed(OnlineModel(small(repeats="on")))
    for number in range(12):
        feed("bob", f"i{number}", 0.0)
    feed("ann", "i1", 1_000.0, rest=3_600.0)
    feed("ann", "i2", 1_000.0)
    assert "i1" not in listed(feed.model, "ann", 12)
    assert "i2" in listed(feed.model, "ann", 12)
    assert feed.model.recommend("ann").held_back == 1
    assert feed.model.recommend("bob").held_back == 0
    assert "i1" not in feed.model.rank("ann", before=4_599.0).ids
    assert "i1" in feed.model.rank("ann", before=4_600.0).ids
    feed("ann", "i1", 4_000.0)  # which rests not at all, and ends no rest
    assert "i1" not in feed.model.rank("ann", before=4_599.0).ids
    assert "i1" in feed.model.rank("ann", before=4_600.0).ids


def test_lists_stay_as_long_while_there_is_anything_else() -> None:
    feed = Feed(OnlineModel(small(repeats="on")))
    for number in range(15):
        feed("bob", f"i{number}", float(number))
    for number in range(5):
        feed("ann", f"i{number}", 100.0, rest=DAY)
    assert sorted(listed(feed.model, "ann", 10)) == sorted(f"i{n}" for n in range(5, 15))
    assert len(listed(feed.model, "ann", 12)) == 10


def test_events_of_one_time_do_not_see_each_others_rest() -> None:
    feed = Feed(OnlineModel(small(repeats="on")))
    for number in range(12):
        feed("ann", f"i{number}", 0.0)
    feed("ann", "i1", 100.0, rest=DAY)
    assert "i1" in feed.model.rank("ann", before=100.0).ids
    assert "i1" not in feed.model.rank("ann", before=101.0).ids


def test_where_repeats_are_off_nothing_is_held_back() -> None:
    feed = Feed(OnlineModel(small(repeats="off")))
    feed("ann", "i1", 0.0, rest=DAY)
    assert feed.model.recommend("ann").held_back == 0
    assert not feed.model.signals.returning


def test_a_search_later_on_is_a_later_moment() -> None:
    model = OnlineModel(small(repeats="on", dim=4))
    for number in range(4):
        vector = np.eye(4, dtype=np.float32)[number]
        model.put_item(Item(f"i{number}", f"Thing {number}", vector=vector))
    feed = Feed(model)
    feed("ann", "i1", 0.0, rest=100.0)
    assert "i1" not in listed(model, "ann")
    feed("ann", None, 100.0, vector=np.eye(4, dtype=np.float32)[2], text="thing 2")
    assert "i1" in listed(model, "ann")


def test_what_speaks_against_an_item_lets_it_rest_where_that_is_ruled() -> None:
    feed = Feed(OnlineModel(small(repeats="on")))
    for number in range(6):
        feed("bob", f"i{number}", 0.0)
    feed("ann", "i0", 10.0)
    feed("ann", "i1", 10.0, weight=-1.0, rest=DAY)
    assert "i1" not in listed(feed.model, "ann")
    assert feed.model.retract(Retraction("ann", "e7")) == "all"
    assert "i1" in listed(feed.model, "ann")


def test_taken_back_is_as_if_it_had_not_been() -> None:
    feed = Feed(OnlineModel(small(repeats="on")))
    for number in range(6):
        feed("bob", f"i{number}", 0.0)
    feed("ann", "i1", 100.0, rest=1_000.0)
    feed("ann", "i1", 200.0, rest=DAY)
    feed("ann", "i2", 300.0)
    assert "i1" not in feed.model.rank("ann", before=2_000.0).ids
    assert feed.model.retract(Retraction("ann", "e7")) == "all"
    assert "i1" not in feed.model.rank("ann", before=1_099.0).ids
    assert "i1" in feed.model.rank("ann", before=1_100.0).ids
    user = feed.model.users.get("ann", feed.model.position)
    assert user.taken is not None
    assert user.taken[AT, 0] == 101 + NEVER


def test_how_long_ago_and_how_long_it_usually_takes_is_what_is_ranked_by() -> None:
    feed = weekly(8, rest=0.0)
    model, ts = feed.model, 8 * WEEK + 3_000.0
    user = model.users.get("h1", model.position)
    context = context_of(model, "h1", user, ts, model.position + 1)
    index = model.signals.items.index
    ids = np.array([index["i1"], index["i20"], index["i5"]], np.int32)
    had = since(model.signals, ids, known_of(model.signals, ids, context), context)
    assert had.shape == (3, 3)
    assert had[0, 0] == pytest.approx(np.log1p(WEEK / 3_600.0) / 4)
    assert had[1, 0] == pytest.approx(0.0, abs=0.05)  # as usual
    assert had[0, 1] == pytest.approx(np.log1p(4 * WEEK / 3_600.0) / 4)
    assert had[1, 1] == pytest.approx(np.log(4.0) / 4, abs=0.05)  # four times as long as usual
    assert had[:, 2].tolist() == [0.0, 0.0, 0.0]  # not theirs
    soon = context_of(model, "h1", user, 7 * WEEK + 3_060.0, model.position + 1)
    near = since(model.signals, ids, known_of(model.signals, ids, soon), soon)
    assert near[1, 0] < -1.25  # far too early
    assert (near[2].tolist(), had[2].tolist()) == ([1.0, 0.0, 0.0], [0.0, 0.0, 0.0])


def test_a_state_of_before_is_read_and_knows_no_times() -> None:
    shelf = RecordTable()
    feed = weekly(3)
    shelf.keep(feed.model.changed())
    for (kind, key), blob in list(shelf.records.items()):
        version = SHARED_VERSION
        if kind == USER_KIND:
            version = 3
            state = unpack(blob, kind, 4)
            state |= state.pop("intent")
            state["taken"], state["words"] = state["taken"][:3], state["words"][: AGAIN + 1]
        elif kind == SHARED_KIND:
            state = unpack(blob, kind, version)
            del state["rests"], state["returning"]
            columns = [
                name
                for name in state["columns"]
                if name not in {"again_since", "again_due", "again_visit"}
            ]
            assert len(columns) == len(state["columns"]) - 3
        elif kind == ITEM_KIND:
            state = unpack(blob, kind, version)
            state.pop("returns", None)
        else:
            continue
        shelf.records[kind, key] = pack(kind, version, state)
    model = OnlineModel(feed.model.settings, shelf.get)
    model.restore(shelf.scan)
    assert not model.signals.returning
    later = Feed(model)
    user = model.users.get("h1", model.position)
    assert user.taken is not None
    assert (user.taken[AT] == NEVER).all()
    assert (user.taken[RESTS] == NEVER).all()
    assert (user.taken[KIND] == 0).all()
    assert (user.words[RETURN, : user.kept] == -1).all()
    assert len(staples(1) & set(listed(model, "h1", 20))) == 3
    assert model.retract(Retraction("h1", "e4")) == "all"
    later("h1", "i1", 4 * WEEK, rest=DAY)
    assert model.signals.returning
    assert "i1" not in listed(model, "h1", 20)


def test_the_columns_of_time_come_with_repeats_and_change_no_score() -> None:
    feed = Feed(OnlineModel(small(rests="learnt")))
    for at in range(199):
        feed(f"u{at % 7}", f"i{at % 3}", at * 1e5)
    model = feed.model
    assert not model.signals.returning
    before = model.preference.score(np.zeros((1, len(model.columns)), np.float32))
    learnt = model.preference.steps
    feed("u0", None, 199e5)
    columns = len(model.columns)
    model.widen(returning=True)
    assert len(model.columns) == columns + 3
    after = model.preference.score(np.zeros((1, len(model.columns)), np.float32))
    assert model.preference.steps == learnt
    np.testing.assert_allclose(before, after, rtol=1e-6)


def test_repeats_that_switch_on_by_themselves_bring_the_columns() -> None:
    feed = Feed(OnlineModel(small(rests="learnt")))
    returning = []
    for at in range(230):
        feed(f"u{at % 7}", f"i{at % 3}", at * 1e5)
        returning.append(feed.model.signals.returning)
    assert [one for one, other in pairwise(returning) if one != other] == [False]
    assert returning.index(True) == 199


def test_interactions_are_dated_by_kind() -> None:
    model = OnlineModel(small(repeats="on"))
    for position, (kind, ts) in enumerate((("buy", 5.0), ("view", 9.0))):
        model.learn(Interaction(position, f"e{position}", "ann", "i0", kind, ts))
    rests = model.signals.rests
    assert rests.takings[:2].tolist() == [1, 1]
    assert rests.returns[:2].sum(axis=1).tolist() == [1, 0]  # a return to what was bought


def test_unless_it_is_learnt_only_what_is_ruled_rests() -> None:
    feed = weekly(4, rests="ruled")
    model = feed.model
    assert not model.signals.returning
    assert not set(RETURNS) & set(model.columns)
    assert model.recommend("h1").held_back == 0
    assert len(staples(1) & set(model.rank("h1").ids)) == 3
    feed("h1", "i1", 4 * WEEK, rest=DAY)
    assert model.recommend("h1").held_back == 1
    assert "i1" not in model.rank("h1").ids
