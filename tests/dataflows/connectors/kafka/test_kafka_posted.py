"""Events and items posted to a process on topics: written there, learnt, and in the next list."""

from __future__ import annotations

import re

import pytest

from tests.dataflows.connectors.kafka.engine_process import START, Penchant, catalogue, shopping
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.serve.live.doors import Door

pytestmark = pytest.mark.kafka
SERVE = "[serve]\nenabled = true\nport = 0\nwait_seconds = 30"


@pytest.fixture
def penchant(broker, tmp_path):
    names = broker.names()
    for key, value in catalogue():
        broker.produce(names.items, [value], key)
    broker.produce(names.events, shopping(200), b"k")
    made = Penchant(tmp_path / "run", broker, names, more=SERVE)
    made.start()
    yield made, names
    made.kill()


def port_of(penchant: Penchant) -> int:
    pattern = re.compile(r"answers at http://127\.0\.0\.1:(\d+)")
    until(lambda: pattern.search(penchant.said) is not None, "an address")
    return int(pattern.findall(penchant.said)[-1])


def test_what_is_posted_goes_by_the_topics_and_comes_back_as_a_list(penchant, broker):
    process, names = penchant
    with Door(port_of(process)) as door:
        until(lambda: door.answer("GET", "/readyz")[0] == 200, "readiness")
        fields = {"user_id": "ann", "type": "view", "ts": START + 1000}
        events = [fields | {"event_id": f"p{n}", "item_id": f"i{n}"} for n in (8, 16)]
        answer = door.ask("POST", "/v1/events?wait=list", events)
        assert [one["partition"] for one in answer["events"]] == [f"{names.events}-0"] * 2
        offset = answer["events"][-1]["offset"]
        made = answer["list"]
        assert (made["user_id"], made["is_known"]) == ("ann", True)
        assert made["as_of"][f"{names.events}-0"] > offset
        history = door.ask("GET", "/v1/users/ann/history")["events"]
        assert [each["item_id"] for each in history] == ["i16", "i8"]
        again = door.ask("POST", "/v1/events?wait=list", events[1])
        assert again["events"][0]["offset"] > offset
        assert door.ask("GET", "/v1/status")["ledger"]["duplicate"] == 1
        item = {"title": "a tent for many", "categories": ["tent"]}
        door.ask("PUT", "/v1/items/new%2Fone", item)
        until(lambda: door.answer("GET", "/v1/items/new%2Fone")[0] == 200, "the new item")
        door.ask("PATCH", "/v1/items/new%2Fone", {"title": "a small tent"})
        until(
            lambda: door.ask("GET", "/v1/items/new%2Fone")["title"] == "a small tent",
            "its new title",
        )
        assert door.ask("GET", "/v1/items/new%2Fone")["categories"] == ["tent"]
        door.ask("DELETE", "/v1/items/new%2Fone")

        def is_gone() -> bool:
            status, told = door.answer("GET", "/v1/items/new%2Fone")
            return status == 404 or not told.get("is_available", True)

        until(is_gone, "its removal")
    keys = [key for key, _ in broker.read(names.events)][-3:]
    assert keys == [b"ann"] * 3
