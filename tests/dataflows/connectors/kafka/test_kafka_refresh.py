"""An item that leaves the topic of items: who was offered it gets a fresh list, through kill -9."""

from __future__ import annotations

import json

import pytest

from dataflows.state.store import Store
from tests.dataflows.connectors.kafka.engine_process import RUN, fill, last_lists, shopping
from tests.dataflows.connectors.kafka.flows import until

pytestmark = pytest.mark.kafka

# Few are looked at with a record, and a kill in the midst of the walk.
SLOW = """
import os, sys
from dataflows.engine import list_refresher
list_refresher.LOOKS_PER_LIST = list_refresher.AT_A_CHANGE = 1
work, left = list_refresher.ListRefresher.work, [int(sys.argv[2])]
def slow(self, *given, **more):
    outs = work(self, *given, **more)
    left[0] -= bool(len(self))
    if left[0] == 0:
        os.kill(os.getpid(), 9)
    return outs
list_refresher.ListRefresher.work = slow
"""
NEVER = "1000000"


def shown(message: dict) -> list[str]:
    return [place["item_id"] for place in message["items"]]


def most_shown(lists: dict[bytes, dict]) -> str:
    items = [item for message in lists.values() for item in shown(message)]
    return max(sorted(set(items)), key=items.count)


def test_a_removal_alone_gives_everybody_who_was_offered_the_item_a_fresh_list(broker, penchant):
    names = broker.names()
    fill(broker, names, shopping(60))
    process = penchant(broker, names)
    process.start()
    process.await_learnt(60)
    users = {json.loads(event)["user_id"].encode() for event in shopping(60)}
    until(lambda: set(last_lists(broker, names.recommendations)) == users, "the lists")
    before = last_lists(broker, names.recommendations)
    gone = most_shown(before)
    held = {user for user, message in before.items() if gone in shown(message)}
    assert len(held) > 3
    broker.produce(names.items, [None], key=gone.encode())

    def are_fresh() -> bool:
        now = last_lists(broker, names.recommendations)
        return {user for user, message in now.items() if "refreshed" in message} == held

    until(are_fresh, "a fresh list for each of them")
    assert process.stop() == 0, process.said
    after = last_lists(broker, names.recommendations)
    for user in held:
        message = after[user]
        assert gone not in shown(message)
        assert message["refreshed"] == {
            "why": "removed",
            "item_id": gone,
            "position": {"partition": f"{names.items}-0", "offset": 40},
        }
        assert message["position"] == before[user]["position"]
        assert message["sequence"] >= before[user]["sequence"]
    assert {user: after[user] for user in users - held} == {
        user: before[user] for user in users - held
    }
    assert f"{len(held)} made anew for changed items" in process.said


@pytest.mark.slow
def test_killed_while_lists_are_looked_through_it_ends_as_one_that_was_not(broker, penchant):
    found = []
    for word, kills in (("unbroken", ()), ("broken", (3, 4, 2))):
        names = broker.names()
        fill(broker, names, shopping(60))
        process = penchant(broker, names, word, batch_size=1000 if not kills else 7)
        text = process.config.read_text()
        process.config.write_text(text.replace("[state]\n", "[state]\nrefresh_per_record = 1\n"))
        process.start("-c", SLOW + RUN, str(process.config), NEVER)
        process.await_learnt(60)
        assert process.stop() == 0, process.said  # what is learnt is sent by then
        gone = most_shown(last_lists(broker, names.recommendations))
        process.start("-c", SLOW + RUN, str(process.config), NEVER)
        broker.produce(names.items, [None], key=gone.encode())
        until(lambda: broker.committed(names.group, names.items) == [41], "the removal")  # noqa: B023
        assert process.stop() == 0, process.said
        view = Store.reader(process.folder / "state")
        assert len(list(view.scan("refresh:item"))) == 1, "there is more to look through"
        view.close()
        broker.produce(names.events, shopping(120)[60:])
        for kill in kills:
            process.start("-c", SLOW + RUN, str(process.config), str(kill))
            assert process.await_end() == -9, process.said
        process.start("-c", SLOW + RUN, str(process.config), NEVER)
        process.await_learnt(120)
        assert process.stop() == 0, process.said
        last: dict[bytes, dict] = {}
        for key, value in broker.read(names.recommendations):
            message = json.loads(value.replace(names.events.encode(), b"events"))
            del message["time"]
            if message["sequence"] >= last.get(key, message)["sequence"]:
                last[key] = message
        found.append(last)
        sent = [json.loads(value) for _, value in broker.read(names.recommendations)]
        assert any("refreshed" in message for message in sent)
    assert found[0] == found[1]
