"""Tiny flows around source and sink, for tests of the two by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.sink import KafkaSink
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.messages.raw import Raw
from dataflows.state.outbox import Out

EPOCH = timedelta(milliseconds=50)


PATIENCE = 240.0
"""Seconds after which what a test waits for counts as never: long, for a machine that is busy."""


class Pauses:
    """A clock for a start: its pauses are over at once, and in the first something is done."""

    def __init__(self) -> None:
        self.now, self.count = 0.0, 0
        self.first: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.count += 1
        if self.count == 1:
            self.first()


def until(condition: Callable[[], bool], what: str = "it") -> None:
    """Wait for a condition; fail where it does not come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE} s"
        time.sleep(0.01)


def take(reader: Reader, count: int) -> list[Raw]:
    """Records from a reader until there are `count` of them."""
    found: list[Raw] = []
    deadline = time.monotonic() + PATIENCE
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} came within {PATIENCE} s"
        # What tells no more than the ids of a log is left out.
        found += [raw for raw in reader.take() if raw.next_offset > raw.offset]
    return found


def run_source(source: KafkaSource, each: Callable[[Raw], object]) -> None:
    """A flow that hands every record to `each`; it ends when the source does."""
    flow = Dataflow("source_alone")
    stream = op.map("each", op.input("in", flow, source), each)
    op.output("out", stream, TestingSink([]))
    run_main(flow, epoch_interval=EPOCH)


def run_sink(sink: KafkaSink, outs: list[Out], batch: int = 100) -> None:
    """A flow that sends these messages and ends right after the last."""
    flow = Dataflow("sink_alone")
    op.output("out", op.input("in", flow, TestingSource(outs, batch)), sink)
    run_main(flow, epoch_interval=EPOCH)
