"""Stored, restored and gone on equals an unbroken run, byte for byte over all records."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.codec import StateError, pack, unpack
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.state.records import SHARED_KIND, SHARED_VERSION
from learners.testing import DIM, Feed, RecordTable, Tastes, grown_model, listed, small, unit
from learners.types import Interaction, Item

USERS = [f"u{n}" for n in range(3)]
ITEMS = [f"i{n}" for n in range(10)]
LABELS = [None, None, "c0", "c1", "elsewhere"]

_event = st.fixed_dictionaries(
    {
        "act": st.just("event"),
        "user": st.sampled_from(USERS),
        "item": st.sampled_from([None, *ITEMS]),
        "later": st.sampled_from([0.0, 0.0, 0.0, 1.0, 5_000.0, -3.0]),
        "weight": st.sampled_from([1.0, 1.0, 1.0, 2.5, -1.0]),
        "value": st.sampled_from([None, 1.0, 5.0, -1e9]),
        "text": st.sampled_from([None, 1, 2, 3, 4]),
        "intent": st.sampled_from(LABELS),
    }
)
_item = st.fixed_dictionaries(
    {
        "act": st.sampled_from(["put", "put", "remove"]),
        "item": st.sampled_from(ITEMS),
        "text": st.sampled_from([None, 5, 6, 7, 8]),
        "categories": st.sampled_from([(), ("c0",), ("c1", "c2")]),
        "available": st.sampled_from([True, True, True, False]),
    }
)
# Ten of each: a stream long enough for groups of one time, repeats and removals to meet.
_streams = st.lists(st.one_of(_event, _event, _event, _item), min_size=10, max_size=45)
_settings = st.sampled_from(
    [
        small(dim=DIM, k=4),
        small(dim=DIM, k=4, repeats="on", rests="learnt", users_in_memory=1),
        small(dim=DIM, k=4, repeats="off", users_in_memory=2, taken_limit=3, fresh=0),
        # Half-lives so short that all counts are rebased every few events.
        small(dim=DIM, k=4, trend_half_life=0.05, count_half_life=0.2, users_in_memory=1),
        small(dim=DIM, k=4, idle_users=5, recent=2, window=2, similar=2, neighbours=2),
        small(dim=0, k=4, candidates=4, sampled=0),
    ]
)


class Run:
    """One recommender with its catalogue and its store."""

    def __init__(self, chosen: LearnerSettings, shelf: RecordTable) -> None:
        self.settings = chosen
        self.shelf = shelf
        self.catalogue: dict[str, Item] = {}
        self.position, self.ts = 0, 1_000.0
        self.model = OnlineModel(chosen, shelf.get)

    def take(self, what: dict[str, Any]) -> None:
        text = what.get("text")
        vector = None if text is None or not self.settings.dim else unit(text)
        if what["act"] == "event":
            self.ts += what["later"]
            event = Interaction(
                self.position,
                f"e{self.position}",
                what["user"],
                what["item"],
                "view",
                self.ts,
                what["weight"],
                vector,
                what["intent"],
                value=what["value"],
                text=None if what["text"] is None else f"words {what['text']}",
            )
            self.model.learn(event)
            self.position += 1
        elif what["act"] == "put":
            item = Item(
                what["item"], f"title {text}", what["categories"], what["available"], vector
            )
            self.catalogue[item.item_id] = item
            self.model.put_item(item)
        else:
            self.catalogue.pop(what["item"], None)
            self.model.remove_item(what["item"])

    def keep(self) -> None:
        self.shelf.keep(self.model.changed())

    def restart(self) -> None:
        """Go on with a recommender that knows nothing but the store and the catalogue."""
        self.keep()
        self.model = OnlineModel(self.settings, self.shelf.get)
        self.model.restore(self.shelf.scan)
        for _, item in sorted(self.catalogue.items(), reverse=True):
            self.model.put_item(item)


@given(_streams, _settings, st.sets(st.integers(0, 44), max_size=6))
@settings(deadline=None, max_examples=70)
def test_a_run_with_restarts_equals_an_unbroken_one(stream: Any, chosen: Any, cuts: Any) -> None:
    whole, broken = Run(chosen, RecordTable()), Run(chosen, RecordTable())
    # All users stay in memory: what is dropped and loaded again must be the same.
    whole.settings = msgspec.structs.replace(chosen, users_in_memory=100)
    whole.model = OnlineModel(whole.settings, whole.shelf.get)
    for place, what in enumerate(stream):
        whole.take(what)
        if place in cuts:
            broken.restart()
        broken.take(what)
    for user in [*USERS, "somebody new"]:
        if whole.model.position >= 0:
            assert broken.model.recommend(user) == whole.model.recommend(user)
        mine, theirs = broken.model.rank(user, whole.ts), whole.model.rank(user, whole.ts)
        assert mine.ids == theirs.ids
        assert mine.scores.tobytes() == theirs.scores.tobytes()
    whole.keep()
    broken.keep()
    assert broken.shelf.records.keys() == whole.shelf.records.keys()
    for key, blob in whole.shelf.records.items():
        assert broken.shelf.records[key] == blob, key


def test_a_text_that_came_late_is_no_news_after_a_restart() -> None:
    shelf = RecordTable()
    feed = Feed(OnlineModel(small(dim=DIM), shelf.get))
    feed("ann", "i0")
    shelf.keep(feed.model.changed())
    early = dict(shelf.records)
    late = Item("i0", "", vector=unit(1))
    feed.model.put_item(late)
    shelf.keep(feed.model.changed())
    assert shelf.records != early
    model = OnlineModel(small(dim=DIM), shelf.get)
    model.restore(shelf.scan)
    model.put_item(late)
    assert not [key for kind, key, _ in model.changed() if kind == "learner:item"]


def test_a_restart_amid_events_of_one_time_changes_nothing() -> None:
    def run(cut: int | None) -> dict[tuple[str, str], bytes]:
        world = Tastes(topics=2, items=12, users=6, seed=2)
        feed, shelf = grown_model(world, 60), RecordTable()
        for step, item in enumerate(("topic0-1", "topic0-11", "topic1-2", "topic1-11")):
            feed("ann", item, ts=1e6)
            if step == cut:
                shelf.keep(feed.model.changed())
                feed.model = OnlineModel(feed.model.settings, shelf.get)
                feed.model.restore(shelf.scan)
                for record in world.catalogue():
                    feed.model.put_item(record)
        world.step(feed)
        shelf.keep(feed.model.changed())
        return shelf.records

    assert run(0) == run(1) == run(2) == run(None)


@pytest.mark.parametrize("repeats", ["auto", "on"])
def test_a_longer_run_with_restarts_equals_an_unbroken_one(repeats: Any) -> None:
    """Long enough for rebases, full rows, full best lists and repeats that switch on."""
    changes = {
        "repeats": repeats,
        "rests": "learnt",
        "users_in_memory": 3,
        "trend_half_life": 2.0,
        "count_half_life": 5.0,
        "taken_limit": 12,
        "idle_users": 200,
    }

    def run(cuts: set[int]) -> tuple[RecordTable, list[Any]]:
        world = Tastes(topics=3, items=60, users=15, seed=9)
        shelf = RecordTable()
        model = OnlineModel(small(dim=DIM, **changes), shelf.get)
        catalogue = {item.item_id: item for item in world.catalogue()}
        for item in catalogue.values():
            model.put_item(item)
        feed = Feed(model)
        for step in range(650):
            if step in cuts:
                shelf.keep(feed.model.changed())
                model = OnlineModel(small(dim=DIM, **changes), shelf.get)
                model.restore(shelf.scan)
                for item in catalogue.values():
                    model.put_item(item)
                feed = Feed(model)
            if step % 40 == 7:
                gone = f"topic{step % 3}-{step % 60}"
                catalogue.pop(gone, None)
                feed.model.remove_item(gone)
            if step % 40 == 17:
                new = world.item(f"topic{step % 3}-{step % 70}")  # some are changed, some new
                catalogue[new.item_id] = new
                feed.model.put_item(new)
            world.step(feed, repeat=step % 3 == 0)
        shelf.keep(feed.model.changed())
        return shelf, [feed.model.recommend(user) for user in world.users]

    whole, lists = run(set())
    broken, same = run({1, 100, 101, 333, 600})
    assert same == lists
    assert broken.records == whole.records


def test_only_what_changed_is_written() -> None:
    world = Tastes(topics=2, items=30, users=10)
    feed = grown_model(world, 120)
    list(feed.model.changed())
    assert {kind for kind, _, _ in feed.model.changed()} <= {"learner:shared"}
    world.step(feed, "u1")
    written = [(kind, key) for kind, key, _ in feed.model.changed()]
    assert len(written) == len(set(written))
    assert ("learner:user", "u1") in written
    items = [key for kind, key in written if kind == "learner:item"]
    assert 1 <= len(items) <= 1 + small().window
    feed.model.put_item(world.item("topic1-3", 1_003))
    before = {key for kind, key, _ in feed.model.changed() if kind == "learner:item"}
    feed.model.put_item(world.item("topic1-3", 1_003))  # the same again
    again = {key for kind, key, _ in feed.model.changed() if kind == "learner:item"}
    assert before
    assert not again


def test_titles_and_vectors_come_back_with_the_catalogue() -> None:
    world = Tastes(topics=2, items=10, users=6)
    feed = grown_model(world, 60)
    shelf = RecordTable()
    shelf.keep(feed.model.changed())
    other = OnlineModel(small(dim=DIM), shelf.get)
    other.restore(shelf.scan)
    assert other.item_title("topic0-1") == "topic0-1"
    assert len(listed(other, "u1")) > 0  # a list can be made all the same
    for item in world.catalogue():
        other.put_item(item)
    assert other.item_title("topic0-1") == "about topic0-1"
    assert other.recommend("u1") == feed.model.recommend("u1")


def test_an_empty_model_writes_nothing_and_reads_nothing() -> None:
    model = OnlineModel(small())
    assert list(model.changed()) == []
    model.restore(RecordTable().scan)
    assert model.recommend("ann").entries == ()


def test_a_store_of_another_shape_or_kind_is_refused() -> None:
    feed = grown_model(Tastes(topics=2, items=10, users=6), 20)
    shelf = RecordTable()
    shelf.keep(feed.model.changed())
    with pytest.raises(ValueError, match="keep `hidden` as it was"):
        OnlineModel(small(dim=DIM, hidden=9), shelf.get).restore(shelf.scan)
    state = unpack(shelf.records[SHARED_KIND, "all"], SHARED_KIND, SHARED_VERSION)
    shelf.records[SHARED_KIND, "all"] = pack(SHARED_KIND, SHARED_VERSION - 1, state)
    with pytest.raises(StateError, match="has version"):
        OnlineModel(small(dim=DIM), shelf.get).restore(shelf.scan)
    shelf.records[SHARED_KIND, "all"] = b"\x93not a record"
    with pytest.raises(StateError, match="not a stored state"):
        OnlineModel(small(dim=DIM), shelf.get).restore(shelf.scan)


def test_no_number_in_a_record_is_nan() -> None:
    feed = grown_model(Tastes(topics=2, items=10, users=6), 40)
    for _ in range(3):
        feed("ann", "topic0-1", ts=1e300, weight=1e30, vector=np.full(DIM, np.nan, np.float32))
    nan32, nan64 = np.float32("nan").tobytes(), np.float64("nan").tobytes()
    for kind, _, blob in feed.model.changed():
        assert blob is not None
        assert nan32 not in blob, kind
        assert nan64 not in blob, kind
