"""docs/how-to/consumers.md: its consumer ends with every user's newest list, killed or not."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from tests.dataflows.connectors.kafka.engine_process import Penchant, catalogue, shopping
from tests.dataflows.connectors.kafka.flows import until
from tests.told import programs

pytestmark = pytest.mark.kafka


@pytest.fixture
def running(broker, tmp_path):
    names = broker.names()
    for key, value in catalogue():
        broker.produce(names.items, [value], key)
    broker.produce(names.events, shopping(120), b"k")
    penchant = Penchant(tmp_path / "run", broker, names)
    penchant.start()
    yield penchant, names
    penchant.kill()


class Reader:
    """The program of the page, on the topics of this test; what it printed, over all its lives."""

    def __init__(self, folder, broker, names):
        program = programs("how-to/consumers.md")[0]
        program = program.replace("localhost:9092", broker.servers)
        # A member that was killed is given up sooner than usual.
        grouped = f'"session.timeout.ms": 6000, "group.id": "{names.group}-front"'
        program = program.replace('"group.id": "shop-front"', grouped)
        self._program = program.replace('["recommendations"]', f'["{names.recommendations}"]')
        self._printed = folder / "printed.txt"
        self.start()

    def start(self):
        with self._printed.open("ab") as out:
            command = [sys.executable, "-c", self._program]
            self._process = subprocess.Popen(command, stdout=out, stderr=out)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def newest(self):
        """The last list that was printed of each user."""
        said = [line.partition(" ") for line in self._printed.read_text().splitlines()]
        return {user: ast.literal_eval(listed) for user, _, listed in said if listed.endswith("]")}


def test_a_consumer_has_every_users_newest_list_also_after_a_kill(running, broker, tmp_path):
    penchant, names = running

    def sent():
        messages = (json.loads(value) for _, value in broker.read(names.recommendations))
        return {one["user_id"]: [place["item_id"] for place in one["items"]] for one in messages}

    reader = Reader(tmp_path, broker, names)
    try:
        until(lambda: len(reader.newest()) > 1, "lists that are printed")
        reader.kill()
        broker.produce(names.events, shopping(160)[120:], b"k")
        reader.start()
        penchant.await_learnt(160)
        assert penchant.stop() == 0
        wanted = sent()
        assert len(wanted) == 12
        until(lambda: reader.newest() == wanted, "every newest list")
    finally:
        reader.kill()
