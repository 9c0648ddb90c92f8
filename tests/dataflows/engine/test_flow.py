from collections import Counter
from datetime import timedelta

from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main

from dataflows.engine.batch import Batch, shard_key
from dataflows.engine.flow import NAME, STEPS, build_flow
from dataflows.engine.shards import Engines
from dataflows.messages.raw import Raw
from dataflows.state.outbox import RECOMMENDATIONS, Outbox


class Echo:
    """Stands for an engine: sends each record back, and notes what it is asked to do."""

    has_last = False

    def __init__(self, shard, shards):
        self.outbox = Outbox(shard, shards)
        self.shard, self.calls = shard, []
        self.resend = [self.outbox.put(RECOMMENDATIONS, None, b"left undelivered")]

    def process(self, batch):
        outs, self.resend = self.resend, []
        self.calls.append(len(batch.records))
        values = [raw.value for raw in batch.records]
        return [*outs, *(self.outbox.put(RECOMMENDATIONS, None, value) for value in values)]

    def finish(self):
        return [self.outbox.put(RECOMMENDATIONS, None, b"at the end")] if self.has_last else []

    def commit(self, *, beside=False):
        self.calls.append("commit")

    def close(self):
        self.calls.append("close")


def records(count):
    return [Raw("events", "e", n, n + 1, None, b"%d" % n) for n in range(count)]


def deal(shards):
    def encode(raws):
        for shard in range(shards):
            mine = [raw for raw in raws if raw.offset % shards == shard]
            yield shard_key(shard), Batch(shard, mine)

    return encode


def flow_of(shards, raws, sunk):
    engines = Engines(lambda shard: Echo(shard, shards), shards)
    source = TestingSource(raws, batch_size=10)
    return engines, build_flow(source, TestingSink(sunk), deal(shards), engines)


def test_the_ids_of_the_steps_are_fixed():
    _, flow = flow_of(1, [], [])
    assert flow.flow_id == NAME == "penchant"
    ids = tuple(step.step_id for step in flow.substeps)
    assert ids == tuple(f"{NAME}.{step}" for step in STEPS)
    assert STEPS == ("wake", "records", "encode", "arrivals", "learn", "messages", "out")


def test_each_micro_batch_reaches_the_engine_whole_and_a_commit_ends_it():
    sunk = []
    engines, flow = flow_of(1, records(25), sunk)
    run_main(flow, epoch_interval=timedelta(seconds=60))
    engine = next(iter(engines))
    assert [call for call in engine.calls if call] == [10, 10, 5, "commit"]
    assert [out.value for out in sunk] == [b"left undelivered", *(b"%d" % n for n in range(25))]


def test_what_was_left_undelivered_goes_out_though_nothing_comes_in():
    sunk = []
    engines, flow = flow_of(3, [], sunk)
    run_main(flow)
    assert Counter(out.value for out in sunk) == {b"left undelivered": 3}
    assert sorted(out.number for out in sunk) == [0, 1, 2]
    assert [engine.shard for engine in engines] == [0, 1, 2]


def test_what_leaves_a_shard_is_told_with_the_micro_batch_that_it_is_of(monkeypatch):
    monkeypatch.setattr(Echo, "has_last", True)
    told = []
    engines = Engines(lambda shard: Echo(shard, 1))
    flow = build_flow(
        TestingSource(records(15), batch_size=10),
        TestingSink(sunk := []),
        deal(1),
        engines,
        follow=lambda engine, batch, outs: told.append(
            (engine.shard, batch and len(batch.records), [out.value for out in outs])
        ),
    )
    run_main(flow, epoch_interval=timedelta(seconds=60))
    assert [(shard, count) for shard, count, _ in told] == [(0, 0), (0, 10), (0, 5), (0, None)]
    assert [value for _, _, values in told for value in values] == [out.value for out in sunk]
    assert sunk[-1].value == b"at the end"


def test_two_workers_share_the_shards():
    sunk = []
    engines, flow = flow_of(4, records(40), sunk)
    cluster_main(flow, [], 0, worker_count_per_proc=2)
    assert sorted(int(out.value) for out in sunk if out.value.isdigit()) == list(range(40))
    for engine in engines:
        mine = [int(o.value) for o in sunk if o.number % 4 == engine.shard and o.value.isdigit()]
        assert mine == sorted(mine)
        assert len(mine) == 10


def test_shards_are_opened_once_and_closed_together():
    opened = []
    engines = Engines(lambda shard: opened.append(shard) or Echo(shard, 3), 3)
    assert list(engines) == []
    engines[1].outbox.put(RECOMMENDATIONS, None, b"x")
    engines.open_all()
    assert opened == [1, 0, 2]
    before = len(engines[1].outbox)
    engines.acknowledge(1)
    assert len(engines[1].outbox) == before - 1
    kept = list(engines)
    engines.close()
    assert [engine.calls for engine in kept] == [["close"]] * 3
    assert list(engines) == []
