"""The whole process between topics on records that nobody should write."""

from __future__ import annotations

import json
import os

import pytest

from dataflows.config.signing_keys import KEY as KEY_NAME
from dataflows.registry.announce import render
from dataflows.registry.manifest import Promotion
from tests.dataflows.app.test_fuzz_process import COUNT as ALL
from tests.dataflows.app.test_fuzz_process import (
    KEY,
    decisions,
    events,
    farewell,
    items,
    refused,
)
from tests.dataflows.connectors.kafka.broker import NAMED
from tests.dataflows.connectors.kafka.engine_process import last_lists
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.mutations import mutated

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

COUNT = ALL // 5 if os.environ.get(NAMED) else ALL
"""What a record holds is nothing to the broker: all of it goes through the one that we start."""


def promotions() -> list[dict]:
    made = [
        Promotion(
            sequence=n,
            kind="encoder" if n % 2 else "language",
            version=f"encoder-000{n}-abcdef12" if n % 3 else "",
            previous="",
            action="promote" if n % 5 else "rollback",
            reason="won",
            time=1.7e9 + n,
        )
        for n in range(1, 40)
    ]
    return [json.loads(render(promotion, "st-8-abc")) for promotion in made]


def taken(process, topic: str) -> int:
    """How many records of a topic are counted in the stored ledger."""
    pages = process.ledger().as_dict()["partitions"]
    return sum(page["in"] for name, page in pages.items() if name.startswith(topic))


def test_topics_of_mutated_records_are_read_to_the_end(broker, penchant):
    names = broker.names()
    told = broker.create(broker.name("promotions"))
    good = [json.dumps(item).encode() for item in items()]
    catalogue = [*mutated(items(), COUNT, 1), *good]
    broker.produce(names.items, catalogue)
    broker.produce(told, mutated(promotions(), COUNT, 2))
    records = [*mutated(events(COUNT, 3), COUNT, 4), *farewell()]
    broker.produce(names.events, records)
    decided = broker.create(broker.name("decisions"))
    broker.produce(decided, mutated(decisions(), COUNT, 5))
    process = penchant(broker, names, promotions_topic=told, decisions_topic=decided)
    process.start(**{KEY_NAME: KEY.decode()})
    process.await_learnt(COUNT // 3)
    process.kill()
    process.start(**{KEY_NAME: KEY.decode()})
    for position in (*range(COUNT // 2, COUNT, COUNT // 10), len(records)):
        process.await_learnt(position)
    until(lambda: taken(process, decided) == COUNT, "the last decision")
    assert process.stop() == 0, process.said[-3_000:]
    assert "Traceback" not in process.said
    assert process.ledger().balance() == len(records) + COUNT + refused(catalogue)
    figures = process.ledger().as_dict()
    assert min(figures["learnt"], figures["dead_letter"]) > COUNT / 10
    lists = last_lists(broker, names.recommendations)
    assert len(lists[b"witness"]["items"]) == 10
