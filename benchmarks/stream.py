"""Kafka to Kafka: how long from an event in to its list out, and how many events a second.

A broker (the one named in PENCHANT_TEST_BROKERS, else a node of Apache Kafka that is started
for this where Java and Maven are there, else the small broker of the quick tests; what it is
stands in the first line), `penchant run` as a process of its own with the packaged encoder, and
a simulated shop. In turn:

  fill        the catalogue and a first part of the events, so that model and cache are warm
  steady      events at a fixed rate, all of whose texts are in the encoder's cache
  fresh       the same for a third of the time, each event with a text that was never seen; where
              the encoder cannot keep up with the rate, this is the latency of a growing backlog
  throughput  a backlog of warm events, worked off as fast as it goes

The latency of an event is from the call that produces it to the moment when this process
has in hand the list that is as of that event. Events whose list did not change, or which
were overtaken by the same user's next event in one micro-batch, have no list and are left out.

    python -m benchmarks.stream [--encoder packaged] [--rate 200] [--seconds 30] [--json OUT]

With `--partitions N` each user's events go to one of N partitions. With `--checkout DIR` the
process is the one of another checkout, so that before and after are measured in turn by the
same means (on the same broker, where PENCHANT_TEST_BROKERS names one).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.topics import create_topics
from dataflows.datasets.shop.shop import Shop
from tests.dataflows.connectors.kafka.apache import Cluster
from tests.dataflows.connectors.kafka.broker import NAMED, QUIET, Broker, free_ports, running
from tests.dataflows.connectors.kafka.jars import MissingError, jars, version

GIVEN, APACHE, SMALL = "given", "apache", "small"
GOAL_P50, GOAL_P95 = 30.0, 80.0
SETTLE = 2.0
NEAR = 50
"""Events at the end of a partition that may be without a list for good."""
WORDS = 5000
"""Fresh texts are eight words out of so many."""
CHECKOUT = Path(__file__).resolve().parents[1]

Place = tuple[str, int]
"""A partition's name and an offset in it."""


class Position(msgspec.Struct):
    partition: str
    offset: int


class Listed(msgspec.Struct):
    position: Position


class Lists:
    """Reads the lists in a thread: place of the input -> when its list was in hand."""

    def __init__(self, kafka: KafkaSettings, wait: int) -> None:
        self.at: dict[Place, float] = {}
        self.ends: dict[str, int] = {}
        options = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "bench"}
        options |= {"fetch.wait.max.ms": wait, "enable.auto.commit": False}
        self._consumer = Consumer(options | QUIET)
        self._consumer.assign(
            [
                TopicPartition(kafka.recommendations_topic, number, OFFSET_BEGINNING)
                for number in range(kafka.partitions)
            ]
        )
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        decoder = msgspec.json.Decoder(Listed)
        while not self._end.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error():
                continue
            now = time.perf_counter()
            at = decoder.decode(message.value()).position
            self.at.setdefault((at.partition, at.offset), now)
            self.ends[at.partition] = max(self.ends.get(at.partition, 0), at.offset + 1)

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._consumer.close()


class Bench:
    """Broker, topics, process, and what was measured."""

    def __init__(
        self, broker: Broker, folder: Path, options: argparse.Namespace, wait: int
    ) -> None:
        stamp = format(time.time_ns(), "x")
        roles = ("events", "items", "recommendations", "intents", "dead_letters")
        self.kafka = KafkaSettings(
            bootstrap_servers=broker.servers,
            group_id=f"bench-{stamp}",
            partitions=options.partitions,
            **{f"{role}_topic": f"bench-{stamp}-{role}" for role in roles},
        )
        create_topics(self.kafka)
        self.lists = Lists(self.kafka, wait)
        self._ends = [0] * options.partitions
        self._checkout = options.checkout
        self._producer = Producer(
            {"bootstrap.servers": broker.servers, "linger.ms": 0}
            | {"queue.buffering.max.messages": 1_000_000}
            | QUIET
        )
        self._folder = folder
        self._config = folder / "penchant.toml"
        self._config.write_text(self._toml(options.encoder, wait))

    def _toml(self, encoder: str, wait: int) -> str:
        names = ("bootstrap_servers", "group_id", "events_topic", "items_topic")
        names += ("recommendations_topic", "intents_topic", "dead_letters_topic")
        return "\n".join(
            [
                "[flow]\nsource = 'kafka'",
                f"[encoder]\nname = '{encoder}'",
                f"[state]\npath = '{self._folder / 'state'}'",
                "[kafka]",
                *(f"{name} = '{getattr(self.kafka, name)}'" for name in names),
                f"[kafka.consumer]\n'fetch.wait.max.ms' = {wait}",
            ]
        )

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "dataflows.cli.main", "run", "--config", str(self._config)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        environment["PYTHONPATH"] = str(self._checkout)
        process = subprocess.Popen(command, env=environment, cwd=self._checkout)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
            process.wait(10)
        if process.returncode:
            sys.exit(f"penchant run ended with status {process.returncode}")

    def put_items(self, items: Sequence[dict[str, Any]]) -> None:
        for item in items:
            value = msgspec.json.encode(item)
            self._producer.produce(self.kafka.items_topic, value, item["item_id"].encode())
        self._producer.flush(60)

    def put(
        self, events: Sequence[dict[str, Any]], rate: float | None = None
    ) -> dict[Place, float]:
        """Produce events, at a rate or at once; return place -> when it was produced."""
        began, times, topic = time.perf_counter(), {}, self.kafka.events_topic
        for number, event in enumerate(events):
            value, key = msgspec.json.encode(event), event["user_id"].encode()
            partition = zlib.crc32(key) % len(self._ends)
            place = (f"{topic}-{partition}", self._ends[partition])
            if rate is not None:
                time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            times[place] = time.perf_counter()
            self._producer.produce(topic, value, key, partition=partition)
            self._producer.poll(0)
            self._ends[partition] += 1
        self._producer.flush(60)
        return times

    def await_end(self, process: subprocess.Popen[bytes], seconds: float, quiet: float) -> None:
        """Wait until the lists have come to the end of what was produced, or stand still there."""
        deadline, moved, last = time.monotonic() + seconds, time.monotonic(), [-1]
        while time.monotonic() < deadline:
            if process.poll() is not None:
                sys.exit(f"penchant run ended with status {process.returncode}")
            behind = self._behind()
            if behind != last:
                last, moved = behind, time.monotonic()
            is_near = max(behind) < NEAR
            if not any(behind) or (is_near and time.monotonic() - moved > quiet):
                return
            time.sleep(0.01)
        sys.exit(
            f"{sum(last)} of {sum(self._ends)} events are after the last with a list "
            f"after {seconds:g} s"
        )

    def _behind(self) -> list[int]:
        """By partition, how many events come after the last one that has a list."""
        name = self.kafka.events_topic
        return [
            end - self.lists.ends.get(f"{name}-{number}", 0)
            for number, end in enumerate(self._ends)
        ]

    def latencies(self, times: dict[Place, float]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """In milliseconds, of the events that have a list of their own."""
        found = self.lists.at
        return np.array([1e3 * (found[p] - at) for p, at in times.items() if p in found])


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """CPU time of the process so far, all threads; NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def counted(
    process: subprocess.Popen[bytes], name: str, events: int, figures: dict[str, Any]
) -> Iterator[None]:
    """Add the CPU time per event, which says more than the clock on a busy machine; print all."""
    began = cpu_seconds(process)
    yield
    figures["cpu_ms_per_event"] = round(1e3 * (cpu_seconds(process) - began) / events, 2)
    figures["load"] = round(os.getloadavg()[0], 1)
    unit = " (ms, event in to list out)" if "p50" in figures else ""
    print(f"{name:<11}", ", ".join(f"{k} {v}" for k, v in figures.items()), unit, flush=True)


def warm_events(
    seen: Sequence[dict[str, Any]], count: int, clock: Callable[[], float], dice: random.Random
) -> list[dict[str, Any]]:
    """Events like those seen (so no text is new), by users drawn anew, with new ids and times."""
    users = sorted({event["user_id"] for event in seen})
    return [
        dice.choice(seen)
        | {
            "event_id": f"warm-{dice.getrandbits(64):x}",
            "user_id": dice.choice(users),
            "session_id": None,
            "ts": clock(),
        }
        for _ in range(count)
    ]


def fresh_events(events: Sequence[dict[str, Any]], dice: random.Random) -> list[dict[str, Any]]:
    def text() -> str:
        return " ".join(f"word{dice.randrange(WORDS)}" for _ in range(8))

    return [event | {"text": text()} for event in events]


def clock_from(events: Sequence[dict[str, Any]]) -> Callable[[], float]:
    """Times in the events' own unit, going on a second apiece after the last."""
    now = [max(float(event["ts"]) for event in events)]

    def tick() -> float:
        now[0] += 1.0
        return now[0]

    return tick


def summary(latencies: np.ndarray[Any, np.dtype[np.float64]], sent: int) -> dict[str, float]:
    quantiles = np.percentile(latencies, [50, 95, 99])
    names = ("p50", "p95", "p99")
    figures = {name: round(float(q), 1) for name, q in zip(names, quantiles, strict=True)}
    return figures | {"events": sent, "with_list": len(latencies)}


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    shop, dice = Shop(seed=7, items=1000), random.Random(7)
    seen = list(shop.events(options.fill))
    tick = clock_from(seen)
    results: dict[str, Any] = {name: {} for name in ("fill", "steady", "fresh", "throughput")}
    bench.put_items(shop.items())
    with bench.process() as process:
        with counted(process, "fill", len(seen), results["fill"]):
            began = time.perf_counter()
            bench.put(seen)
            bench.await_end(process, options.limit, SETTLE)
            results["fill"]["seconds"] = round(time.perf_counter() - began, 1)
        bench.put(warm_events(seen, int(options.rate * 3), tick, dice), options.rate)
        time.sleep(SETTLE)
        for name in ("steady", "fresh"):
            count = int(options.rate * options.seconds)
            events = warm_events(seen, count if name == "steady" else count // 3, tick, dice)
            if name == "fresh":
                events = fresh_events(events, dice)
            with counted(process, name, len(events), results[name]):
                times = bench.put(events, options.rate)
                bench.await_end(process, options.limit, SETTLE)
                results[name] |= summary(bench.latencies(times), len(events))
        backlog = warm_events(seen, options.backlog, tick, dice)
        with counted(process, "throughput", len(backlog), results["throughput"]):
            began = time.perf_counter()
            bench.put(backlog)
            bench.await_end(process, options.limit, SETTLE)
            seconds = max(bench.lists.at.values()) - began
            results["throughput"]["events_per_second"] = round(len(backlog) / seconds)
    bench.lists.close()
    return results


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="packaged")
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the steady part")
    parser.add_argument("--fill", type=int, default=4000, help="events of the warm-up")
    parser.add_argument("--backlog", type=int, default=10_000)
    parser.add_argument("--limit", type=float, default=200.0, help="seconds that a part may take")
    parser.add_argument("--wait", type=int, default=None, help="consumers' fetch.wait.max.ms")
    parser.add_argument("--partitions", type=int, default=1, help="of each topic")
    parser.add_argument(
        "--checkout",
        type=lambda text: Path(text).resolve(),
        default=CHECKOUT,
        help="where the process that is measured comes from",
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.partitions < 1:
        parser.error("--partitions: at least 1")
    if not (options.checkout / "dataflows" / "cli.py").is_file():
        parser.error(f"--checkout: no checkout of penchant in {options.checkout}")
    return options


def main() -> None:
    options = parsed()
    kind, what = chosen()
    # The small broker answers a waiting fetch only when its wait is over.
    wait = options.wait or (5 if kind == SMALL else 500)
    print(
        f"{options.encoder} encoder, {options.rate:g} events/s, partitions {options.partitions}, "
        f"{what}, fetch.wait.max.ms {wait}, "
        f"{'' if options.checkout == CHECKOUT else f'the process of {options.checkout}, '}"
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs, "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder, at_broker(kind, Path(folder)) as broker:
        results = measure(Bench(broker, Path(folder), options, wait), options)
    steady = results["steady"]
    is_met = steady["p50"] <= GOAL_P50 and steady["p95"] <= GOAL_P95
    print(
        f"goal: p50 <= {GOAL_P50:g} ms and p95 <= {GOAL_P95:g} ms: {'met' if is_met else 'MISSED'}"
    )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


def chosen() -> tuple[str, str]:
    """Which kind of broker it is to be, and in words for the reader."""
    named = os.environ.get(NAMED)
    if named:
        return GIVEN, f"the broker {named}"
    try:
        jars()
    except MissingError as error:
        return SMALL, f"the small broker of the tests ({error} in {NAMED})"
    return APACHE, f"Apache Kafka {version()}, one node"


@contextmanager
def at_broker(kind: str, folder: Path) -> Iterator[Broker]:
    if kind == GIVEN:
        yield Broker(os.environ[NAMED], None)
    elif kind == APACHE:
        with Cluster(folder / "kafka") as cluster:
            yield cluster.broker
    else:
        port = free_ports(1)[0]
        with running(folder, port, port) as own:
            yield own


if __name__ == "__main__":
    main()
