"""The nodes of Apache Kafka that tests start: they come back with their data, and never stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.dataflows.connectors.kafka import jars as jars_module
from tests.dataflows.connectors.kafka.broker import QUIET
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.connectors.kafka.jars import ROOT, MissingError, jars

NODES = [pytest.mark.kafka, pytest.mark.apache, pytest.mark.slow]

STARTER = """
import sys, time
from pathlib import Path
from tests.dataflows.connectors.kafka.apache import Cluster
with Cluster(Path(sys.argv[1])) as cluster:
    print(cluster.nodes[0].process.pid, flush=True)
    time.sleep(600)
"""


def apache(test):
    for mark in NODES:
        test = mark(test)
    return test


@apache
def test_a_killed_node_comes_back_with_what_it_had(one_node):
    broker, (node,) = one_node.broker, one_node.nodes
    topic = broker.create(broker.name("events"))
    broker.produce(topic, [b"one", b"two"])
    node.kill()
    assert not node.is_running
    node.start()
    one_node.await_whole()
    broker.produce(topic, [b"three"])
    assert [value for _, value in broker.read(topic)] == [b"one", b"two", b"three"]


@apache
def test_a_user_sees_what_it_has_a_right_to_and_no_more(secured_node):
    broker = secured_node.broker
    topic = broker.create(broker.name("events"))
    options = {"bootstrap.servers": secured_node.secured_servers, **QUIET}
    client = AdminClient(options | secured_node.secured("good", "good"))
    assert topic not in client.list_topics(timeout=60).topics
    where = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:good", "*")
    right = AclBinding(*where, AclOperation.READ, AclPermissionType.ALLOW)
    for done in broker.admin.create_acls([right]).values():
        done.result(60)
    until(lambda: topic in client.list_topics(timeout=60).topics, "the right to read")


@apache
def test_nodes_end_with_who_started_them(tmp_path: Path):
    try:
        jars()
    except MissingError as error:
        pytest.skip(str(error))
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "kafka")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        assert starter.stdout is not None
        node = int(starter.stdout.readline())
        assert "kafka.Kafka" in Path(f"/proc/{node}/cmdline").read_text()
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.communicate(timeout=60)
    until(lambda: is_gone(node), "the node's end")


def is_gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([], "there is no `java`"),
        (["java 11.0.2", "keytool"], "`java` is older than 17"),
        (["java 17.0.1", "keytool"], "there is no `mvn`"),
        (["java 21", "keytool", "mvn"], "could not fetch it: [ERROR] no network"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path, monkeypatch, tools, said):
    for tool in tools:
        name, _, version = tool.partition(" ")
        told = (
            f"echo 'openjdk version \"{version}\"' >&2" if version else "echo '[ERROR] no network'"
        )
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{told}\n{'' if version else 'exit 1'}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(jars_module, "CACHE", tmp_path / "cache")
    with pytest.raises(MissingError) as raised:
        jars.__wrapped__()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
