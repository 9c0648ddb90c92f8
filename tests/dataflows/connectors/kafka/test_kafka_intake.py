"""Events and items that came over HTTP, on the topics of a broker."""

from __future__ import annotations

import pytest

from dataflows.config.kafka import KafkaSettings
from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.intake.destination import NotTakenError, Record, Written
from dataflows.serve.intake.kafka import KafkaDestination
from tests.dataflows.connectors.kafka.broker import free_ports

pytestmark = pytest.mark.kafka


@pytest.fixture
def opened():
    made = []

    def make(seconds: float = 20.0, **settings) -> KafkaDestination:
        made.append(KafkaDestination(KafkaSettings(**settings), seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_events_are_confirmed_where_they_stand(broker, opened):
    topic = broker.create(broker.name("events"))
    to = opened(bootstrap_servers=broker.servers, events_topic=topic)
    records = [Record(b"u%d" % (number % 5), b'{"n":%d}' % number) for number in range(40)]
    found = to.put_events(records, 20.0)
    assert found == [Written(f"{topic}-0", number) for number in range(40)]
    assert broker.read(topic) == records


def test_events_of_a_user_stand_in_one_partition(broker, opened):
    topic = broker.create(broker.name("events"), 3)
    to = opened(bootstrap_servers=broker.servers, events_topic=topic)
    records = [Record(b"u%d" % (number % 9), b"{}") for number in range(40)]
    by_user: dict[bytes, set[str]] = {}
    for record, place in zip(records, to.put_events(records, 20.0), strict=True):
        by_user.setdefault(record.key, set()).add(place.partition)
    assert all(len(partitions) == 1 for partitions in by_user.values())
    assert len(set.union(*by_user.values())) > 1


def test_an_item_that_is_taken_out_has_a_null_value(broker, opened):
    topic = broker.create(broker.name("items"))
    to = opened(bootstrap_servers=broker.servers, items_topic=topic)
    assert to.put_item(Record(b"i1", b'{"title":"T"}'), 20.0) == Written(f"{topic}-0", 0)
    assert to.put_item(Record(b"i1", None), 20.0) == Written(f"{topic}-0", 1)
    assert broker.read(topic) == [(b"i1", b'{"title":"T"}'), (b"i1", None)]


def test_without_a_topic_of_items_that_is_said(opened):
    to = opened(items_topic="", bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(NotAnsweredHereError, match="items_topic"):
        to.put_item(Record(b"i1", None), 1.0)


def test_where_no_broker_answers_nothing_is_taken_for_confirmed(opened):
    to = opened(0.1, bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}")
    (found,) = to.put_events([Record(b"u", b"{}")], 0.2)
    assert isinstance(found, NotTakenError)
    assert "not confirmed within 0.2 s" in str(found)
    (found,) = to.put_events([Record(b"u", b"{}")], 10.0)
    assert "timed out" in str(found).lower()


def test_one_that_is_too_large_for_the_producer_is_told_alone(broker, opened):
    topic = broker.create(broker.name("events"))
    to = opened(bootstrap_servers=broker.servers, events_topic=topic, message_max_bytes=2000)
    first, second, third = to.put_events(
        [Record(b"u", b"1"), Record(b"u", b"2" * 5000), Record(b"u", b"3")], 20.0
    )
    assert (first.offset, third.offset) == (0, 1)
    assert "too large" in str(second).lower()
