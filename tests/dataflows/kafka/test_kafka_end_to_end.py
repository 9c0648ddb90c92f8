"""The whole engine, as a process of its own, between the topics of a broker."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from dataflows.config import load_config
from dataflows.failures import run_to_status
from dataflows.ledger import Ledger
from dataflows.run import run
from dataflows.store import Store
from tests.dataflows.kafka.flows import until

pytestmark = pytest.mark.kafka

RUN = """
import sys
from pathlib import Path
from dataflows.config import load_config
from dataflows.failures import run_to_status
from dataflows.run import run
sys.exit(run_to_status(lambda: run(load_config(Path(sys.argv[1]))) and 0))
"""
START = 1_700_000_000
WORDS = ["tent", "stove", "boots", "novel", "poems", "atlas", "drill", "paint"]


def catalogue() -> list[tuple[bytes, bytes]]:
    items = [
        {"item_id": f"i{n}", "title": f"{WORDS[n % 8]} {n}", "categories": [WORDS[n % 8]]}
        for n in range(40)
    ]
    return [(item["item_id"].encode(), json.dumps(item).encode()) for item in items]


def shopping(count: int, users: int = 12, seed: int = 1) -> list[bytes]:
    choose = random.Random(seed)
    return [
        json.dumps(
            {
                "event_id": f"e{n}",
                "user_id": f"u{choose.randrange(users)}",
                "item_id": f"i{choose.randrange(40)}",
                "type": "view",
                "ts": START + n,
            }
        ).encode()
        for n in range(count)
    ]


class Penchant:
    """The process, and what it says."""

    def __init__(self, folder: Path, broker, names, **kafka):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "penchant.toml"
        self._process: subprocess.Popen[str] | None = None
        self._broker, self._names = broker, names
        self.configure(**kafka)

    def configure(self, producer=None, epoch=0.1, **kafka):
        names = self._names
        settings = {
            "bootstrap_servers": self._broker.servers,
            "group_id": names.group,
            "events_topic": names.events,
            "items_topic": names.items,
            "recommendations_topic": names.recommendations,
            "intents_topic": names.intents,
            "dead_letters_topic": names.dead_letters,
        } | kafka
        lines = [
            "[flow]\nsource = 'kafka'",
            f"epoch_seconds = {epoch}",
            f"[state]\npath = '{self.folder / 'state'}'",
            "[encoder]\nname = 'hashing-32'\ndisk_texts = 0",
            "[kafka]",
            *(f"{name} = {json.dumps(value)}" for name, value in settings.items()),
            "[kafka.consumer]\n'fetch.wait.max.ms' = 10",
            "[kafka.producer]",
            *(f"'{name}' = {json.dumps(value)}" for name, value in (producer or {}).items()),
        ]
        self.config.write_text("\n".join(lines))

    def start(self, *command, **environment):
        with (self.folder / "stderr.txt").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, *(command or ("-c", RUN, str(self.config)))],
                stderr=log,
                env=os.environ | environment,
                cwd=Path(__file__).resolve().parents[3],
            )

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self):
        self._process.kill()
        self._process.wait(10)

    @property
    def said(self) -> str:
        return (self.folder / "stderr.txt").read_text()

    def learnt_to(self, partition: int = 0) -> int:
        """How far the stored state has come in the events topic."""
        store = Store.reader(self.folder / "state")
        if store is None:
            return 0
        blob = store.get("position", f"{self._names.events}-{partition}")
        store.close()
        return 0 if blob is None else msgspec.msgpack.decode(blob)

    def await_learnt(self, position: int, seconds: float = 30.0):
        def has_come():
            assert self._process.poll() is None, self.said
            return self.learnt_to() >= position

        until(has_come, seconds, f"position {position}")

    def ledger(self) -> Ledger:
        store = Store.reader(self.folder / "state")
        ledger = Ledger()
        ledger.restore(store.get, store.scan)
        store.close()
        return ledger


@pytest.fixture
def penchant(tmp_path):
    started = []

    def make(broker, names, word="one", **kafka):
        process = Penchant(tmp_path / word, broker, names, **kafka)
        started.append(process)
        return process

    yield make
    for process in started:
        if process._process is not None and process._process.poll() is None:
            process.kill()


def fill(broker, names, events):
    for key, value in catalogue():
        broker.produce(names.items, [value], key=key)
    broker.produce(names.events, events)


def last_lists(broker, topic) -> dict[bytes, dict]:
    """User to last message, without the time of day at which it was made."""
    last = {}
    for key, value in broker.read(topic):
        message = json.loads(value)
        del message["time"]
        assert message["sequence"] >= last.get(key, message)["sequence"]
        last[key] = message
    return last


def as_of_input(lists: dict[bytes, dict], names) -> dict[bytes, dict]:
    """The same with the topic's own name taken out, so that two runs can be compared."""
    return json.loads(
        json.dumps({key.decode(): message for key, message in sorted(lists.items())}).replace(
            names.events, "events"
        )
    )


def test_events_in_lists_out_dead_letters_and_offsets(broker, penchant):
    names = broker.names()
    good = shopping(120)
    bad = [b"\xff\xfe\x83", None, b"{broken", b'{"event_id": 1, "ts": NaN}']
    fill(broker, names, [*good[:60], *bad, *good[60:]])
    process = penchant(broker, names)
    process.start()
    process.await_learnt(124)
    assert process.stop() == 0, process.said
    users = {json.loads(event)["user_id"].encode() for event in good}
    lists = last_lists(broker, names.recommendations)
    assert set(lists) == users
    assert set(last_lists(broker, names.intents)) == users
    letters = {key: json.loads(value) for key, value in broker.read(names.dead_letters)}
    assert set(letters) == {f"{names.events}-0:{offset}".encode() for offset in range(60, 64)}
    assert {letter["topic"] for letter in letters.values()} == {names.events}
    assert letters[f"{names.events}-0:60".encode()]["reason"] == "not_utf8"
    assert letters[f"{names.events}-0:61".encode()]["reason"] == "null_value"
    assert broker.committed(names.group, names.events) == [124]
    assert broker.committed(names.group, names.items) == [40]
    ledger = process.ledger()
    ledger.balance()
    assert "Traceback" not in process.said


def test_bytewax_own_command_runs_and_stops_the_same_flow(broker, penchant):
    names = broker.names()
    fill(broker, names, shopping(30))
    process = penchant(broker, names)
    flow = "dataflows.flow:get_flow"
    process.start("-m", "bytewax.run", "-s", "1", flow, PENCHANT_CONFIG=str(process.config))
    process.await_learnt(30)
    assert process.stop() == 0, process.said
    users = {json.loads(event)["user_id"].encode() for event in shopping(30)}
    assert set(last_lists(broker, names.recommendations)) == users
    assert broker.committed(names.group, names.events) == [30]


def test_a_removed_item_is_in_no_later_list(broker, penchant):
    names = broker.names()
    fill(broker, names, shopping(60))
    process = penchant(broker, names)
    process.start()
    process.await_learnt(60)
    users = {json.loads(event)["user_id"].encode() for event in shopping(60)}
    until(lambda: set(last_lists(broker, names.recommendations)) == users, 10, "the lists")
    before = last_lists(broker, names.recommendations)
    shown = [place["item_id"] for message in before.values() for place in message["items"]]
    gone = max(set(shown), key=shown.count)
    broker.produce(names.items, [None], key=gone.encode())
    time.sleep(1.0)  # items and events are two topics: which comes first is not promised
    broker.produce(names.events, shopping(120)[60:])
    process.await_learnt(120)
    assert process.stop() == 0, process.said
    for message in last_lists(broker, names.recommendations).values():
        if message["position"]["offset"] >= 60:
            assert gone not in [place["item_id"] for place in message["items"]]
            assert len(message["items"]) == 10


def test_killed_at_several_points_it_ends_with_the_lists_of_an_unbroken_run(broker, penchant):
    events = shopping(450)
    unbroken_names, names = broker.names(), broker.names()
    unbroken = penchant(broker, unbroken_names, "unbroken")
    fill(broker, unbroken_names, events)
    unbroken.start()
    unbroken.await_learnt(450)
    assert unbroken.stop() == 0, unbroken.said
    broken = penchant(broker, names, "broken", batch_size=7)
    fill(broker, names, [])
    for part in range(2):
        broken.start()
        broker.produce(names.events, events[part * 200 : part * 200 + 200])
        broken.await_learnt(part * 200 + 60)
        broken.kill()
    broken.start()
    broker.produce(names.events, events[400:])
    broken.await_learnt(450)
    assert broken.stop() == 0, broken.said
    for role in ("recommendations", "intents"):
        expected = last_lists(broker, getattr(unbroken_names, role))
        found = last_lists_of_any_order(broker, getattr(names, role))
        assert as_of_input(found, names) == as_of_input(expected, unbroken_names)
    assert broken.ledger().as_dict() == renamed(unbroken.ledger(), unbroken_names, names)
    assert broker.committed(names.group, names.events) == [450]


def last_lists_of_any_order(broker, topic) -> dict[bytes, dict]:
    """As a consumer reads after a crash: what is older than what it has is dropped."""
    last: dict[bytes, dict] = {}
    for key, value in broker.read(topic):
        message = json.loads(value)
        del message["time"]
        if message["sequence"] >= last.get(key, message)["sequence"]:
            last[key] = message
    return last


def renamed(ledger: Ledger, old, new) -> dict:
    return json.loads(json.dumps(ledger.as_dict()).replace(old.events, new.events))


def test_lists_that_were_not_delivered_when_it_was_killed_are_sent_after_the_restart(
    broker, penchant
):
    names = broker.names()
    fill(broker, names, shopping(50))
    process = penchant(broker, names, producer={"linger.ms": 60_000})  # held back, then killed
    process.start()
    process.await_learnt(50)
    assert broker.read(names.recommendations) == []
    process.kill()
    process.configure()
    process.start()
    users = {json.loads(event)["user_id"].encode() for event in shopping(50)}
    until(lambda: set(last_lists(broker, names.recommendations)) == users, 20, "the lists")
    assert process.stop() == 0, process.said
    assert set(last_lists(broker, names.intents)) == users


def test_a_broker_that_is_not_there_ends_the_start_with_one_line(broker, penchant, capsys):
    process = penchant(broker, broker.names(), bootstrap_servers="127.0.0.1:1", start_seconds=1)
    assert run_to_status(lambda: run(load_config(process.config))) == 2
    said = capsys.readouterr().err
    assert "127.0.0.1:1 did not answer within 1 s" in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_the_engine_outlives_an_outage_of_30_s(cut_off, penchant):
    broker, proxy = cut_off
    names = broker.names()
    events = shopping(300)
    fill(broker, names, events[:150])
    process = penchant(broker, names)
    process.start()
    process.await_learnt(150)
    proxy.cut()
    time.sleep(30)
    proxy.heal()
    broker.produce(names.events, events[150:])
    process.await_learnt(300)
    assert process.stop() == 0, process.said
    assert "degraded" in process.said
    assert "good again" in process.said
    users = {json.loads(event)["user_id"].encode() for event in events}
    assert set(last_lists(broker, names.recommendations)) == users
    assert broker.committed(names.group, names.events) == [300]
