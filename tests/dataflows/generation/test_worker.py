from __future__ import annotations

import logging
import threading
import time

import pytest

from dataflows.generation.queue import Backlog, InLine, Request
from dataflows.generation.worker import Worker
from dataflows.messages.items import ItemRecord
from encoders.llm.decoding.constrained import beam_search
from encoders.llm.decoding.trie import Trie
from tests.encoders.llm.tiny_model import tiny_model

PATIENCE = 120.0
MODEL = tiny_model()


class Echo:
    """Says what it was asked, with the titles that it knew; `gate` holds it up."""

    def __init__(self, fails=()):
        self.titles, self.batches, self.fails = {}, [], set(fails)
        self.gate, self.began = threading.Event(), threading.Event()
        self.gate.set()
        self.saw_live = {}

    def put_item(self, record):
        self.titles[record.item_id] = record.title

    def remove_item(self, item_id):
        self.titles.pop(item_id, None)

    def answer(self, kind, what, is_live):
        self.began.set()
        assert self.gate.wait(PATIENCE)
        if kind in self.fails:
            raise RuntimeError("out of paper")
        self.batches.append((kind, list(what)))
        self.saw_live = {item_id: is_live(item_id) for item_id in ("a", "b") if is_live}
        return [None if one == "nothing" else (one, dict(self.titles)) for one in what]


@pytest.fixture
def started():
    workers = []

    def start(responder, batch=4, most=10):
        worker = Worker(lambda: responder, batch, most)
        worker.start()
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.close()
        assert not worker._thread.is_alive()


def ask(worker, *what, kind="names", shard=0):
    for one in what:
        worker.ask(Request(kind, shard, one, one))


def taken(worker, shard=0):
    return [answer.what[0] for answer in worker.take(shard)]


def test_requests_are_answered_in_batches_and_go_to_the_shard_that_asked(started):
    responder = Echo()
    responder.gate.clear()
    worker = started(responder)
    ask(worker, "u0")
    assert responder.began.wait(PATIENCE)
    ask(worker, "u1", "u2", "nothing", "u3", "u4")
    ask(worker, "v", shard=1)
    assert worker.take(0) == []
    responder.gate.set()
    assert worker.drain(PATIENCE)
    assert taken(worker) == ["u0", "u1", "u2", "u3", "u4"]
    assert taken(worker, 1) == ["v"]
    assert taken(worker) == taken(worker, 1) == []
    assert [len(what) for _, what in responder.batches] == [1, 4, 2]


def test_of_one_user_the_newest_request_counts_and_of_too_many_the_oldest_goes(started):
    responder = Echo()
    responder.gate.clear()
    worker = started(responder, most=3)
    ask(worker, "first")
    assert responder.began.wait(PATIENCE)
    worker.ask(Request("names", 0, "u", "old"))
    ask(worker, "v")
    worker.ask(Request("names", 0, "u", "new"))
    ask(worker, "x", "y")
    responder.gate.set()
    assert worker.drain(PATIENCE)
    assert taken(worker) == ["first", "v", "x", "y"]
    assert worker.counts["generate_dropped"] == 1


def test_the_catalogue_is_as_it_was_when_the_batch_began_and_what_left_since_is_told(started):
    responder = Echo()
    worker = started(responder)
    for item_id in "ab":
        worker.put_item(0, ItemRecord(item_id, f"old {item_id}"))
    worker.put_item(1, ItemRecord("a", "another shard says the same later"))
    responder.gate.clear()
    ask(worker, "u")
    assert responder.began.wait(PATIENCE)
    worker.remove_item(0, "b")
    worker.put_item(0, ItemRecord("c", "new c"))
    responder.gate.set()
    assert worker.drain(PATIENCE)
    ((_, titles),) = [answer.what for answer in worker.take(0)]
    assert titles == {"a": "old a", "b": "old b"}
    assert responder.saw_live == {"a": True, "b": False}
    ask(worker, "v")
    assert worker.drain(PATIENCE)
    ((_, titles),) = [answer.what for answer in worker.take(0)]
    assert titles == {"a": "old a", "c": "new c"}


def test_a_failure_costs_one_batch_and_nothing_else(started, caplog):
    worker = started(Echo(fails=["labels"]))
    with caplog.at_level(logging.WARNING):
        ask(worker, "l", kind="labels")
        ask(worker, "u")
        assert worker.drain(PATIENCE)
        ask(worker, "l", kind="labels")
        assert worker.drain(PATIENCE)
    assert taken(worker) == ["u"]
    assert worker.counts["generate_failed"] == 2
    assert [r.getMessage() for r in caplog.records] == [
        "labels could not be generated: out of paper"
    ]


def test_without_a_model_the_stream_goes_on(started, caplog):
    def broken():
        raise RuntimeError("no such model")

    worker = Worker(broken, 4, 10)
    with caplog.at_level(logging.ERROR):
        worker.start()
        worker._thread.join(PATIENCE)
    ask(worker, "u")
    worker.put_item(0, ItemRecord("a", "title"))
    assert worker.take(0) == []
    assert worker.drain(PATIENCE)
    assert worker.counts["generate_unavailable"] == 1
    assert "no such model" in caplog.text
    worker.close()


def test_no_kind_of_request_starves_another(started):
    responder = Echo()
    responder.gate.clear()
    worker = started(responder, batch=1)
    ask(worker, "first")
    assert responder.began.wait(PATIENCE)
    ask(worker, *(f"u{n}" for n in range(6)))
    ask(worker, "w", kind="words")
    responder.gate.set()
    assert worker.drain(PATIENCE)
    assert [kind for kind, _ in responder.batches].index("words") <= 2


def test_in_line_the_answer_lies_ready_at_once():
    queue = InLine(Echo())
    queue.put_item(0, ItemRecord("a", "title"))
    ask(queue, "u", "nothing", "v")
    assert [answer.what for answer in queue.take(0)] == [
        ("u", {"a": "title"}),
        ("v", {"a": "title"}),
    ]
    assert queue.take(0) == []


def test_waiting_keeps_the_place_of_a_request_that_is_renewed():
    waiting = Backlog(2)
    for key, what in [("a", 1), ("b", 2), ("a", 3), ("c", 4)]:
        waiting.put(Request("k", 0, key, what))
    assert [job.what for job in waiting.take("k", 5)] == [2, 4]
    assert (waiting.dropped, len(waiting), waiting.kinds()) == (1, 0, [])


def test_a_search_in_hand_is_given_up_at_a_stop():
    began, steps = threading.Event(), []

    class Searching(Echo):
        def answer(self, kind, what, is_live):
            inner = MODEL.model.forward

            def counted(*args, **kwargs):
                steps.append(1)
                began.set()
                while not worker._stopped:
                    time.sleep(0.001)
                return inner(*args, **kwargs)

            MODEL.model.forward = counted
            try:
                return beam_search(MODEL, trie, ["w1"], 2)
            finally:
                MODEL.model.forward = inner

    trie = Trie(MODEL.end_id)
    for n in range(6):
        trie.put(f"i{n}", MODEL.target_ids(f"w{n} w1 w2 w3"))
    worker = Worker(Searching, 4, 10)
    worker.start()
    ask(worker, "u")
    assert began.wait(PATIENCE)
    worker.close()
    assert not worker._thread.is_alive()
    assert len(steps) == 1
    assert worker.take(0) == []
    assert worker.counts["generate_failed"] == 0
