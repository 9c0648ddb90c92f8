"""Events that go on coming while brokers and processes die, and what became of them."""

from __future__ import annotations

import json
import random
import threading
import time
from pathlib import Path

import msgspec
from confluent_kafka import Producer

from dataflows.state.store import Store
from learners.codec import unpack_as, version_of
from learners.users.table import KIND
from learners.users.user import User
from tests.dataflows.connectors.kafka.broker import QUIET
from tests.dataflows.connectors.kafka.engine_process import START
from tests.dataflows.connectors.kafka.flows import PATIENCE

USERS = 40


def partition_of(made: dict[str, object], partitions: int) -> int:
    """The partition that a user's events go to."""
    return int(str(made["user_id"])[1:]) % partitions


def event(number: int, seed: int = 1) -> dict[str, object]:
    """The event of this number; always the same."""
    dice = random.Random(seed * 1_000_003 + number)
    user, item = dice.randrange(USERS), dice.randrange(40)
    fields = {"event_id": f"e{number}", "user_id": f"u{user}", "item_id": f"i{item}"}
    return fields | {"type": "view", "ts": START + number}


class Feeder:
    """Produces events at a rate until it is told to end, each once, whatever brokers do."""

    def __init__(self, servers: str, topic: str, partitions: int = 1, rate: float = 200.0) -> None:
        self.sent = 0
        self.each = [0] * partitions
        self._topic, self._rate = topic, rate
        # What waits for a leader is kept in order, and given up by nobody.
        options = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": 0}
        self._producer = Producer({"bootstrap.servers": servers, **options, **QUIET})
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._end.is_set():
            if self.sent > (time.monotonic() - began) * self._rate:
                self._producer.poll(0.005)
                continue
            self._put()

    def _put(self) -> None:
        made = event(self.sent)
        partition = partition_of(made, len(self.each))
        value, key = json.dumps(made).encode(), str(made["user_id"]).encode()
        self._producer.produce(self._topic, value, key, partition)
        self.each[partition] += 1
        self.sent += 1

    def end(self) -> int:
        """Stop, and wait until brokers have all of it; how many events there are."""
        self.stop()
        assert self._producer.flush(PATIENCE) == 0
        return self.sent

    def stop(self) -> None:
        """Put no more, and wait for nothing."""
        self._end.set()
        self._thread.join()


def put(broker, topic: str, numbers: range, partitions: int = 1) -> None:
    """The events of these numbers, at once, as a feeder would put them."""
    writer = Producer({"bootstrap.servers": broker.servers, "enable.idempotence": True, **QUIET})
    for number in numbers:
        made = event(number)
        value, key = json.dumps(made).encode(), str(made["user_id"]).encode()
        writer.produce(topic, value, key, partition_of(made, partitions))
        writer.poll(0)
    assert writer.flush(PATIENCE) == 0


def numbers_of(count: int, partitions: int) -> list[list[int]]:
    """The numbers of the first `count` events, by partition and offset."""
    found: list[list[int]] = [[] for _ in range(partitions)]
    for number in range(count):
        found[partition_of(event(number), partitions)].append(number)
    return found


def numbers_in(broker, topic: str, partitions: int) -> list[list[int]]:
    """The numbers of the events that a topic has, by partition and offset.

    A producer that lost its broker may have put one again that the broker had.
    """
    found: list[list[int]] = [[] for _ in range(partitions)]
    for _, value in broker.read(topic):
        made = json.loads(value)
        found[partition_of(made, partitions)].append(int(made["event_id"][1:]))
    return found


def records(folder: Path, names, apart: tuple[str, ...] = ()) -> dict[object, bytes]:
    """All that a state holds, without these kinds, and with its topics' own names taken out."""
    store = Store.reader(folder / "state")
    assert store is not None

    def plain(text: str) -> str:
        return text.replace(names.events, "events").replace(names.items, "items")

    found = {
        (kind, plain(key)): bytes(blob).replace(names.events.encode(), b"events")
        for kind in store.kinds()
        if kind not in apart
        for key, blob in store.scan(kind)
    }
    store.close()
    return found


def learnt(folder: Path, topic: str, partitions: int) -> int:
    """How many records of a topic the stored state is past."""
    store = Store.reader(folder / "state")
    if store is None:
        return 0
    blobs = [store.get("position", f"{topic}-{number}") for number in range(partitions)]
    store.close()
    return sum(msgspec.msgpack.decode(blob) for blob in blobs if blob is not None)


def learnt_order(broker, names) -> list[tuple[int, int]]:
    """Partition and offset of the events that lists or intents tell of, as they were learnt."""
    seen: dict[int, tuple[int, int]] = {}
    for topic in (names.recommendations, names.intents):
        for _, value in broker.read(topic):
            message = json.loads(value)
            place = message["position"]
            partition = int(place["partition"].rpartition("-")[2])
            seen[message["sequence"]] = (partition, place["offset"])
    return [seen[sequence] for sequence in sorted(seen)]


def histories(folder: Path) -> dict[str, tuple[int, list[float]]]:
    """Of each user: how many events were learnt, and the times of the newest in that order."""
    store = Store.reader(folder / "state")
    assert store is not None
    found = {}
    for user_id, blob in store.scan(KIND):
        user = unpack_as(blob, KIND, version_of(blob)[1], User)
        found[user_id] = (user.length, user.times[: user.kept].tolist())
    store.close()
    return found


def newest_lists(broker, topic: str) -> dict[bytes, dict]:
    """Each user's newest list, as a consumer finds it that drops what is older than it has."""
    newest: dict[bytes, dict] = {}
    for key, value in broker.read(topic):
        message = json.loads(value)
        del message["time"]
        if message["sequence"] >= newest.get(key, message)["sequence"]:
            newest[key] = message
    return newest
