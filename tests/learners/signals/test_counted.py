"""Counts take the weights of events, within bounds; takings and people are counted as such."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learners.codec import pack, unpack
from learners.online_model import OnlineModel
from learners.online_model.stages import context_of
from learners.ranking.again import again, known_of
from learners.signals.neighbour_kernels import TOGETHER
from learners.signals.popularity import LONG, SHORT, TOTAL, stage_of
from learners.signals.undo import LEAST, MOST, counted_as
from learners.testing import DIM, Feed, RecordTable, small, unit
from learners.types import Item, Retraction
from learners.users.table import KIND

WEIGHED = (LONG, SHORT, stage_of(0))


def counts(model: OnlineModel, item: str, channel: int) -> float:
    number = np.array([model.signals.items.index[item]])
    return float(model.signals.popularity.read(channel, number, model.position)[0])


def takings(model: OnlineModel, item: str, channel: int) -> float:
    number = np.array([model.signals.items.index[item]])
    return float(model.signals.popularity.takings(channel, number, model.position)[0])


def fed(weights: dict[str, float], **changes: Any) -> Feed:
    """Ten people each take every item once, with the weight that it is given."""
    feed = Feed(OnlineModel(small(**changes)))
    for user in range(10):
        for item, weight in weights.items():
            feed(f"u{user}-{item}", item, weight=weight)
    return feed


def test_a_weight_counts_within_bounds() -> None:
    assert [counted_as(weight) for weight in (1.0, 5.0, 0.25)] == [1.0, 5.0, 0.25]
    assert [counted_as(weight) for weight in (1e-9, 1_000.0)] == [LEAST, MOST]


def test_what_is_popular_takes_the_weight_and_takings_do_not() -> None:
    model = fed({"bought": 5.0, "viewed": 1.0, "glanced": 0.25}, popularity_half_life=1e9).model
    for channel in WEIGHED:
        most, middle, least = (counts(model, one, channel) for one in model.signals.items.ids)
        assert middle == pytest.approx(4 * least, rel=0.02)
        assert most == pytest.approx(5 * middle, rel=0.02)
    for channel in (LONG, SHORT, TOTAL):
        same = [takings(model, one, channel) for one in ("glanced", "viewed", "bought")]
        assert same == pytest.approx([same[1]] * 3, rel=0.02)
    assert takings(model, "bought", LONG) == pytest.approx(10.0)
    takers, index = model.signals.takers, model.signals.items.index
    assert [takers.count(index[one]) for one in ("bought", "glanced")] == [10, 10]


def test_one_huge_event_does_not_drown_the_rest() -> None:
    feed = fed({"a": 1.0})
    for user in range(2):
        feed(f"v{user}", "b", weight=1_000.0)
        feed(f"w{user}", "c", weight=MOST)
    a, b, c = (counts(feed.model, item, LONG) for item in "abc")
    assert b == pytest.approx(c, rel=0.01)
    assert a < b < 2.1 * a


@pytest.mark.parametrize("weight", [0.0, -1.0, -1_000.0])
def test_a_weight_not_above_0_never_counts_for_its_item(weight: float) -> None:
    feed = fed({"a": 1.0}, repeats="on", dim=DIM)
    for user in range(12):
        feed(f"n{user}", "bad", weight=weight, value=5.0, vector=unit(1), text="bad thing")
    feed("u0-a", None, vector=unit(1), text="bad thing", encoded="bad thing")
    feed("u0-a", "bad", weight=weight, value=5.0, ts=10_000.0)
    signals = feed.model.signals
    bad = signals.items.index["bad"]
    assert not signals.popularity.counts[:, bad].any()
    assert not signals.popularity.beyond[:, bad].any()
    assert not signals.items.streamed[bad]
    assert signals.takers.count(bad) == 0
    assert signals.values.level[bad] == 0.0
    assert bad not in signals.neighbours.ids
    assert bad not in signals.searched.ids
    assert feed.model.repeats == 0
    said = [
        reason
        for user in ("u0-a", "somebody new")
        for entry in feed.model.recommend(user).entries
        if entry.item_id == "bad"
        for reason in entry.reasons
    ]
    assert not {"chosen before", "chosen by others", "popular", "chosen lately"} & set(said)


def test_who_only_spoke_against_an_item_did_not_take_it_before() -> None:
    feed = fed({"a": 1.0, "b": 1.0}, repeats="on")
    feed("ann", "a")
    feed("ann", "a", weight=-1.0)
    feed("ann", "b", weight=-1.0)
    feed("ann", "c")
    model = feed.model
    user = model.users.get("ann", model.position)
    context = context_of(model, "ann", user, None)  # what the network is shown
    ids = np.array([model.signals.items.index[item] for item in "abc"], np.int32)
    assert again(known_of(model.signals, ids, context), context)[:2].T.tolist() == [
        [1.0, np.float32(np.log(2.0))],
        [0.0, 0.0],
        [1.0, np.float32(np.log(2.0))],
    ]
    assert all(user.has(number) for number in ids)


def test_what_is_taken_after_a_search_takes_the_weight_and_gives_it_back() -> None:
    feed = Feed(OnlineModel(small(dim=DIM)))
    for item in "ab":
        feed.model.put_item(Item(item, f"thing {item}", vector=unit(ord(item))))
    for user, (item, weight) in enumerate((("a", 5.0), ("b", 1.0))):
        feed(f"u{user}", None, vector=unit(3), text="words", encoded="words")
        feed(f"u{user}", item, weight=weight)
    table = feed.model.signals.searched
    index = feed.model.signals.items.index
    used = table.ids >= 0
    rows = dict(zip(table.ids[used].tolist(), table.counts[TOGETHER][used].tolist(), strict=True))
    assert rows[index["a"]] == pytest.approx(5 * rows[index["b"]], rel=1e-3)
    assert feed.model.retract(Retraction("u0", "e1")) == "all"
    assert index["a"] not in table.ids
    assert index["b"] in table.ids


def test_a_state_of_before_is_read_and_what_it_counted_is_taken_back_as_that() -> None:
    shelf = RecordTable()
    feed = Feed(OnlineModel(small(), shelf.get))
    feed("ann", "a", weight=1.0)  # so a purchase was counted too
    feed("ann", "b", weight=1.0)
    shelf.keep(feed.model.changed())
    stored = unpack(shelf.get(KIND, "ann") or b"", KIND, 4)
    stored |= stored.pop("intent")
    assert stored["figures"].shape == (5, 2)
    stored["figures"] = stored["figures"][:3]
    stored["figures"][1] = 5.0
    shelf.records[KIND, "ann"] = pack(KIND, 3, stored)
    model = OnlineModel(small(), shelf.get)
    model.restore(shelf.scan)
    on = Feed(model)
    on("ann", "c", weight=5.0)
    assert counts(model, "c", LONG) == pytest.approx(5.0)
    user = model.users.get("ann", model.position)
    assert [user.undo_record(place).counted for place in range(3)] == [1.0, 1.0, 5.0]
    assert [user.undo_record(place).weight for place in range(3)] == [5.0, 5.0, 5.0]
    assert model.retract(Retraction("ann", "e0")) == "all"
    assert model.retract(Retraction("ann", "e2")) == "all"
    for item, left in zip("abc", (0.0, 1.0, 0.0), strict=True):
        for channel in (LONG, SHORT, TOTAL):
            assert counts(model, item, channel) == pytest.approx(left, rel=0.02)
    assert not model.signals.popularity.beyond.any()
