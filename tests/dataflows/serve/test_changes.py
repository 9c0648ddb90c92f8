"""Changes reach those who follow them, in order; who is slow is dropped, and holds nobody up."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.serve.changes import ChangeHub, ListenerError


def numbers(changes) -> list[int]:
    return [each.number for each in changes]


def test_who_follows_a_user_reads_that_user_alone_and_who_follows_all_reads_all():
    hub = ChangeHub()
    one, everybody = hub.subscribe("u1"), hub.subscribe()
    assert not one
    assert not everybody
    for user in ("u1", "u2", "u1"):
        hub.publish(user, f'"{user}"'.encode())
    assert [each.user_id for each in one.drain()] == ["u1", "u1"]
    found = everybody.drain()
    assert numbers(found) == [1, 2, 3]
    assert found[1].message == b'"u2"'
    assert not one
    assert not everybody
    assert everybody.drain() == []


def test_nothing_from_before_is_told_to_who_did_not_ask_for_it():
    hub = ChangeHub()
    hub.publish("u1", b"{}")
    assert hub.subscribe("u1").drain() == []
    assert hub.subscribe().drain() == []


def test_one_goes_on_where_it_was():
    hub = ChangeHub(kept=10)
    for number in range(6):
        hub.publish(f"u{number % 2}", b"{}")
    again = hub.subscribe(None, hub.place(3))
    assert again.is_resumed
    assert numbers(again.drain()) == [4, 5, 6]
    mine = hub.subscribe("u1", hub.place(2))
    assert mine.is_resumed
    assert numbers(mine.drain()) == [4, 6]


@pytest.mark.parametrize(
    "after", ["", "3", "x", "-3", "ffffffff-3", "{run}-99", "{run}-x", "{run}-"]
)
def test_a_position_that_is_not_of_this_hub_begins_anew_and_says_so(after):
    hub = ChangeHub()
    for _ in range(4):
        hub.publish("u", b"{}")
    reader = hub.subscribe(None, after.format(run=hub.run))
    assert not reader.is_resumed
    assert reader.drain() == []
    hub.publish("u", b"{}")
    assert numbers(reader.drain()) == [5]


def test_what_the_ring_has_lost_is_told_as_lost():
    hub = ChangeHub(kept=3, queued=2)
    for _ in range(10):
        hub.publish("u", b"{}")
    everybody = hub.subscribe(None, hub.place(2))
    assert not everybody.is_resumed
    assert numbers(everybody.drain()) == [8, 9, 10]
    one = hub.subscribe("u", hub.place(7))
    assert not one.is_resumed, "three are kept of a queue of two"
    assert numbers(one.drain()) == [9, 10]


def test_a_slow_reader_is_dropped_with_a_reason_and_keeps_nothing():
    hub = ChangeHub(kept=5, queued=2)
    one, everybody, quick = hub.subscribe("u"), hub.subscribe(), hub.subscribe()
    for _ in range(6):
        hub.publish("u", b"{}")
        assert len(quick.drain()) == 1
    assert one, "there is something to read: that it was dropped"
    assert one.drain() == []
    assert everybody.drain() == []
    assert "more than 2 changes behind" in one.dropped
    assert "more than 5 changes behind" in everybody.dropped
    assert quick.dropped is None
    assert len(one.queue) == 0
    assert hub.dropped == 2


def test_only_so_many_may_follow_and_a_place_is_free_again():
    hub = ChangeHub(clients=2)
    one = hub.subscribe("u")
    hub.subscribe()
    with pytest.raises(ListenerError, match=r"2 follow already.*serve.stream_clients"):
        hub.subscribe("v")
    one.close()
    one.close()
    assert len(hub) == 1
    hub.subscribe("v")
    assert len(hub) == 2


def test_who_waits_is_woken_after_each_change_until_undone():
    hub = ChangeHub()
    woken = []
    undo = hub.wake_by(lambda: woken.append(hub.newest))
    hub.publish("u", b"{}")
    hub.publish("u", b"{}")
    undo()
    hub.publish("u", b"{}")
    assert woken == [1, 2]


def test_many_threads_publish_and_every_change_is_read_once_in_order():
    hub = ChangeHub(kept=4000)
    reader = hub.subscribe()

    def publish() -> None:
        for _ in range(500):
            hub.publish("u", b"{}")

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    found = []
    while len(found) < 2000 and reader.dropped is None:
        found += numbers(reader.drain())
    for thread in threads:
        thread.join()
    assert found == list(range(1, 2001))


@given(
    st.lists(st.sampled_from(["publish", "publish other", "read"]), max_size=60),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_what_is_read_is_what_was_published_since_in_order_or_the_reader_is_dropped(
    steps, kept, queued
):
    hub = ChangeHub(kept, queued)
    readers = {user: hub.subscribe(user) for user in (None, "u")}
    published: dict[str | None, list[int]] = {None: [], "u": []}
    read: dict[str | None, list[int]] = {None: [], "u": []}
    for step in steps:
        if step == "read":
            for user, reader in readers.items():
                read[user] += numbers(reader.drain())
        else:
            hub.publish("u" if step == "publish" else "v", b"{}")
            published[None].append(hub.newest)
            published["u"] += [hub.newest] if step == "publish" else []
    for user, reader in readers.items():
        read[user] += numbers(reader.drain())
        if reader.dropped is None:
            assert read[user] == published[user]
        else:
            assert read[user] == published[user][: len(read[user])]
