"""One core: events a second through decode, clean, learn, rank and list, and what memory it takes.

Each case is a process of its own, with one thread, and plays the flow that runs live, its
state in the embedded store on disk and no judge looking on. The clock starts at the first
event, when the catalogue is in. "Cached" cases have all vectors in the encoder's cache, so
it does not matter which encoder made them (hashing, 384 dimensions like the default's).

  cached    ml-100k (without it: the simulated shop), every text in the cache
  catalogue the same with 100,000 items in the catalogue
  fresh     the simulated shop with the packaged encoder and an empty cache
  reference all-time popularity over the same log: learn one, list ten

    python -m benchmarks.engine [--events 30000] [--batch-size 100] [--repeat 3] [--json OUT]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

import numpy as np

GOAL, GOAL_SHARE = 1500.0, 0.75
ML100K = Path(os.environ.get("PENCHANT_ML100K") or ".cache/ml-100k")
CATALOGUE = 100_000
CASES = ("cached", "catalogue", "fresh", "reference")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Alone:
    """Hangs on the learn step and looks at nothing but how far it is."""

    def __init__(self, pace, partition):
        self.pace, self.partition, self.positions, self.lists = pace, partition, {}, 0

    def before_learn(self, recommender, interaction, last_sent, *, is_refreshed):
        pass

    def before_label(self, recommender, late):
        pass

    def after_batch(self, recommender, outs):  # noqa: ARG002
        self.pace.arrive(self.positions.get(self.partition))
        self.lists += sum(out.topic == "recommendations" for out in outs)


def log_files(folder: Path, events: int, *, shop: bool) -> tuple[str, Path, Path]:
    """Write the log and its catalogue; return its name and the two files."""
    from dataflows.datasets.convert import convert
    from dataflows.datasets.shop.shop import Shop

    if not shop and (ML100K / "ml-100k.inter").is_file():
        convert("recbole", ML100K, folder)
        return "ml-100k", folder / "events.jsonl", folder / "items.jsonl"
    Shop(seed=0).write(folder, events)
    return "shop", folder / "events.jsonl", folder / "items.jsonl"


def more_items(path: Path, upto: int) -> Iterator[bytes]:
    """Return made-up items, so that the catalogue holds `upto`; nobody ever meets them."""
    have = sum(1 for _ in path.open("rb"))
    rng = np.random.default_rng(0)
    for number in range(max(0, upto - have)):
        words = " ".join(f"w{word}" for word in rng.integers(0, 5000, 6))
        yield json.dumps({"item_id": f"more-{number}", "title": words}).encode()


def play_case(case: str, events: int, batch_size: int) -> dict[str, object]:
    """Play one case and give its figures."""
    from dataflows.config.config import load_config
    from dataflows.engine.item_store import Catalogue
    from dataflows.evaluation.log_order import read_order
    from dataflows.evaluation.offline_flow import (
        NowhereSink,
        PlaySource,
        batched,
        catalogue_records,
        open_engine,
        play,
    )
    from dataflows.evaluation.timing import Pace
    from dataflows.messages.raw import Raw
    from dataflows.state.store import Store
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder

    config = load_config(None, {}, {})
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        name, log, items = log_files(folder, events, shop=case == "fresh")
        order = read_order(log, config.events, events)
        records = catalogue_records(items, config.events.max_record_bytes)
        if case == "catalogue":
            extra = enumerate(more_items(items, CATALOGUE))
            made = (Raw("items", "more", n, n + 1, None, line) for n, line in extra)
            records = chain(records, made)
        encoder = load_encoder("packaged" if case == "fresh" else "hashing-384")
        cached = CachedEncoder(encoder, 200_000)
        if case != "fresh":
            warm(cached, items, order, config)
        pace = Pace()
        alone = Alone(pace, log.name)
        with closing(Store.open(folder / "state")) as store:
            engine = open_engine(config, cached, alone, store)
            alone.positions = engine.positions
            before = memory_mb()
            # The catalogue first and by itself, so that storing it is not counted.
            titles = Catalogue(None, cached.version)
            for batches in (batched(records, 256), batched(order.records(), batch_size)):
                play(config, PlaySource(batches, pace), NowhereSink, engine, cached, titles)
            spent = pace.spent()
            engine.ledger.balance()
        latency = pace.latency_ms()
        return {
            "case": case,
            "log": name,
            "events": pace.records,
            "items": engine.counts["items_put"],
            "lists": alone.lists,
            "events_per_cpu_second": round(pace.records / spent.cpu, 1),
            "events_per_second": round(pace.records / spent.wall, 1),
            "latency_ms_p50": latency["p50"],
            "latency_ms_p99": latency["p99"],
            "texts_encoded": cached.counts.misses if case == "fresh" else 0,
            "memory_mb_before": before,
            "memory_mb": memory_mb(),
        }


def warm(cached, items: Path, order, config) -> None:
    """Encode every text once, by the very step that will ask for it."""
    from dataflows.engine.encode_step import EncodeStep
    from dataflows.engine.item_store import Catalogue
    from dataflows.evaluation.offline_flow import batched, catalogue_records

    step = EncodeStep(cached, config.events, Catalogue(None, cached.version))
    everything = chain(catalogue_records(items, config.events.max_record_bytes), order.records())
    for batch in batched(everything, 1000):
        step.encode(batch)


def popularity_case(events: int) -> dict[str, object]:
    """Decode, count and list the ten most popular, event by event."""
    from dataflows.config.config import load_config
    from dataflows.evaluation.log_order import read_order
    from dataflows.messages.events import EventRecord, decode_event

    config = load_config(None, {}, {})
    with tempfile.TemporaryDirectory() as held:
        name, log, _ = log_files(Path(held), events, shop=False)
        order = read_order(log, config.events, events)
        rows: dict[str, int] = {}
        counts = np.zeros(10_000)
        started = time.process_time()
        for raw in order.records():
            event = decode_event(raw, config.events)
            if isinstance(event, EventRecord) and event.item_id is not None:
                counts[rows.setdefault(event.item_id, len(rows))] += 1
                np.argpartition(counts[: len(rows)], -min(10, len(rows)))[-10:]
        cpu = time.process_time() - started
    return {
        "case": "reference",
        "log": name,
        "events": len(order),
        "events_per_cpu_second": round(len(order) / cpu, 1),
        "memory_mb": memory_mb(),
    }


def memory_mb() -> float:
    """Return the most memory that this process has had, in MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def run_alone(case: str, events: int, batch_size: int) -> dict[str, object]:
    """Run a case in a process of its own."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.engine", "--case", case),
            *("--events", str(events), "--batch-size", str(batch_size)),
        ],
        env=os.environ | dict.fromkeys(THREADS, "1"),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def describe(found: dict[str, object]) -> str:
    """Say a case in one line."""
    line = (
        f"{found['case']:<10} {found['log']:<8} {found['events']:>7,} events"
        f"  {found['events_per_cpu_second']:>9,} events/s of CPU  {found['memory_mb']:>7,} MiB"
    )
    if "lists" in found:
        line += (
            f"  {found['lists']:,} lists, {found['items']:,} items, list after "
            f"{found['latency_ms_p50']:.1f} ms (p99 {found['latency_ms_p99']:.1f})"
        )
    if found.get("texts_encoded"):
        line += f", {found['texts_encoded']:,} texts encoded"
    return line


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--events", type=int, default=30_000)
    options.add_argument("--batch-size", type=int, default=100)
    options.add_argument(
        "--repeat", type=int, default=3, help="runs of each case; the median counts"
    )
    options.add_argument("--json", type=Path)
    options.add_argument("--case", choices=CASES, help="this one alone, in this process")
    given = options.parse_args()
    if given.case:
        alone = popularity_case(given.events) if given.case == "reference" else None
        print(json.dumps(alone or play_case(given.case, given.events, given.batch_size)))
        return
    print(
        f"Python {platform.python_version()}, one thread, micro-batches of {given.batch_size}, "
        f"median of {given.repeat} runs"
    )
    found = {}
    for case in CASES:
        upto = min(given.events, 6000) if case == "fresh" else given.events
        runs = [run_alone(case, upto, given.batch_size) for _ in range(given.repeat)]
        runs.sort(key=lambda run: run["events_per_cpu_second"])
        found[case] = runs[len(runs) // 2]
        print(describe(found[case]), flush=True)
    speed = found["cached"]["events_per_cpu_second"]
    share = found["catalogue"]["events_per_cpu_second"] / speed
    print(f"goal {GOAL:,.0f} events/s: {'met' if speed >= GOAL else 'missed'} ({speed:,.0f})")
    verdict = "met" if share >= GOAL_SHARE else "missed"
    print(
        f"goal with {CATALOGUE:,} items, at least {GOAL_SHARE:.0%} of it: {verdict} ({share:.0%})"
    )
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
