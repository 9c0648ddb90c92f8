"""The whole engine as a process of its own beside a broker, and what it is fed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from dataflows.state.ledger import Ledger
from dataflows.state.store import Store
from tests.dataflows.connectors.kafka.broker import WAIT
from tests.dataflows.connectors.kafka.flows import PATIENCE, until
from tests.dataflows.stored import stored_ledger

RUN = """
import sys
from pathlib import Path
from dataflows.config.config import load_config
from dataflows.lifecycle.exit_status import run_to_status
from dataflows.lifecycle.leave import end
from dataflows.app.run import run
end(run_to_status(lambda: run(load_config(Path(sys.argv[1]))) and 0))
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

    def configure(self, producer=None, epoch=0.1, encoder="hashing-32", more="", **kafka):
        names = self._names
        settings = {
            "bootstrap_servers": self._broker.servers,
            "group_id": names.group,
            "events_topic": names.events,
            "items_topic": names.items,
            "recommendations_topic": names.recommendations,
            "intents_topic": names.intents,
            "dead_letters_topic": names.dead_letters,
            "decisions_topic": names.decisions,
            # No more than limits: an election, or a last delivery, may take that long.
            "start_seconds": PATIENCE,
            "flush_seconds": PATIENCE,
        } | kafka
        lines = [
            "[flow]\nsource = 'kafka'",
            f"epoch_seconds = {epoch}",
            f"[state]\npath = '{self.folder / 'state'}'",
            f"[encoder]\nname = '{encoder}'\ndisk_texts = 0",
            "[kafka]",
            *(f"{name} = {json.dumps(value)}" for name, value in settings.items()),
            f"[kafka.consumer]\n'fetch.wait.max.ms' = {WAIT}",
            "[kafka.producer]",
            *(f"'{name}' = {json.dumps(value)}" for name, value in (producer or {}).items()),
            more,
        ]
        self.config.write_text("\n".join(lines))

    def start(self, *command, **environment):
        with (self.folder / "stderr.txt").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, *(command or ("-c", RUN, str(self.config)))],
                stderr=log,
                env=os.environ | environment,
                cwd=Path(__file__).resolve().parents[4],
            )

    def stop(self) -> int:
        """End it in order; return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self.await_end()

    def await_end(self) -> int:
        """The status with which it ends by itself, or after a signal."""
        return self._process.wait(2 * PATIENCE)

    def kill(self):
        self._process.kill()
        self._process.wait(60)

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

    def await_learnt(self, position: int):
        def has_come():
            assert self._process.poll() is None, self.said
            return self.learnt_to() >= position

        until(has_come, f"position {position}")

    def ledger(self) -> Ledger:
        return stored_ledger(self.folder / "state")


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
