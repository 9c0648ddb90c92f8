"""The record before a position, and the end of a log: compared where reading goes on."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from dataflows.connectors.kafka.assignment.log_identity import ReplacedError
from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health
from dataflows.engine.status.logs_read import LogsRead
from dataflows.errors import InputError
from dataflows.state.positions import Progress
from tests.dataflows.connectors.kafka.flows import take, until

pytestmark = pytest.mark.kafka

READ = 50
OF_THE_LOG = {"jumped", "read_anew", "fetched_anew"}
"""What is counted where a log is not what it was. (A busy broker makes an outage.)"""


def values(count, word="x"):
    return [f"{word}{number}".encode() for number in range(count)]


@pytest.fixture
def read(broker, settings_for):
    """A topic of which 50 records were read, and what is stored of its partition."""
    names = broker.names()
    name = f"{names.events}-0"
    broker.produce(names.events, values(READ))
    reader = opened(settings_for(broker, names), Progress({}))
    raws = take(reader, READ)
    reader.finish(1)
    return SimpleNamespace(names=names, name=name, log=LogsRead().take(raws)[name])


def opened(settings, progress):
    reader = Reader(settings, progress, Health("source"))
    reader.open()
    reader.begin()
    return reader


def at(read, position, log=None):
    return Progress({0: {read.name: position}}, logs={read.name: log or read.log})


def told(reader, kind=InputError):
    """What it ends with."""
    found = []

    def has_ended():
        try:
            reader.take()
        except kind as error:
            found.append(error)
        return bool(found)

    until(has_ended, "the end of reading")
    reader.let_go()
    return found[0]


def test_where_the_record_is_the_same_nothing_is_told_and_reading_goes_on(
    broker, settings_for, read
):
    broker.produce(read.names.events, [b"next"])
    reader = opened(settings_for(broker, read.names), at(read, READ))
    (raw,) = take(reader, 1)
    assert (raw.offset, raw.value) == (READ, b"next")
    assert raw.log is not None
    assert raw.log.last == read.log.last, "kept until the next one is learnt"
    assert not reader._health.counts.keys() & OF_THE_LOG
    reader.finish(1)


@pytest.mark.parametrize("policy", ["stop", "anew"])
def test_where_another_record_stands_the_log_was_cut_and_has_grown(
    broker, settings_for, read, policy
):
    other = msgspec.structs.replace(
        read.log, last=msgspec.structs.replace(read.log.last, checksum=read.log.last.checksum ^ 1)
    )
    broker.produce(read.names.events, values(9, "y"))
    progress = at(read, READ, other)
    settings = settings_for(broker, read.names, lost_log=policy)
    reader = opened(settings, progress)
    if policy == "stop":
        error = told(reader)
        assert f"{read.name} was cut before offset {READ}" in str(error)
        assert "kafka.lost_log" in str(error)
        return
    assert told(reader, ReplacedError).names == {read.name}
    raws = take(opened(settings, progress), READ + 9)
    assert {raw.partition for raw in raws} == {f"{read.name}#2"}


@pytest.mark.parametrize("position", [READ + 1, 2 * READ])
def test_a_log_that_ends_before_the_position_is_told_where_the_broker_says_nothing(
    broker, settings_for, read, position
):
    """The first one is fetched from the log's end, as the record before the position would be."""
    last = msgspec.structs.replace(read.log.last, offset=position - 1)
    log = msgspec.structs.replace(read.log, last=last)
    settings = settings_for(broker, read.names, degraded_seconds=1)
    reader = opened(settings, at(read, position, log))
    message = str(told(reader))
    assert f"{read.name} ends at offset" in message
    assert f"read it up to {position}" in message


def test_so_it_is_with_a_state_that_knows_no_ids(broker, settings_for, read):
    settings = settings_for(broker, read.names, degraded_seconds=1)
    reader = opened(settings, Progress({0: {read.name: 2 * READ}}))
    assert "ends at offset 50" in str(told(reader))


def test_at_its_end_exactly_nothing_is_told(broker, settings_for, read):
    settings = settings_for(broker, read.names, degraded_seconds=1)
    reader = opened(settings, at(read, READ))
    where = (read.names.events, 0)

    def has_been_asked():
        assert not [raw for raw in reader.take() if not raw.is_mark]
        seen = reader._standstill._seen.get(where)
        return seen is not None and seen.asked >= 0

    until(has_been_asked, "an answer")
    for _ in range(300):
        assert not [raw for raw in reader.take() if not raw.is_mark]
    assert not reader._health.counts.keys() & OF_THE_LOG
    reader.finish(1)


def test_what_is_fetched_anew_is_compared_and_not_read_twice(broker, settings_for, read):
    reader = opened(settings_for(broker, read.names), at(read, READ))
    broker.produce(read.names.events, values(5, "y"))
    take(reader, 5)
    reader._partitions.fetch_anew((read.names.events, 0))
    broker.produce(read.names.events, [b"last"])
    assert [raw.offset for raw in take(reader, 1)] == [READ + 5]
    reader.finish(1)
