"""Events that wait to be merged when their topic is replaced: under which name they are learnt."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from dataflows.config.events import EventSettings
from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka import source as kafka_source
from dataflows.connectors.kafka.assignment.log_identity import ReplacedError
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.connectors.micro_batches import Portions
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress
from encoders.backends.hashing import HashingEncoder
from tests.dataflows.connectors.kafka.test_kafka_merged import T, event

pytestmark = pytest.mark.kafka

OLD, NEW = "events-0", "events-0#2"
QUIET, QUIET_NEW = "events-1", "events-1#2"


def raw(partition, number, ts):
    return Raw("events", partition, number, number + 1, None, event(number, T + ts), T + ts)


class Replaced:
    """A reader whose topic is replaced while one partition waits for the other."""

    def __init__(self, takes, names):
        self.takes, self.confirmed, self.is_open = list(takes), 0.0, True
        wheres = {name: ("events", number) for number, name in enumerate(names)}
        self.caught_up = SimpleNamespace(
            names=wheres, is_ended=lambda name: name in self.ended, hold_back=list
        )
        self.ended = set()
        self.lag = {}

    def open(self):
        pass

    def ends_now(self, before, names):
        assert names == {OLD, QUIET}
        return {OLD: 33, QUIET: 0}

    def begin(self):
        pass

    def let_go(self):
        self.is_open = False

    def finish(self, seconds):
        return True

    def take(self, most=None, *, may_wait=True):
        return self.takes.pop(0)() if self.takes else []


@pytest.fixture
def replaced(monkeypatch):
    """A source that reads 30 events, 5 more when its topic may be another, then the new one."""
    old = Replaced([], [OLD, QUIET])

    def confirm():
        old.confirmed = time.monotonic()
        return []

    def lose():
        raise ReplacedError("made anew", [OLD, QUIET])

    old.takes = [
        lambda: [raw(OLD, n, 10 * n) for n in range(30)],
        confirm,
        lambda: [raw(OLD, n, 10 * n) for n in range(30, 35)],  # two of them beyond its end
        lose,
    ]
    new = Replaced([lambda: [raw(NEW, n, n) for n in range(3)]], [NEW, QUIET_NEW])
    new.ended = {NEW, QUIET_NEW}
    readers = [old, new]
    monkeypatch.setattr(kafka_source, "Reader", lambda *_: readers.pop(0))
    monkeypatch.setattr(kafka_source, "find_partitions", lambda *_: {"events": 2})
    encoder = HashingEncoder(32)
    step = EncodeStep(encoder, EventSettings(), Catalogue(None, encoder.version))
    cut = Portions(step.render, lambda: 1e6, seconds=100.0, records=10)
    source = KafkaSource(
        KafkaSettings(merge_seconds=3600), Progress({}), portions=cut, decode=step.decode
    )
    source.build_part("records", "kafka", None)
    return SimpleNamespace(source=source, old=old)


def test_what_waited_is_learnt_as_of_the_old_topic_before_anything_of_the_new_one(replaced, caplog):
    found = []
    for _ in range(30):
        batch = replaced.source.take()
        assert len(batch) <= 10
        found += [(one.raw.partition, one.raw.offset) for one in batch]
    sure = [*range(30), 33, 34]
    assert found == [*((OLD, n) for n in sure), *((NEW, n) for n in range(3))]
    assert not replaced.old.is_open
    assert replaced.source.health.counts["not_learnt"] == 3
    assert "3 records of the topic that was replaced waited and are not learnt" in caplog.text
    replaced.source.finish()


def test_what_is_left_of_it_at_a_stop_is_told(replaced, caplog):
    while not replaced.source._left:
        assert replaced.source.take() == []
    assert len(replaced.source.take()) == 10
    replaced.source.finish()
    assert replaced.source.health.counts["not_learnt"] == 3 + 22
    assert "22 records of the topic that was replaced" in caplog.text
