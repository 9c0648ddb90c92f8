"""Lists that are sent again after a topic was made anew, by several shards, through kill -9."""

from __future__ import annotations

import json

import pytest

from dataflows.engine.publisher import KIND
from dataflows.state.last_sent import LastSent
from dataflows.state.outbox import Outbox
from dataflows.state.store import Store
from tests.dataflows.connectors.kafka.engine_process import RUN, START, fill, last_lists
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.connectors.kafka.test_kafka_made_anew import make_anew

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SHARDS = 3
USERS = 150
# Some at a time, and a kill in the midst of them.
KILLED = (
    """
import os, sys
from dataflows.engine import publisher
publisher.AT_ONCE = 10
take, left = publisher.ListsAgain.take, [int(sys.argv[2])]
def killed(self):
    users = take(self)
    left[0] -= bool(users)
    if left[0] == 0:
        os.kill(os.getpid(), 9)
    return users
publisher.ListsAgain.take = killed
"""
    + RUN
)


def event(number, user):
    fields = {"event_id": f"e{number}", "user_id": f"u{user}", "item_id": f"i{number % 40}"}
    return json.dumps(fields | {"type": "view", "ts": START + number}).encode()


def stored(process):
    """Whether lists are still to be sent again, and how many messages wait, over all shards."""
    waiting, messages = False, 0
    for shard in range(SHARDS):
        store = Store.reader(process.folder / "state", shard)
        outbox = Outbox(shard, SHARDS)
        outbox.restore(store.scan)
        messages += len(outbox.undelivered())
        waiting = waiting or store.get(KIND, "") is not None
        store.close()
    return waiting, messages


def position(process, partition):
    found = []
    for shard in range(SHARDS):
        store = Store.reader(process.folder / "state", shard)
        found.append(store is not None and store.get("position", partition) is not None)
        if store is not None:
            store.close()
    return all(found)


def served(process):
    """The last list that each user was sent, as the state knows it."""
    found = {}
    for shard in range(SHARDS):
        store = Store.reader(process.folder / "state", shard)
        last = LastSent(store.get)
        last.restore(store.scan)
        found |= {user.encode(): last.sure(user).ids for user in last.known(store.scan)}
        store.close()
    return found


def test_every_list_is_sent_though_it_was_killed_while_they_were(broker, penchant):
    names = broker.names()
    fill(broker, names, [event(number, number) for number in range(USERS)])
    process = penchant(broker, names)
    text = process.config.read_text()
    process.config.write_text(text.replace("[state]\n", f"[state]\nshards = {SHARDS}\n"))
    process.start()
    process.await_learnt(USERS)
    until(lambda: len(last_lists(broker, names.recommendations)) == USERS, "every list")
    assert process.stop() == 0, process.said
    before = last_lists(broker, names.recommendations)
    for topic in (names.events, names.recommendations):
        make_anew(broker, topic)
    text = process.config.read_text()
    process.config.write_text(text.replace("[kafka]\n", "[kafka]\nlost_log = 'anew'\n"))
    for kill in (1, 8, 14):  # of fifteen times that some are sent
        process.start("-c", KILLED, str(process.config), str(kill))
        assert process.await_end() == -9, process.said
    process.start()
    until(lambda: position(process, f"{names.events}-0#2"), "the new topic in each shard")
    until(lambda: stored(process) == (False, 0), "all of them delivered")
    assert process.stop() == 0, process.said
    after = last_lists(broker, names.recommendations)
    assert after.keys() == before.keys()
    known = served(process)
    for user, message in after.items():
        assert tuple(one["item_id"] for one in message["items"]) == known[user], "the last one"
        assert message["sequence"] >= before[user]["sequence"]
