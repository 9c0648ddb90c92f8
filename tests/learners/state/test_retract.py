"""What is taken back is counted no more, anywhere, and everything else still is."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.online_model import OnlineModel
from learners.signals.neighbour_kernels import NEXT, TOGETHER
from learners.signals.popularity import CHANNELS, FIRST_STAGE, LONG, SHORT, TOTAL, stage_of
from learners.testing import Feed, RecordTable, listed, small
from learners.types import Interaction, Item, Retraction

ITEMS = "abcdefg"
WINDOW = 4


class Plain:
    """A log of what each user took, from which events are struck out; counts are made anew."""

    def __init__(self) -> None:
        self.logs: dict[str, list[tuple[str, str, int, int, float]]] = defaultdict(list)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.counted: dict[str, tuple[str, int, int, float]] = {}

    def learn(self, event: str, user: str, item: str, ts: float, at: int, weight: float) -> None:
        log, times = self.logs[user], self.times[user]
        step = (log[-1][2] + (times[-1] != ts)) if log else 0
        steps = len({each[2] for each in log}) - (bool(log) and log[-1][2] == step)
        log.append((event, item, step, at, weight))
        times.append(ts)
        self.counted[event] = (item, steps, at, weight)

    def retract(self, event: str) -> None:
        del self.counted[event]
        for user, log in self.logs.items():
            for place, each in enumerate(log):
                if each[0] == event:
                    del log[place], self.times[user][place]

    def pairs(self) -> Iterator[tuple[str, str, int, int, float]]:
        """Give (item, other before it, steps between, position, what the lighter weighs).

        What was struck out is a gap.
        """
        for log in self.logs.values():
            for place, (_, item, step, at, weight) in enumerate(log):
                met: dict[str, None] = {}
                for _, other, other_step, _, its in reversed(log[:place]):
                    if other != item and other not in met and len(met) < WINDOW:
                        met[other] = None
                        yield item, other, step - other_step - 1, at, min(weight, its)

    def returns(self) -> tuple[int, dict[int, int], dict[str, tuple[int, int]]]:
        """Give how many takings there are, returns by their bin, and sums of these by item."""
        bins: dict[int, int] = defaultdict(int)
        sums: dict[str, tuple[int, int]] = {}
        for user, log in self.logs.items():
            newest: dict[str, float] = {}
            for (_, item, *_), ts in zip(log, self.times[user], strict=True):
                if item in newest:
                    gap = int(ts - newest[item])
                    found = 0 if not gap else 1 + math.floor(4 * math.log2(gap))
                    bins[found] += 1
                    total, count = sums.get(item, (0, 0))
                    sums[item] = total + found, count + 1
                newest[item] = ts
        return len(self.counted), dict(bins), sums

    def together(self, half_life: float, now: int) -> dict[tuple[int, str, str], float]:
        """Give the counts (channel, owner, item), as of now."""
        counts: dict[tuple[int, str, str], float] = defaultdict(float)
        for item, other, gap, at, weight in self.pairs():
            unit = weight * 2.0 ** ((at - now) / half_life)
            far = max(gap, 0)
            counts[TOGETHER, other, item] += math.exp(-far / 10.0) * unit
            counts[TOGETHER, item, other] += math.exp(-far / 10.0) * unit
            counts[NEXT, other, item] += math.exp(-far / 0.8) * unit
            if gap < 0:
                counts[NEXT, item, other] += math.exp(-far / 0.8) * unit
        return {key: count for key, count in counts.items() if count > 1e-4}


def learnt_pairs(model: OnlineModel) -> dict[tuple[int, str, str], float]:
    table, ids = model.signals.neighbours, model.signals.items.ids
    found = {}
    for number, owner in enumerate(ids):
        row = table.row_of[number]
        for slot in np.flatnonzero(table.ids[row] >= 0) if row >= 0 else ():
            for channel in (TOGETHER, NEXT):
                count = float(table.counts[channel, row, slot] / table.unit(model.position))
                if count > 1e-4:
                    found[channel, owner, ids[table.ids[row, slot]]] = count
    return found


def popular(plain: Plain, model: OnlineModel) -> None:
    """Every channel's counts and best items equal those of the plain log."""
    popularity, index = model.signals.popularity, model.signals.items.index
    expected = np.zeros((CHANNELS, len(index)))
    takings = np.zeros_like(expected)
    for item, steps, at, weight in plain.counted.values():
        for channel in (LONG, SHORT, TOTAL, stage_of(steps)):
            one = popularity.scale(channel, model.position) / popularity.scale(channel, at)
            expected[channel, index[item]] += weight * one
            takings[channel, index[item]] += one
    found = np.array(
        [
            popularity.counts[channel, : len(index)] * popularity.scale(channel, model.position)
            for channel in range(CHANNELS)
        ]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    everything = np.arange(len(index))
    for channel in (LONG, SHORT, TOTAL):
        found_takings = popularity.takings(channel, everything, model.position)
        np.testing.assert_allclose(found_takings, takings[channel], rtol=1e-6, atol=1e-9)
    for channel in range(CHANNELS):
        assert set(popularity.top(channel).tolist()) == set(np.flatnonzero(expected[channel]))
    assert model.signals.items.streamed[: len(index)].tolist() == (expected[0] > 0).tolist()


_WEIGHTS = st.sampled_from([1.0, 1.0, 0.25, 5.0])
_EVENT = st.tuples(st.integers(0, 2), st.sampled_from(ITEMS), st.integers(0, 2), _WEIGHTS)
_STREAM = st.lists(st.one_of(_EVENT, st.integers(0, 30)), min_size=2, max_size=50)


@given(_STREAM)
@settings(deadline=None, max_examples=400)
def test_counts_equal_a_log_without_what_was_taken_back(stream: list[Any]) -> None:
    model = OnlineModel(small(window=WINDOW, recent=60, count_half_life=40.0))
    plain, feed = Plain(), Feed(model)
    users, ts = {}, 0.0
    for one in stream:
        if isinstance(one, int):  # take one of the events so far back
            if not plain.counted:
                continue
            event = list(plain.counted)[one % len(plain.counted)]
            assert model.retract(Retraction(users[event], event)) == "all"
            assert model.retract(Retraction(users[event], event)) == "nothing"
            plain.retract(event)
        else:
            number, item, later, weight = one
            ts += later
            event, user = f"e{feed.position}", f"u{number}"
            users[event] = user
            plain.learn(event, user, item, ts, feed.position, weight)
            feed(user, item, ts, weight=weight)
    expected = plain.together(40.0, model.position)
    assert learnt_pairs(model) == pytest.approx(expected, rel=2e-4, abs=2e-4)
    popular(plain, model)
    takings, bins, sums = plain.returns()
    rests, numbers = model.signals.rests, model.signals.items.index
    assert rests.takings.sum() == takings
    assert {place: n for place, n in enumerate(rests.returns[0].tolist()) if n} == bins
    assert {
        item: tuple(rests.sums[:, number].tolist())
        for item, number in numbers.items()
        if rests.sums[1, number]
    } == sums
    assert model.learnt == len(plain.counted)
    again = 0
    for name, log in plain.logs.items():
        user = model.users.get(name, model.position)
        index = model.signals.items.index
        assert user.recent[: user.kept].tolist() == [index[item] for _, item, *_ in log]
        often = Counter(item for _, item, *_ in log)
        again += len(log) - len(often)
        assert {item: user.often(index[item]) for item in ITEMS if item in index} == {
            item: often[item] for item in ITEMS if item in index
        }
        assert (user.length, user.steps) == (len(log), len({step for _, _, step, *_ in log}))
        last = {index[item]: place for place, (_, item, *_) in enumerate(log)}
        if user.taken is not None:
            assert dict(zip(*user.taken[:3:2, : user.kinds].tolist(), strict=True)) == last
    assert model.repeats == again


def fed(events: int = 60, **changes: Any) -> Feed:
    """A shop with categories and values in which users come back now and then."""
    feed = Feed(OnlineModel(small(repeats="off", **changes)))
    for number, item in enumerate(ITEMS):
        feed.model.put_item(Item(item, f"Item {item}", (f"kind {number % 3}",)))
    draw = np.random.default_rng(3)
    for _ in range(events):
        item = ITEMS[int(draw.integers(len(ITEMS) - 1))]
        feed(f"u{draw.integers(6)}", item, value=float(draw.integers(1, 6)))
    return feed


def state(model: OnlineModel, user_id: str) -> dict[str, Any]:
    """What the lists of a user hang on, but for networks."""
    signals, user = model.signals, model.users.get(user_id, model.position)
    n, position = len(signals.items), model.position + 1
    assert user.profile is not None
    return {
        "pairs": learnt_pairs(model),
        "popular": [signals.popularity.read(c, np.arange(n), position) for c in range(CHANNELS)],
        "values": signals.values.sums[:, :n].copy(),
        "level": signals.values.level[:n].copy(),
        "profile": [user.profile.total, *sorted(user.profile.weights.values())],
        "recent": np.array(user.recent_window(8)),
        "taken": user.taken[:, : user.kinds].copy() if user.taken is not None else None,
        "streamed": signals.items.streamed[:n].copy(),
    }


def test_an_event_taken_back_at_once_leaves_the_user_as_they_were() -> None:
    feed = fed()
    before = state(feed.model, "u1")
    feed("u1", "g", value=5.0, ts=900.0)  # nobody took that before
    assert state(feed.model, "u1")["streamed"][6]
    assert feed.model.retract(Retraction("u1", f"e{feed.position - 1}")) == "all"
    after = state(feed.model, "u1")
    assert not after["streamed"][6]
    fade = {"popular": 3e-3, "pairs": 1e-4, "profile": 0.02}  # one more interaction was learnt
    for name, was in before.items():
        now = after[name]
        if name == "pairs":
            assert now == pytest.approx(was, rel=1e-4)
        else:
            np.testing.assert_allclose(now, was, rtol=fade.get(name, 1e-9), err_msg=name)


def test_it_may_be_recommended_again() -> None:
    feed = fed()
    user = "u1"
    offered = listed(feed.model, user)
    feed(user, offered[0])
    assert offered[0] not in listed(feed.model, user)
    feed.model.retract(Retraction(user, f"e{feed.position - 1}"))
    assert offered[0] in listed(feed.model, user)
    assert listed(feed.model, "nobody")  # stages and best lists still hold items


def test_the_newest_of_a_type_and_item_is_meant() -> None:
    feed = fed(0)
    for number, kind in enumerate(("view", "save", "view", "save", "view")):
        feed.model.learn(Interaction(number, f"e{number}", "ann", "a", kind, float(number)))
    saves = Retraction("ann", type="save", item_id="a")
    user = feed.model.users.get("ann", feed.model.position)
    left = []
    while feed.model.retract(saves) == "all":
        left.append([user.undo_record(place).position for place in range(user.kept)])
    assert left == [[0, 1, 2, 4], [0, 2, 4]]
    assert feed.model.retract(Retraction("ann", type="view", item_id="b")) == "nothing"
    assert feed.model.retract(Retraction("ann", type="view", item_id="unknown")) == "nothing"
    assert feed.model.retract(Retraction("bob", type="view", item_id="a")) == "nothing"
    assert feed.model.retract(Retraction("bob", "e4")) == "nothing"  # it is ann's
    assert feed.model.users.get("bob", feed.model.position).last == -1


def test_what_spoke_against_an_item_is_taken_back_too() -> None:
    feed = fed()
    offered = listed(feed.model, "u1")[0]
    index = feed.model.signals.items.index
    for how in (Retraction("u1", type="dislike", item_id=offered), None):
        event = Interaction(
            feed.position, f"no{feed.position}", "u1", offered, "dislike", 1_000.0, weight=-1.0
        )
        feed.model.learn(event)
        feed.position += 1
        assert offered not in listed(feed.model, "u1")
        counts = feed.model.signals.popularity.counts[SHORT, index[offered]]
        assert feed.model.retract(how or Retraction("u1", event.event_id)) == "all"
        assert offered in listed(feed.model, "u1")
        assert feed.model.signals.popularity.counts[SHORT, index[offered]] == counts


def test_of_what_is_no_longer_remembered_the_item_alone_is_given_back() -> None:
    feed = fed(0, recent=4, window=4, intent_pending=0)
    for number in range(40):
        feed("ann", "a" if not number else ITEMS[1 + number % 5])
    index, user = feed.model.signals.items.index, feed.model.users.get("ann", 39)
    assert "a" not in listed(feed.model, "ann")
    counts = feed.model.signals.popularity.counts.copy()
    assert user.place_of(0) < 0
    assert feed.model.retract(Retraction("ann", "e0")) == "nothing"  # which item, nobody knows
    assert feed.model.retract(Retraction("ann", type="view", item_id="a")) == "item"
    assert feed.model.retract(Retraction("ann", type="view", item_id="a")) == "nothing"
    assert "a" in listed(feed.model, "ann")
    assert user.often(index["a"]) == 0
    np.testing.assert_array_equal(feed.model.signals.popularity.counts, counts)
    # All takings of `c` that are remembered are of another type: an older one is given back.
    often = user.often(index["c"])
    assert feed.model.retract(Retraction("ann", type="save", item_id="c")) == "item"
    assert user.often(index["c"]) == often - 1


def test_of_the_newest_events_of_all_the_item_is_known() -> None:
    feed = fed(0, recent=4, window=4)
    for number in range(40):
        feed("ann", "a" if not number else ITEMS[1 + number % 5])
    assert "a" not in listed(feed.model, "ann")
    assert feed.model.retract(Retraction("ann", "e0")) == "item"
    assert feed.model.retract(Retraction("ann", "e0")) == "nothing"
    assert "a" in listed(feed.model, "ann")


@pytest.mark.parametrize("stop", [20, 45])
def test_a_restart_in_between_changes_nothing(stop: int) -> None:
    feeds = [fed(stop), fed(stop)]
    shelf = RecordTable()
    shelf.keep(feeds[1].model.changed())
    again = OnlineModel(small(repeats="off"), shelf.get)
    for number, item in enumerate(ITEMS):
        again.put_item(Item(item, f"Item {item}", (f"kind {number % 3}",)))
    again.restore(shelf.scan)
    feeds[1] = Feed(again)
    for feed in feeds:
        for event in range(stop - 6, stop):
            for number in range(6):
                feed.model.retract(Retraction(f"u{number}", f"e{event}"))
        for number in range(12):
            feed(f"u{number % 6}", ITEMS[number % 6], value=2.0)
    shelves = [RecordTable(), RecordTable()]
    for one, kept in zip(feeds, shelves, strict=True):
        kept.keep(one.model.changed())
    for number in range(6):
        lists = [feed.model.recommend(f"u{number}") for feed in feeds]
        assert lists[0] == lists[1]
    changed = set(shelves[1].records)
    assert ("learner:shared", "all") in changed
    for key in changed:
        assert shelves[0].records[key] == shelves[1].records[key], key


def test_the_best_list_is_exact_after_a_best_item_fell() -> None:
    feed = Feed(OnlineModel(small()))
    for number in range(300):  # more items than a best list holds
        feed(f"u{number % 9}", f"i{number % 150}")
    popularity = feed.model.signals.popularity
    for event in (299, 298, 290, 240):
        assert feed.model.retract(Retraction(f"u{event % 9}", f"e{event}")) == "all"
    for channel in range(FIRST_STAGE):
        counts = popularity.counts[channel]
        best = np.sort(counts[popularity.top(channel)])
        np.testing.assert_array_equal(best, np.sort(counts)[-128:])
