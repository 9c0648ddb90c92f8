"""Poison on every topic: the rest is learnt, over a restart too."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from tests.dataflows import poison
from tests.dataflows.connectors.kafka.engine_process import START, catalogue, last_lists, shopping

pytestmark = pytest.mark.kafka


def mixed(good: list[bytes], bad: list[bytes | None]) -> list[bytes | None]:
    step = len(bad) // len(good)
    found: list[bytes | None] = []
    for place, one in enumerate(good):
        found += [*bad[place * step : (place + 1) * step], one]
    return found + bad[len(good) * step :]


def test_poison_on_every_topic_costs_nothing_of_the_rest(broker, penchant):
    names = broker.names()
    promotions = broker.create(broker.name("promotions"))
    good = shopping(60, users=5)
    items = [value for _, value in catalogue()]
    broker.produce(names.items, mixed(items, [*poison.items(), None]), key=b"\xff")
    broker.produce(names.items, [None], key=b"")
    # The worst last: on a compacted topic it is what stays.
    broker.produce(promotions, [*poison.promotions(), None], key=b"encoder")
    first = mixed(good[:30], [*poison.events(START), None])
    broker.produce(names.events, first)
    process = penchant(broker, names, promotions_topic=promotions, more="[clean]\nbots = 'off'")
    process.start()
    process.await_learnt(len(first))
    process.kill()
    second = mixed(good[30:], [*poison.events(START + 100), None])
    broker.produce(names.events, second)
    process.start()
    process.await_learnt(len(first) + len(second))
    assert process.stop() == 0, process.said
    assert "Traceback" not in process.said
    assert "holds what is no promotion" in process.said
    ledger = process.ledger()
    ledger.balance()
    figures = ledger.as_dict()
    assert figures["in"] >= len(first) + len(second)
    assert figures["learnt"] >= len(good)
    letters = [json.loads(value) for _, value in broker.read(names.dead_letters)]
    refused = {b64decode(letter["raw"]) for letter in letters if letter["raw"] is not None}
    assert not refused & {*good, *items}
    assert len(refused) > 100
    lists = last_lists(broker, names.recommendations)
    assert all(lists[f"u{number}".encode()]["items"] for number in range(5))
