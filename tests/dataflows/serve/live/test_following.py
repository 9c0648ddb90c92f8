"""What leaves a shard is followed: for who waits for a record, who follows lists, who asks."""

from __future__ import annotations

import json
import threading
import time

import pytest

from dataflows.engine.batch import Batch
from dataflows.engine.flow import LearnLogic
from dataflows.engine.shards import Engines
from dataflows.serve.answers import AnswerSource, NotAnsweredHereError, NotReadyError
from dataflows.serve.api_types import ListRequest
from dataflows.serve.changes import ChangeHub
from dataflows.serve.live import Following
from dataflows.serve.live.handed_out import HandedOut
from learners.testing import FakeClock
from tests.dataflows.engine.test_engine import ITEMS, Run, event, item, raw, real
from tests.dataflows.serve.live.questions import answers_of


class Followed(Run):
    """A run whose flow is followed."""

    def __init__(self) -> None:
        self.clock = FakeClock(1.7e9)
        self.following = Following(ChangeHub(), HandedOut(), self.clock)
        super().__init__(model=real)
        self.process([item(n, n, f"thing {n}") for n in range(ITEMS)])

    def process(self, raws):
        for _, batch in self.encode(raws):
            outs = self.engine.process(batch)
            self.waiting += outs
            self.following(self.engine, batch, outs)


@pytest.fixture
def run() -> Followed:
    return Followed()


def door_of(run: Followed, **more):
    return answers_of(run, run.following, clock=run.clock, **more)


def test_it_answers_all_that_can_be_asked(run):
    door: AnswerSource = door_of(run)
    assert door.waits
    assert door.recommend_stored("u0") is None
    with pytest.raises(NotAnsweredHereError):
        door.status()


def test_who_waits_for_a_record_gets_the_list_after_it(run):
    door, found = door_of(run), []
    ask = threading.Thread(target=lambda: found.append(door.wait_for("u0", ("events-0", 1), 30)))
    ask.start()
    run.process([raw(0, event(0, 1, 2))])
    time.sleep(0.05)  # it is not there yet, whoever is faster
    assert not found
    run.process([raw(1, event(1, 0, 3))])
    ask.join(30)
    (answer,) = found
    assert answer.as_of["events-0"] == 2
    assert answer.is_known
    assert "i3" not in [one.item_id for one in answer.items]
    assert door.wait_for("u0", ("events-0", 1), 0).as_of == answer.as_of


def test_a_flow_that_is_behind_lets_those_in_who_ask(run):
    door, learnt, is_over = door_of(run), [], threading.Event()
    batches = [
        batch for n in range(400) for _, batch in run.encode([raw(n, event(n, n % 5, n % ITEMS))])
    ]

    def flow() -> None:
        for batch in batches:
            run.engine.process(batch)
            learnt.append(batch)
            if is_over.is_set():
                break

    thread = threading.Thread(target=flow)
    thread.start()
    waits = []
    for _ in range(9):
        before = len(learnt)
        door.recommend("u1", ListRequest())
        waits.append(len(learnt) - before)
    is_over.set()
    thread.join()
    assert len(learnt) < len(batches)
    assert sorted(waits)[4] <= 3  # the one that is learnt meanwhile, and a little


def test_who_waits_too_long_is_told_so_and_who_waits_at_the_end(run):
    door = door_of(run)
    with pytest.raises(NotReadyError, match=r"record 5 of events-0 is not learnt after 0\.01 s"):
        door.wait_for("u0", ("events-0", 5), 0.01)
    said = []

    def ask() -> None:
        try:
            door.wait_for("u0", ("events-0", 5), 60)
        except NotReadyError as error:
            said.append(str(error))

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not run.following._waiting[0]:
        time.sleep(0.001)
    door.close()
    waiting.join(30)
    assert said == ["this process is stopping; what was taken will be learnt"]


def test_lists_that_are_sent_are_told_in_their_order_and_remembered(run):
    reader = run.following.hub.subscribe()
    for place, (user, thing) in enumerate([(0, 1), (1, 2), (0, 3)]):
        run.process([raw(place, event(place, user, thing))])
    told = [json.loads(change.message) for change in reader.drain()]
    assert [(one["user_id"], one["position"]["offset"]) for one in told] == [
        *(("u0", 0), ("u1", 1), ("u0", 2)),
    ]
    door, last = door_of(run), told[-1]
    assert last["sequence"] == door.recommend("u0", ListRequest()).sequence
    after = door.recommend("u0", ListRequest(k=2, after=str(last["sequence"])))
    assert not {one["item_id"] for one in last["items"]} & {one.item_id for one in after.items}
    assert after.items[0].place == len(last["items"]) + 1


def test_the_flow_tells_who_follows_it(run):
    engines = Engines(lambda _: run.engine)
    logic = LearnLogic(engines, None, run.following.committed, run.following)
    raws = [raw(0, event(0, 0, 1))]
    logic.on_batch([batch for _, batch in run.encode(raws)])
    assert run.following.now == 1.7e9
    assert run.following.hub.newest == 1
    assert run.following.unstored_since == 1.7e9
    logic.snapshot()
    assert run.following.unstored_since is None


def test_a_history_tells_the_types_that_came_since_the_start(run):
    run.process([raw(0, event(0, 0, 1, "buy")), raw(1, event(1, 0, 2, "view"))])
    door = door_of(run)
    told = [(one.item_id, one.type) for one in door.history("u0", 5).events]
    assert told == [("i2", "view"), ("i1", "buy")]
    assert [one.type for one in answers_of(run).history("u0", 1).events] == [None]


def test_it_is_ready_where_answers_are_as_new_as_can_be(run):
    unread: dict[str, int] = {}
    door = door_of(run, unread=lambda: unread)
    found = door.readiness()
    assert not found.is_ready
    assert found.checks["input"] == "how much is unread is not known yet"
    unread["events-0"] = 3
    run.process([raw(0, event(0, 0, 1))])
    found = door.readiness()
    assert found.is_ready
    assert found.checks["input"] == "ok: 3 records unread"
    assert (found.as_of, found.age_seconds) == (run.engine.positions, 0.0)
    unread["events-0"] = 10_001
    assert not door.readiness().is_ready
    unread["events-0"] = 0
    run.clock.now += 31
    found = door.readiness()
    assert (found.is_ready, found.checks["commits"]) == (False, "nothing was stored for 31 s")
    run.following.committed(run.engine)
    found = door.readiness()
    assert (found.is_ready, found.age_seconds) == (True, 31.0)
    run.following(run.engine, Batch(0), [])
    assert door.readiness().age_seconds == 31.0
    door.close()
    assert door.readiness().checks["shards"] == "0 of 1 open"
