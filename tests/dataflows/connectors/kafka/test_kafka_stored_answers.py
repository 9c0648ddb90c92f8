"""A store that follows topics of a broker."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from dataflows.config.config import load_config
from dataflows.serve.api_types import ListRequest
from dataflows.serve.stored.input import topics as topics_module
from dataflows.serve.stored.open_answers import open_stored
from tests.dataflows.connectors.kafka.broker import WAIT, Broker
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.connectors.kafka.test_kafka_made_anew import make_anew
from tests.dataflows.processes import ROOT
from tests.dataflows.serve.stored.sent import intents, item, listed, narrative

pytestmark = pytest.mark.kafka
ROLES = ("items", "recommendations", "intents", "narratives")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(topics_module, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(topics_module, "ASK_AGAIN_SECONDS", 0.1)


class Topics:
    """Fresh topics at a broker, and the stores that follow them in `folder`."""

    def __init__(self, broker, folder, partitions=1, roles=ROLES):
        self.broker, self.partitions = broker, partitions
        self.names = {role: broker.name(role) for role in ROLES}
        for role in roles:
            broker.create(self.names[role], partitions)
        self.given = {
            "flow.source": "kafka",
            "kafka.bootstrap_servers": broker.servers,
            "kafka.degraded_seconds": 0.5,
            "kafka.consumer": {"fetch.wait.max.ms": WAIT},
            "serve.store": str(folder / "serve"),
        } | {f"kafka.{role}_topic": name for role, name in self.names.items()}
        self._opened = []

    def send(self, role, *messages, key=b"k", partition=0):
        self.broker.produce(self.names[role], list(messages), key, partition)

    def open(self):
        answers = open_stored(load_config(None, self.given, {}))
        self._opened.append(answers)
        answers.start()
        return answers

    def close(self):
        while self._opened:
            self._opened.pop().close()


@pytest.fixture
def topics_of(tmp_path):
    made = []

    def make(broker, **more):
        made.append(Topics(broker, tmp_path, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def listed_items(answers, user_id):
    kept = answers.recommend_stored(user_id)
    return kept and [place["item_id"] for place in json.loads(kept)["items"]]


def ready(answers):
    until(lambda: answers.readiness().is_ready, "readiness")


def test_topics_are_followed_and_after_a_restart_from_where_it_stood(broker, topics_of):
    topics = topics_of(broker, partitions=2)
    topics.send("items", item("a", "toys"), partition=1)
    topics.send("recommendations", listed("u1", ["a"], 1), listed("u1", ["b"], 3))
    topics.send("recommendations", listed("u2", ["c"], 1), partition=1)
    topics.send("intents", intents("u1", "buy"))
    topics.send("narratives", narrative("u1", "For you", 3))
    answers = topics.open()
    ready(answers)
    assert (listed_items(answers, "u1"), listed_items(answers, "u2")) == (["b"], ["c"])
    assert answers.item("a").categories == ("toys",)
    assert answers.intent("u1").intent == {"buy": 0.5}
    assert answers.recommend("u1", ListRequest(explain=True)).narrative.headline == "For you"
    topics.send("recommendations", listed("u1", ["x"], 2), listed("u2", ["d"], 2))
    until(lambda: listed_items(answers, "u2") == ["d"], "the newer list")
    assert listed_items(answers, "u1") == ["b"]
    assert answers.counts()["older"] == 1
    assert answers.readiness().checks["broker"] == "answers"
    topics.close()
    topics.send("recommendations", listed("u3", ["e"], 1))
    again = topics.open()
    ready(again)
    assert listed_items(again, "u1") == ["b"]
    assert listed_items(again, "u3") == ["e"]
    assert again.counts()["recommendations"] == 6  # none came twice
    assert again.following.taken == 1


FOLLOW = """
import json, sys, time
from dataflows.config.config import load_config
from dataflows.serve.stored.open_answers import open_stored

answers = open_stored(load_config(None, json.loads(sys.argv[1]), {}))
answers.start()
print("started", flush=True)
time.sleep(600)
"""


def stored(topics):
    """How many lists a process has taken into its store by now."""
    path = Path(topics.given["serve.store"]) / "worker-0" / "answers.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        try:
            query = "SELECT sum(count) FROM counts WHERE name = 'recommendations'"
            return connection.execute(query).fetchone()[0] or 0
        except sqlite3.OperationalError:
            return 0


def test_killed_while_it_follows_it_goes_on_where_it_stood(broker, topics_of):
    topics = topics_of(broker, partitions=2)
    newest, sequence = {}, 0
    for _ in range(2):
        before = stored(topics)
        process = subprocess.Popen(
            [sys.executable, "-c", FOLLOW, json.dumps(topics.given)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        try:
            assert process.stdout.readline() == b"started\n"
            for number in range(300):
                if number == 200:
                    until(lambda least=before: stored(topics) > least, "some of it")
                sequence += 1
                user = sequence % 20
                newest[f"u{user}"] = [f"i{sequence % 7}"]
                message = listed(f"u{user}", newest[f"u{user}"], sequence)
                topics.send("recommendations", message, partition=user % 2)
            process.kill()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    answers = topics.open()
    ready(answers)
    assert {user: listed_items(answers, user) for user in newest} == newest
    assert answers.counts() == {"recommendations": sequence}  # none twice, none left out
    assert answers.following.taken < sequence


def test_a_null_value_takes_out_a_user_and_an_item(broker, topics_of):
    topics = topics_of(broker)
    topics.send("items", item("a"), item("b"))
    topics.send("recommendations", listed("u1", ["a", "b"], 5), listed("u2", ["b"], 5))
    answers = topics.open()
    ready(answers)
    topics.send("recommendations", None, key=b"u1")
    topics.send("items", None, key=b"b")
    until(lambda: listed_items(answers, "u1") is None, "the removal of the user")
    until(lambda: listed_items(answers, "u2") == [], "the removal of the item")
    assert answers.popular(9, ()).items == ()
    topics.send("recommendations", listed("u1", ["a"], 1))
    until(lambda: listed_items(answers, "u1") == ["a"], "a list of who came back")
    assert [one.item_id for one in answers.popular(9, ()).items] == ["a"]


def test_topics_that_are_missing_are_told_and_read_once_they_are_there(broker, topics_of):
    topics = topics_of(broker, roles=("items", "recommendations"))
    topics.send("recommendations", listed("u1", ["a"], 1))
    answers = topics.open()
    until(lambda: listed_items(answers, "u1") == ["a"], "the list")
    found = answers.readiness()
    assert not found.is_ready
    assert "is not there; `penchant topics create`" in found.checks["intents"]
    broker.create(topics.names["intents"])
    topics.send("intents", intents("u1", "buy"))
    ready(answers)
    until(lambda: answers.intent("u1").is_known, "the intents")
    assert "is not there" in answers.readiness().checks["narratives"]  # which nobody waits for


def test_a_broker_that_is_away_leaves_what_is_stored_and_is_told(cut_off, topics_of):
    broker, proxy = cut_off
    topics = topics_of(broker)
    topics.send("recommendations", listed("u1", ["a"], 1))
    answers = topics.open()
    ready(answers)
    proxy.cut()
    until(lambda: answers.readiness().checks["broker"].startswith("away for"), "word of it")
    found = answers.readiness()
    assert found.is_ready
    assert found.age_seconds > 0
    assert listed_items(answers, "u1") == ["a"]
    assert answers.recommend("nobody", ListRequest()).source == "popular"
    topics.close()
    again = topics.open()  # without a broker: what is stored answers, and it is not ready
    until(lambda: "list_topics" not in again.readiness().checks["broker"], "a first try")
    assert listed_items(again, "u1") == ["a"]
    assert again.recommend("nobody", ListRequest()).source == "popular"
    found = again.readiness()
    assert not found.is_ready
    assert found.checks["broker"].startswith("away")
    proxy.heal()
    topics.send("recommendations", listed("u1", ["b"], 2))
    ready(again)
    until(lambda: listed_items(again, "u1") == ["b"], "what came meanwhile")


def test_an_outage_ends_by_itself(cut_off, topics_of):
    broker, proxy = cut_off
    topics = topics_of(broker)
    topics.send("recommendations", listed("u1", ["a"], 1))
    answers = topics.open()
    ready(answers)
    proxy.cut()
    until(lambda: answers.readiness().checks["broker"].startswith("away for"), "word of it")
    proxy.heal()
    topics.send("recommendations", listed("u1", ["b"], 2))
    until(lambda: listed_items(answers, "u1") == ["b"], "what came after")
    until(lambda: answers.readiness().checks["broker"] == "answers", "the end of it")
    assert answers.counts()["recommendations"] == 2


def test_a_topic_that_ends_before_the_position_is_read_anew(broker, topics_of, caplog):
    topics = topics_of(broker)
    topics.send("recommendations", listed("u1", ["a"], 9), listed("u2", ["b"], 9))
    answers = topics.open()
    ready(answers)
    topics.close()
    make_anew(broker, topics.names["recommendations"])
    topics.send("recommendations", listed("u1", ["c"], 1))
    again = topics.open()
    ready(again)
    assert (listed_items(again, "u1"), listed_items(again, "u2")) == (["c"], None)
    assert "is not the one that the store was made of" in caplog.text


@pytest.mark.apache
@pytest.mark.slow
@pytest.mark.parametrize("is_running", [True, False])
def test_a_topic_made_anew_makes_its_part_of_the_store_anew(
    one_node, topics_of, is_running, caplog
):
    broker = one_node.broker
    topics = topics_of(broker)
    topics.send("recommendations", listed("u1", ["a"], 9), listed("u2", ["b"], 9))
    topics.send("intents", intents("u1", "buy"))
    answers = topics.open()
    ready(answers)
    if not is_running:
        topics.close()
    make_anew(broker, topics.names["recommendations"])
    topics.send("recommendations", *(listed(f"v{n}", ["c"], 1) for n in range(5)))
    topics.send("recommendations", listed("u1", ["d"], 1))
    if not is_running:
        answers = topics.open()
    until(lambda: listed_items(answers, "u1") == ["d"], "the list of the new topic")
    assert listed_items(answers, "u2") is None
    assert "is not the one that the store was made of" in caplog.text
    assert answers.intent("u1").is_known
    assert {one.item_id: one.score for one in answers.popular(9, ()).items} == {"c": 5, "d": 1}


@pytest.mark.apache
@pytest.mark.slow
def test_a_node_that_is_killed_and_comes_back_after_a_minute(one_node, topics_of):
    broker = one_node.broker
    topics = topics_of(broker)
    topics.send("recommendations", listed("u1", ["a"], 1))
    answers = topics.open()
    ready(answers)
    one_node.nodes[0].kill()
    until(lambda: answers.readiness().checks["broker"].startswith("away for"), "word of it")
    gone_until = time.monotonic() + 60
    while time.monotonic() < gone_until:
        assert listed_items(answers, "u1") == ["a"]
        assert answers.readiness().is_ready
        time.sleep(1)
    one_node.nodes[0].start()
    topics.send("recommendations", listed("u1", ["b"], 2))
    until(lambda: listed_items(answers, "u1") == ["b"], "what came after")


@pytest.mark.apache
@pytest.mark.slow
def test_new_partitions_are_read_from_their_beginning(one_node, topics_of):
    broker = one_node.broker
    topics = topics_of(broker)
    topics.send("recommendations", listed("u1", ["a"], 1))
    answers = topics.open()
    ready(answers)
    name = topics.names["recommendations"]
    broker.admin.create_partitions([NewPartitions(name, 2)])[name].result(60)
    topics.broker = Broker(broker.servers, None)  # its own client knows of the old ones alone
    topics.send("recommendations", listed("u2", ["b"], 1), partition=1)
    until(lambda: listed_items(answers, "u2") == ["b"], "the list in the new partition")
    topics.send("recommendations", listed("u1", ["c"], 2))
    until(lambda: listed_items(answers, "u1") == ["c"], "what came after")
    assert answers.counts()["recommendations"] == 3
    assert answers.readiness().is_ready
