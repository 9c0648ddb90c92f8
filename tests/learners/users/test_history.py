"""What is kept of users equals a plain log, stays bounded everywhere, and is forgotten in time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.codec import pack
from learners.intent.record import Belief, IntentRecord, SessionMean, TrailEvent
from learners.online_model import OnlineModel
from learners.signals.searches import Search
from learners.signals.undo import UndoRecord
from learners.testing import DIM, Feed, RecordTable, listed, small, unit
from learners.users.table import BUCKET_KIND, KIND, Users
from learners.users.user import User

_log = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4).map(float)), max_size=60)


@given(_log, st.integers(1, 6), st.integers(1, 12), st.sampled_from([None, 2.0, 4.0]))
@settings(deadline=None)
def test_a_user_equals_a_plain_log(log: Any, keep: int, kinds: int, before: Any) -> None:
    user = User()
    last_of: dict[int, tuple[int, int]] = {}  # item -> how often, the user's length then
    for length, (item, ts) in enumerate(log):
        again = item in last_of
        if not again and len(last_of) == kinds:  # the one not taken for longest makes room
            del last_of[min(last_of, key=lambda item: last_of[item][1])]
        last_of[item] = (last_of.get(item, (0, 0))[0] + 1, length)
        assert user.add(item, ts, UndoRecord(), keep, kinds) == again
        assert user.has(item)
    assert user.length == len(log)
    assert user.kinds == len(last_of) <= kinds
    if user.taken is not None:
        taken = user.taken[:, : user.kinds]
        assert {int(i): (int(n), int(at)) for i, n, at in taken[:3].T} == last_of
    assert set(user.seen.tolist()) == set(last_of)
    assert user.kept <= len(user.recent) == len(user.times) <= keep + 32

    times = [ts for _, ts in log]
    held = 0
    while before is not None and held < len(times) and times[-1 - held] == before:
        held += 1
    kept = user.kept
    assert kept >= min(keep, len(log))
    assert user.look_back(before, 1).held_back == min(held, kept)
    steps = sum(one != other for one, other in pairwise([None, *times]))
    assert user.steps == steps
    assert user.steps - user.is_under_way(2.0) == steps - (times[-1:] == [2.0])
    newest: dict[int, int] = {}
    back, later = 0, None
    for item, ts in log[len(log) - kept : len(log) - min(held, kept)][::-1]:
        back += later not in {None, ts}
        later = ts
        newest.setdefault(item, back)
    held_back, *recent = user.look_back(before, keep)[:3]
    window = user.recent_window(keep, held_back)
    assert [each.tolist() for each in recent] == [each.tolist() for each in window[:2]]
    assert recent[0].dtype == np.int32
    assert list(zip(*recent, strict=True)) == list(newest.items())[:keep]


def test_what_came_before_a_pause_is_farther_back() -> None:
    user = User()
    for item, ts in enumerate((0.0, 10.0, 1_810.0, 3_610.1, 3_610.1)):
        user.add(item, ts, UndoRecord(), 20, 20)
    assert user.recent_window(20).back.tolist() == [0, 0, 4, 5, 6]
    assert user.recent_window(20, 1).back.tolist() == [0, 4, 5, 6]
    assert user.recent_window(20, pause=0.0).back.tolist() == [0, 0, 1, 2, 3]


def test_the_order_within_a_step_says_nothing() -> None:
    users = User(), User()
    for user, basket in zip(users, ((3, 4, 5), (5, 3, 4)), strict=True):
        for item in (1, 2, *basket, 6):
            user.add(item, float(item if item < 3 else 3 + (item > 5)), UndoRecord(), 20, 20)
    windows = [dict(zip(*user.recent_window(20)[:2], strict=True)) for user in users]
    assert windows[0] == windows[1] == {6: 0, 3: 1, 4: 1, 5: 1, 2: 2, 1: 3}


def test_what_is_taken_at_one_time_has_no_step_between() -> None:
    user = User()
    for item, ts in ((1, 1.0), (2, 2.0), (3, 2.0), (1, 3.0)):
        user.add(item, ts, UndoRecord(), 20, 20)
    assert [each.tolist() for each in user.window_before(9, 3.0, 20)[:2]] == [[1, 3, 2], [-1, 0, 0]]
    assert [each.tolist() for each in user.window_before(9, 4.0, 20)[:2]] == [[1, 3, 2], [0, 1, 1]]
    assert [each.tolist() for each in user.window_before(1, 4.0, 1)[:2]] == [[3], [1]]
    assert [each.tolist() for each in User().window_before(9, 4.0, 20)[:2]] == [[], []]


def test_the_newest_so_many_are_always_kept() -> None:
    user = User()
    for item in range(1_000):
        user.add(item, float(item), UndoRecord(), 20, 5)
        assert user.recent_window(20).items.tolist() == list(range(item, max(item - 20, -1), -1))
    assert user.seen.tolist() == [995, 996, 997, 998, 999]


def used(users: Users, user_id: str, position: int) -> User:
    user = users.get(user_id, position)
    user.add(position % 7, float(position), UndoRecord(), 5, 100)
    users.touch(user_id, user, position)
    return user


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60), st.sampled_from([1, 2, 3])
)
@settings(deadline=None)
def test_users_dropped_from_memory_come_back_the_same(steps: Any, in_memory: int) -> None:
    shelves = [RecordTable(), RecordTable()]
    roomy = Users(shelves[0].get, 1_000, 10**6)
    tight = Users(shelves[1].get, in_memory, 10**6)
    for position, (number, pause) in enumerate(steps):
        one, other = (used(users, f"u{number}", position) for users in (roomy, tight))
        assert one.recent[: one.kept].tolist() == other.recent[: other.kept].tolist()
        assert one.times[: one.kept].tolist() == other.times[: other.kept].tolist()
        assert (one.length, one.steps) == (other.length, other.steps)
        if pause:
            shelves[1].keep(tight.changed(position))
            assert len(tight._loaded) <= in_memory
    for users, shelf in zip((roomy, tight), shelves, strict=True):
        shelf.keep(users.changed(len(steps)))
    assert shelves[0].records == shelves[1].records


def test_asking_for_strangers_keeps_nothing() -> None:
    shelf = RecordTable()
    users = Users(shelf.get, 10, 100)
    for number in range(1_000):
        users.get(f"stranger {number}", 5)
    assert len(users._loaded) == 0
    assert list(users.changed(5)) == []


def test_one_who_was_idle_too_long_is_new_again() -> None:
    shelf = RecordTable()
    users = Users(shelf.get, 10, idle=50)
    used(users, "ann", 10)
    for position in range(11, 61):
        used(users, "bob", position)
    assert users.get("ann", 60).length == 1  # idle for 50, and no more
    assert users.get("ann", 61).length == 0
    shelf.keep(users.changed(61))
    fresh = Users(shelf.get, 10, idle=50)  # the same when read from the store
    assert fresh.get("ann", 60).length == 1
    assert fresh.get("ann", 61).length == 0
    assert fresh.get("bob", 61).length == 50


def test_asking_for_a_forgotten_user_does_not_keep_the_record_alive() -> None:
    shelf = RecordTable()
    users = Users(shelf.get, 1_000, idle=100)
    used(users, "ann", 0)
    for position in range(1, 6_000):
        if position == 500:
            shelf.keep(users.changed(position))
        if position > 500 and position % 100 == 0:
            assert users.get("ann", position).length == 0
        used(users, f"u{position % 5}", position)
    shelf.keep(users.changed(6_000))
    assert shelf.get(KIND, "ann") is None
    assert shelf.count(KIND) == 5
    assert shelf.count(BUCKET_KIND) <= 2


@pytest.mark.parametrize("restart", [False, True])
def test_records_of_one_event_users_reach_a_plateau(restart: bool) -> None:
    shelf = RecordTable()
    users = Users(shelf.get, 500, idle=1_000)
    counts, loaded = [], []
    for position in range(24_000):
        # First a crowd of one event each, then twenty who stay.
        name = f"once {position}" if position < 12_000 else f"stays {position % 20}"
        used(users, name, position)
        if position % 250 == 249:
            shelf.keep(users.changed(position))
            counts.append(shelf.count(KIND))
            loaded.append(len(users._loaded))
            if restart and position % 3_000 == 2_999:
                users = Users(shelf.get, 500, idle=1_000)
                users.restore(shelf.scan(BUCKET_KIND))
    assert max(counts) <= 1_000 + 2 * 2_000  # idle span, and two buckets of users
    assert max(counts[24:48]) <= max(counts[:24])  # no growth while the crowd goes on
    assert counts[-1] == 20
    assert max(loaded) <= 500
    assert shelf.count(BUCKET_KIND) <= 3


def test_the_model_forgets_a_crowd_and_knows_a_returning_user_as_new() -> None:
    settings_ = small(idle_users=500, users_in_memory=100, hidden=2, neighbours=8, fresh=0)
    shelf = RecordTable()
    model = OnlineModel(settings_, shelf.get)
    feed = Feed(model)
    records, sizes = [], []
    for step in range(8_000):
        name = f"once {step}" if step < 3_000 else f"stays {step % 20}"
        feed(name, f"i{step % 11}" if step % 4 == 0 else None)
        if step % 500 == 499:
            shelf.keep(model.changed())
            records.append(shelf.count(KIND))
            sizes.append(sum(map(len, shelf.records.values())))
            assert len(model.users._loaded) <= 100
    assert records[-1] == 20
    assert max(records) <= 500 + 2 * 2_000
    assert sizes[-1] < max(sizes)
    assert shelf.get(KIND, "once 40") is None
    assert "i7" in listed(model, "once 40")  # they had it, and nobody remembers
    before = model.recommend("never seen")
    again = model.recommend("once 40")
    assert again.entries == before.entries
    assert again.profile == ()


def test_a_user_of_words_alone_is_kept_and_forgotten_like_any_other() -> None:
    shelf = RecordTable()
    model = OnlineModel(small(dim=DIM, idle_users=300, hidden=2), shelf.get)
    feed = Feed(model)
    feed("searcher", None, vector=unit(1))
    for step in range(4_600):
        feed(f"u{step % 10}", None)
        if step in (200, 4_500):
            shelf.keep(model.changed())
            assert (shelf.get(KIND, "searcher") is not None) == (step == 200)
    assert shelf.count(KIND) == 10


def test_a_record_of_before_intent_was_one_field_is_read_bit_for_bit() -> None:
    shelf, ones = RecordTable(), np.ones(2, np.float32)
    user = User(length=3, last=7, search=Search("tea", ones, np.ones(1, np.int32), 2, 5.0))
    user.intent = IntentRecord(
        SessionMean(4.0, "s", ones, 1.5),
        ones / 3,
        Belief(2, ones / 7, ones / 9, 0.6, 1, 4),
        [TrailEvent("e", "tea", {"drink": 1.5}), TrailEvent("f", "pot")],
    )
    flat = {name: getattr(user, name) for name in user.__struct_fields__ if name != "intent"}
    flat |= {name: getattr(user.intent, name) for name in user.intent.__struct_fields__}
    shelf.records[KIND, "ann"] = pack(KIND, 3, flat)
    read = Users(shelf.get, 10, 100).get("ann", 8)
    assert pack(KIND, 4, read) == pack(KIND, 4, user)
