"""A process without its flow: the encode step, the shards and the swapper, fed by the test."""

from __future__ import annotations

import json
import time
from functools import partial
from itertools import count
from pathlib import Path

import msgspec

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import InForce, newest_in_force
from dataflows.engine.item_store import Catalogue
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.engine.shards import Engines
from dataflows.errors import ModelError
from dataflows.hotswap.load import Serving
from dataflows.hotswap.swapper import Swapper
from dataflows.messages.raw import Raw
from dataflows.registry.manifest import Promotion
from dataflows.state.outbox import RECOMMENDATIONS
from dataflows.state.store import Store
from encoders.cache.cached import CachedEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from tests.dataflows.hotswap.conftest import DIM, Seeded

ITEMS = 40
PATIENCE = 120.0
SMALL = LearnerSettings(dim=DIM, hidden=8, neighbours=16, similar=8, recent=8, window=8)


class Promotions:
    """A registry that promotes what the test says."""

    def __init__(self) -> None:
        self.new: list[Promotion] = []
        self.sequence = count()

    def promote(self, version: str, kind: str = "encoder") -> int:
        number = next(self.sequence)
        self.new.append(
            Promotion(
                sequence=number,
                kind=kind,
                version=version,
                previous="",
                action="promote",
                reason="asked",
                time=0.0,
            )
        )
        return number

    def poll(self):
        new, self.new = self.new, []
        return new

    def close(self) -> None:
        """Nothing to let go of."""


class Live:
    """One run on a state folder. `encoders` are by version, "" the configured one."""

    def __init__(self, folder: Path, encoders=None, shards=1, watch=None, clock=lambda: 1.7e9):
        self.encoders = encoders or {"": Seeded(0), "v1": Seeded(1), "v2": Seeded(2)}
        self.watch = watch or Promotions()
        base = self.encoders[""]
        stored = newest_in_force(folder, shards)
        force = stored or InForce(base.version, "1", base_encoder=base.version)
        cached = CachedEncoder(self.load(force.version), 10_000, folder / "cache.db", 100_000)
        self.serving = Serving(cached, force)
        self.swapper = Swapper(self.serving, self.watch, self.load, partial(Store.reader, folder))

        def make(shard):
            store = Store.open(folder, shards, shard)
            return Engine(
                store,
                OnlineModel(SMALL, store.get),
                Cleaner(CleanSettings()),
                self.serving.in_force,
                ShardParts(
                    shard=shard,
                    shards=shards,
                    encoder=self.serving.encoder,
                    reencodings=self.swapper.reencodings,
                    clock=clock,
                ),
            )

        self.engines = self.swapper.engines = Engines(make, shards)
        self.engines.open_all()
        self.encode = EncodeStep(
            cached,
            EventSettings(),
            Catalogue(Store.reader(folder), cached.version),
            shards,
            turns=self.swapper,
        )
        self.outs = []
        self.touched = 0

    def load(self, version):
        found = self.encoders.get(version)
        if found is None:
            raise ModelError(f"there is no version {version!r}")
        if isinstance(found, Exception):
            raise found
        if found.dim != DIM:
            raise ModelError(f"encoder {version} is refused: {found.dim} numbers, {DIM} are stored")
        return found

    def feed(self, raws) -> None:
        """Put one micro-batch through."""
        for _, batch in self.encode(raws):
            self.outs += self.engines[batch.shard].process(batch)

    def catalogue(self, items=ITEMS) -> None:
        self.feed([item(n) for n in range(items)])
        self.commit()

    def talk(self, numbers, size=5) -> None:
        numbers = list(numbers)
        for start in range(0, len(numbers), size):
            self.feed([event(n) for n in numbers[start : start + size]])

    def commit(self) -> None:
        for out in self.outs:
            self.engines.acknowledge(out.number)
        for engine in self.engines:
            engine.commit()

    def until_in_force(self, version: str, numbers, size=3) -> int:
        """Feed events until lists carry this version; return how many it took."""
        deadline, fed = time.monotonic() + PATIENCE, 0
        wanted = self.encoders[version].version
        while {e.space.in_force.encoder for e in self.engines} != {wanted} or (
            self.serving.encoder.version != wanted
        ):
            assert time.monotonic() < deadline, f"{version} did not come into force"
            self.talk([next(numbers) for _ in range(size)])
            fed += size
            self.commit()
            time.sleep(0.01)
        return fed

    def versions(self) -> list[str]:
        """The encoders that the lists carry, in their order."""
        return [
            msgspec.json.decode(out.value)["versions"]["encoder"]
            for out in self.outs
            if out.topic == RECOMMENDATIONS
        ]

    def close(self) -> None:
        self.swapper.finish()
        for out in self.outs:
            self.engines.acknowledge(out.number)
        self.engines.close()
        self.serving.close()

    def kill(self) -> None:
        """Leave as kill -9 does, but for the lock of the state, which the test needs again."""
        self.swapper.finish()
        for engine in self.engines:
            engine.store.close()
        self.serving.close()


def event(n: int, **more) -> Raw:
    fields = {
        "event_id": f"e{n}",
        "user_id": f"u{n * 7 % 11}",
        "item_id": f"i{n * 13 % ITEMS}",
        "type": "view",
        "ts": 1.7e9 + 20 * n,
        "text": f"word{n % 50}" if n % 3 else None,
        "intent": f"need{n % 2}" if n % 4 == 0 else None,
    }
    return Raw("events", "events-0", n, n + 1, None, json.dumps(fields | more).encode())


def item(n: int, title: str | None = None, place: int | None = None) -> Raw:
    fields = {
        "item_id": f"i{n}",
        "title": title or f"thing {n} of {n % 5}",
        "categories": [f"c{n % 5}"],
    }
    place = n if place is None else place
    return Raw("items", "items-0", place, place + 1, None, json.dumps(fields).encode())


def gone(n: int, place: int) -> Raw:
    return Raw("items", "items-0", place, place + 1, f"i{n}".encode(), None)
