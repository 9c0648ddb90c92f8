"""Lists that a change of the catalogue made stale are made anew, without an event of their user."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.engine import list_refresher
from dataflows.engine.list_refresher import KIND, KIND_ITEM, ListSettings
from dataflows.state.outbox import INTENTS, RECOMMENDATIONS
from tests.conftest import ROOT
from tests.dataflows.engine.test_engine import (
    EVENTS,
    ITEMS,
    Popular,
    Run,
    Watcher,
    compare,
    event,
    item,
    raw,
    real,
    stream,
)

CATALOGUE = [item(n, n, f"thing {n}") for n in range(ITEMS)]
PACES = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3))
"""Lists with a record, looks for each, and what a change of the catalogue does."""


def paced(looks: int, at_a_change: int):
    return mock.patch.multiple(list_refresher, LOOKS_PER_LIST=looks, AT_A_CHANGE=at_a_change)


def removal(place: int, number: int):
    return raw(place, None, "items", b"i%d" % number)


def lists(run: Run, *, refreshed: bool) -> list[tuple[str, dict]]:
    """The lists that reached the consumer: of events, or those made anew."""
    found = [
        (out.key.decode(), json.loads(out.value))
        for out in run.received
        if out.topic == RECOMMENDATIONS
    ]
    return [(user, message) for user, message in found if ("refreshed" in message) == refreshed]


def begun(users: int = 3, **more) -> Run:
    """Some users, each with a list of their own event: i0, i1, i2, or what the model says."""
    run = Run(**more)
    run.process(CATALOGUE)
    for number in range(users):
        run.process([raw(number, event(number, number, 5))])
    run.deliver()
    assert len(lists(run, refreshed=False)) == users
    return run


@given(
    drawn=st.lists(EVENTS, max_size=40),
    data=st.data(),
    limit=st.sampled_from([2, 4, 99]),
    items=st.sampled_from([1, 2, 99]),
    pace=PACES,
)
@settings(max_examples=150, deadline=None)
def test_cuts_commits_crashes_and_redelivery_change_nothing(drawn, data, limit, items, pace):
    per_record, looks, at_a_change = pace
    with paced(looks, at_a_change):
        compare(Popular, stream(drawn), data, ListSettings(limit, per_record, items))


@given(drawn=st.lists(EVENTS, min_size=10, max_size=60), data=st.data(), pace=PACES)
@settings(max_examples=30, deadline=None)
def test_the_same_holds_for_the_model_that_runs(drawn, data, pace):
    per_record, looks, at_a_change = pace
    with paced(looks, at_a_change):
        compare(real, stream(drawn, group=3), data, ListSettings(99, per_record))


@pytest.mark.parametrize(
    ("record", "why", "after"),
    [
        (removal(ITEMS, 0), "removed", ["i1", "i2", "i3"]),
        (item(ITEMS, 0, "another name"), "renamed", ["i0", "i1", "i2"]),
    ],
)
def test_everybody_who_was_offered_the_item_gets_a_fresh_list_at_once(record, why, after):
    run = begun()
    run.process([record])
    run.end()
    fresh = lists(run, refreshed=True)
    assert [user for user, _ in fresh] == ["u0", "u1", "u2"]
    for number, (_, message) in enumerate(fresh):
        assert [place["item_id"] for place in message["items"]] == after
        assert message["refreshed"] == {
            "why": why,
            "item_id": "i0",
            "position": {"partition": "items-0", "offset": ITEMS},
        }
        assert message["position"] == {"partition": "events-0", "offset": number}
    titles = {place["title"] for _, message in fresh for place in message["items"]}
    assert "thing 0" not in titles
    assert ("another name" in titles) == (why == "renamed")
    assert run.engine.counts["lists_refreshed"] == 3
    assert run.engine.counts["lists_sent"] == 3
    assert len([out for out in run.received if out.topic == INTENTS]) == 3
    assert len(run.engine.refresher) == 0
    assert KIND_ITEM not in run.state()


def test_what_became_unavailable_leaves_the_lists_and_what_is_available_again_changes_none():
    run = begun(model=real)
    first = lists(run, refreshed=False)[-1][1]["items"][0]["item_id"]

    def put(place, *, available):
        title = f"thing {first[1:]}"
        value = {"item_id": first, "title": title, "available": available}
        run.process([raw(place, json.dumps(value).encode(), "items")])
        run.deliver()

    put(ITEMS, available=False)
    fresh = lists(run, refreshed=True)
    assert fresh
    for _, message in fresh:
        assert message["refreshed"]["why"] == "unavailable"
        assert first not in [place["item_id"] for place in message["items"]]
    put(ITEMS + 1, available=False)
    put(ITEMS + 2, available=True)
    assert lists(run, refreshed=True) == fresh


def test_a_new_item_an_old_one_as_it_was_and_one_that_nobody_has_change_no_list():
    run = begun()
    run.process([item(ITEMS, 7, "new"), item(ITEMS + 1, 0, "thing 0"), removal(ITEMS + 2, 9)])
    run.process([removal(ITEMS + 3, 4)])
    run.end()
    assert lists(run, refreshed=True) == []
    assert run.engine.counts["lists_refreshed"] == 0


def test_so_many_with_each_record_in_order_and_who_has_an_event_gets_one_list():
    run = begun(6, lists=ListSettings(per_record=1))
    with paced(16, 2):
        run.process([removal(ITEMS, 0)])
        run.deliver()
        assert [user for user, _ in lists(run, refreshed=True)] == ["u0", "u1"]
        run.process([raw(6, event(6, 3, 4))])  # u3 gets a list, and u2 is next
        run.process([raw(7, event(7, 0, 3)), raw(8, event(8, 4, 3))])
        run.deliver()
    fresh = lists(run, refreshed=True)
    assert [user for user, _ in fresh] == ["u0", "u1", "u2", "u5"], "u4 was on its way"
    assert [message["refreshed"]["position"]["offset"] for _, message in fresh] == [6, 6, 6, 8]
    of_events = lists(run, refreshed=False)[6:]
    assert [user for user, _ in of_events] == ["u3", "u0", "u4"]
    assert len(run.engine.refresher) == 1
    run.process([raw(9, event(9, 0, 1))])
    assert len(run.engine.refresher) == 0, "all were looked at"


def test_a_consumer_that_compares_positions_ends_with_the_newest_list_of_each():
    run = begun(4)
    run.process([removal(ITEMS, 1), raw(4, event(4, 2, 4)), removal(ITEMS + 1, 0)])
    run.process([raw(5, event(5, 1, 3))])
    run.end()
    has: dict[str, dict] = {}
    for user, message in lists(run, refreshed=False) + lists(run, refreshed=True):
        old = has.get(user)
        newest = (message["position"]["offset"], message["sequence"])
        if old is None or newest >= (old["position"]["offset"], old["sequence"]):
            has[user] = message
    assert {f"{user}": [p["item_id"] for p in m["items"]] for user, m in has.items()} == {
        key.decode(): found for key, found in run.last(RECOMMENDATIONS).items()
    }
    for _, message in lists(run, refreshed=True):
        assert message["position"]["partition"] == "events-0"


def test_killed_at_several_places_it_ends_with_what_a_replay_of_the_records_gives(tmp_path):
    command = [sys.executable, "-m", "tests.dataflows.engine.refresh_kills"]
    done = subprocess.run(
        [*command, str(tmp_path / "state")], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    kills, refreshed = map(int, done.stdout.split())
    assert kills >= 5
    assert refreshed >= 20


def test_what_is_left_goes_on_after_a_restart_and_ends_with_the_input():
    run = begun(6, lists=ListSettings(per_record=1))
    with paced(1, 2):
        run.process([removal(ITEMS, 0)])
        run.engine.commit()
        run.start()
        assert len(run.engine.refresher) == 1
        run.process([raw(6, event(6, 2, 5))])
        run.deliver()
        assert [user for user, _ in lists(run, refreshed=True)] == ["u0", "u1"]
        run.end()
        run.start()
        run.waiting += run.engine.finish()
        run.end()
    fresh = [user for user, _ in lists(run, refreshed=True)]
    assert fresh == ["u0", "u1", "u3", "u4", "u5"]
    assert run.engine.finish() == []
    run.start()
    assert len(run.engine.refresher) == 0


def test_a_process_that_is_stopped_leaves_the_rest_to_the_next():
    run = begun(6, lists=ListSettings(per_record=1, is_stopped=lambda: True))
    with paced(1, 1):
        run.process([removal(ITEMS, 0)])
        assert run.engine.finish() == []
        run.end()
    assert [user for user, _ in lists(run, refreshed=True)] == ["u0"]
    assert len(run.engine.refresher) == 1


def test_at_the_end_of_an_input_no_more_are_made_than_memory_holds(monkeypatch, caplog):
    monkeypatch.setattr(list_refresher, "AT_THE_END", 2)
    run = begun(6, lists=ListSettings(per_record=1))
    with paced(1, 1):
        run.process([removal(ITEMS, 0)])
        run.waiting += run.engine.finish()
    run.end()
    assert len(lists(run, refreshed=True)) == 3
    assert "the next run goes on" in caplog.text


def test_more_changed_items_than_may_be_looked_for_are_counted_and_wait_for_events(caplog):
    caplog.set_level(logging.WARNING)
    run = begun(3, lists=ListSettings(per_record=1, items=1))
    with paced(1, 1):
        run.process([removal(ITEMS, 5), removal(ITEMS + 1, 0)])
        run.waiting += run.engine.finish()
        run.deliver()
        assert run.engine.counts["refresh_left_out"] == 1
        assert lists(run, refreshed=True) == []
        assert "raise state.refresh_items" in caplog.text
        run.process([raw(3, event(3, 0, 4))])
        run.end()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i1", "i2", "i3"]


def test_switched_off_lists_wait_for_events_and_nothing_is_kept():
    run = begun(lists=ListSettings(per_record=0))
    run.process([removal(ITEMS, 0)])
    run.waiting += run.engine.finish()
    run.end()
    assert lists(run, refreshed=True) == []
    assert KIND not in run.state()


def test_a_state_without_positions_of_events_is_told_the_record_that_was_at_hand():
    run = begun(1)
    run.end()
    kind = next(kind for kind in run.store.records if kind == "served:0")
    run.store.records[kind]["u0"] = b"\x93\x93\xa2i0\xa2i1\xa2i2\xc0\xc0"  # as it was before
    run.start()
    run.process([removal(ITEMS, 0)])
    run.end()
    ((_, message),) = lists(run, refreshed=True)
    assert message["position"] == {"partition": "items-0", "offset": ITEMS}
    assert message["sequence"] == 1


def test_the_observer_hears_which_lists_were_made_anew():
    class Served(Watcher):
        def before_learn(self, recommender, interaction, last_sent, *, is_refreshed):
            self.seen.append((interaction.event_id, last_sent, is_refreshed))

    watcher = Served()
    run = begun(2, observer=watcher)
    run.process([removal(ITEMS, 0)])
    run.process([raw(2, event(2, 0, 4))])
    run.process([raw(3, event(3, 0, 1))])
    assert watcher.seen[2:] == [
        ("e2", ("i1", "i2", "i3"), True),
        ("e3", ("i1", "i2", "i3"), False),
    ]
