"""How long the end of an epoch holds the flow: the longest stand-still around each end.

    python -m benchmarks.epoch_pause                          # 1,000 users, 200 and 2,000 a second
    python -m benchmarks.epoch_pause --users 1000000 --rates 200 2000 --epochs 8
    python -m benchmarks.epoch_pause --state FOLDER           # made once, used again
    python -m benchmarks.epoch_pause --at-once                # for comparison: written in the flow

One shard with the recommender of every day learns one event after the other, each on time, as the
flow does, with its state on disk; every second an epoch ends. Hold: the time in which the call that
ends the epoch keeps the flow. Pause: the longest time between an event's turn and its list, from
the end of an epoch to its transaction being in the file, less the median of all events. The state
is made first: so many users, of whom each has one event, are stored without being learnt one by
one. Vectors of texts are at hand (hashing).
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.item_store import Catalogue
from dataflows.engine.shard import Engine
from dataflows.messages.raw import Raw
from dataflows.state.records import Record
from dataflows.state.written_beside import WrittenBeside
from encoders.backends.hashing import HashingEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings

ITEMS, WARM, DIM = 2_000, 3_000, 64
GOAL_MS = 5.0
USER_KINDS = ("learner:user", "served:0")
AT_ONCE = 50_000
ENCODER = HashingEncoder(DIM)


def raw(topic: str, place: int, value: object) -> Raw:
    return Raw(topic, f"{topic}-0", place, place + 1, None, msgspec.json.encode(value))


class Bench:
    """One shard on a folder, and the simulated stream that it learns."""

    def __init__(self, folder: Path) -> None:
        self.store = WrittenBeside.open(folder, 1, 0, {})
        settings = LearnerSettings(dim=DIM)
        self.engine = Engine(
            self.store,
            OnlineModel(settings, self.store.get),
            Cleaner(CleanSettings()),
            InForce(ENCODER.version, "1"),
        )
        self.encode = EncodeStep(ENCODER, EventSettings(), Catalogue(self.store, ENCODER.version))
        self.place = self.engine.positions.get("events-0", 0)
        self.chance = random.Random(self.place)

    def catalogue(self) -> None:
        words = random.Random(1)
        for number in range(ITEMS):
            title = " ".join(f"w{words.randrange(400)}" for _ in range(5))
            self.learn(raw("items", number, {"item_id": f"i{number}", "title": title}))

    def event(self, users: int) -> Raw:
        user, item = self.chance.randrange(users), int(ITEMS * self.chance.random() ** 2)
        fields = {"event_id": f"e{self.place}", "user_id": f"u{user}", "item_id": f"i{item}"}
        made = raw(
            "events", self.place, {**fields, "type": "view", "ts": 1.7e9 + self.place * 0.05}
        )
        self.place += 1
        return made

    def learn(self, one: Raw) -> None:
        for _, batch in self.encode([one]):
            for out in self.engine.process(batch):
                self.engine.outbox.acknowledge(out.number)


def make_state(folder: Path, users: int) -> None:
    """Learn a first part of the stream, and give all other users a copy of a user's records."""
    bench = Bench(folder)
    bench.catalogue()
    for _ in range(WARM):
        bench.learn(bench.event(min(users, 1_000)))
    bench.engine.commit()
    store = bench.store
    samples = [
        (kind, [blob for _, blob in store.scan(kind)][:500])
        for kind in store.store.kinds()
        if kind in USER_KINDS
    ]
    for start in range(1_000, users, AT_ONCE):
        copies: list[Record] = [
            (kind, f"u{user}", blobs[user % len(blobs)])
            for kind, blobs in samples
            for user in range(start, min(users, start + AT_ONCE))
        ]
        store.commit(copies)
    bench.engine.close()


def measure(
    bench: Bench, users: int, rate: float, epochs: int, *, at_once: bool
) -> dict[str, float]:
    """Learn at a rate, each event on time; return times in milliseconds."""
    delays: list[tuple[float, float]] = []
    ends: list[tuple[float, float, float]] = []
    hold_cpu: list[float] = []
    began = time.perf_counter()
    cpu = time.process_time()
    end_at, number = began + 1.0, 0
    while len(ends) < epochs:
        due = began + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        one = bench.event(users)
        bench.learn(one)
        now = time.perf_counter()
        delays.append((now, now - due))
        number += 1
        if now >= end_at:
            began_cpu = time.thread_time()
            bench.engine.commit(beside=not at_once)
            hold_cpu.append(time.thread_time() - began_cpu)
            after = time.perf_counter()
            ends.append((now, after, after - now))
            end_at = max(end_at + 1.0, after)
    bench.store.settle()
    usual = statistics.median(delay for _, delay in delays)
    longest = [
        max((delay for at, delay in delays if start <= at <= after + 0.3), default=0.0) - usual
        for start, after, _ in ends[:-1]
    ]
    holds = sorted(hold for _, _, hold in ends)
    return {
        "rate": rate,
        "learnt": number / (time.perf_counter() - began),
        "cpu_ms_an_event": (time.process_time() - cpu) / number * 1000,
        "usual": usual * 1000,
        "hold_p50": statistics.median(holds) * 1000,
        "hold_cpu_p50": statistics.median(hold_cpu) * 1000,
        "hold_most": holds[-1] * 1000,
        "pause_p50": statistics.median(longest) * 1000,
        "pause_most": max(longest) * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--rates", type=float, nargs="+", default=[200.0, 2_000.0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--state", type=Path, help="folder of a state that was made before")
    parser.add_argument("--at-once", action="store_true", help="write no epoch beside the flow")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        made = given.state or Path(temporary) / "made"
        if not made.exists():
            make_state(made, given.users)
        for rate in given.rates:
            folder = Path(temporary) / f"at-{rate:g}"
            shutil.copytree(made, folder)
            bench = Bench(folder)
            with closing(bench.engine):
                for _ in range(200):
                    bench.learn(bench.event(given.users))
                bench.engine.commit()
                told = measure(bench, given.users, rate, given.epochs, at_once=given.at_once)
            shutil.rmtree(folder)
            print(
                f"{given.users:,} users, {rate:g}/s ({told['learnt']:.0f}/s learnt, "
                f"{told['cpu_ms_an_event']:.2f} ms of CPU an event): hold p50 "
                f"{told['hold_p50']:.1f} ms ({told['hold_cpu_p50']:.1f} of CPU), "
                f"most {told['hold_most']:.1f}; pause p50 "
                f"{told['pause_p50']:.1f} ms, most {told['pause_most']:.1f} "
                f"(wanted {GOAL_MS:g})",
                flush=True,
            )


if __name__ == "__main__":
    main()
