"""A swap and its rollback under load: how long lists take meanwhile, and whether any is missing.

`penchant run` as a process of its own on files, a simulated shop, the packaged encoder, and a
copy of it with a little noise on its weights as the version that is promoted. Events are
appended at a fixed rate; the latency of an event is from then until the list that is as of it
stands in the output file. Events without a list of their own (it did not change, or a later
event of the user came in the same micro-batch) are left out.

    python -m benchmarks.swap [--rate 50] [--seconds 20] [--items 600] [--fill 3000]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from dataflows.datasets.shop.shop import Shop
from dataflows.registry.manifest import About
from dataflows.registry.registry import Registry
from encoders.backends.minilm import packaged_folder
from encoders.load import load_encoder

LOOK = 0.002
NOISE = 0.02
PATIENCE = 600.0


class Lists:
    """Reads the lists as they are written: byte of the event -> (when, version)."""

    def __init__(self, path: Path) -> None:
        self.at: dict[int, tuple[float, str]] = {}
        self.version = ""
        self._path = path
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._path.exists() and not self._end.is_set():
            time.sleep(LOOK)
        rest = b""
        with self._path.open("rb") as file:
            while not self._end.is_set():
                *lines, rest = (rest + file.read()).split(b"\n")
                now = time.perf_counter()
                for line in lines:
                    message = json.loads(line)
                    message = message.get("value", message)
                    self.version = message["versions"]["encoder"]
                    self.at[message["position"]["offset"]] = (now, self.version)
                time.sleep(LOOK)

    def close(self) -> None:
        self._end.set()
        self._thread.join()


def noisy_copy(folder: Path) -> Path:
    """Save the packaged model with noise of 2 % on every weight."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    model = SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.numel() > 1:
                weight.add_(NOISE * weight.std() * torch.randn_like(weight))
    model.save(str(folder))
    return folder


def register(registry: Registry, folder: Path) -> str:
    """Add the copy to the registry; return its id."""
    encoder = load_encoder(str(folder))
    about = About(
        base="packaged",
        form="sentence-transformers",
        fingerprint=encoder.version,
        made=time.time(),
        dim=encoder.dim,
        gate={"verdict": "promote", "reasons": ["for the benchmark"]},
    )
    return registry.add("encoder", folder, about).id


def rss(pid: int) -> float:
    """MiB of memory that a process has."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


class Bench:
    """The process, the log it reads, and when each event was appended."""

    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        shop = Shop(seed=1, items=given.items, users=200)
        self.events: Iterator[dict[str, Any]] = iter(shop.events(given.fill + 100_000))
        self.log = (folder / "events.jsonl").open("ab")
        self.sent: dict[int, float] = {}
        self._rate = given.rate
        rows = "".join(json.dumps(item) + "\n" for item in shop.items())
        (folder / "items.jsonl").write_text(rows, encoding="utf-8")
        self.append(given.fill)
        settings = {
            "FILES__EVENTS": folder / "events.jsonl",
            "FILES__ITEMS": folder / "items.jsonl",
            "FILES__OUTPUT": folder / "output",
            "FILES__FOLLOW": "true",
            "STATE__PATH": folder / "state",
            "MODELS__ROOT": folder / "models",
            "FLOW__LOG_SECONDS": 60,
        }
        environment = {f"PENCHANT_{name}": str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "dataflows.cli.main", "run"]
        self.process = subprocess.Popen(command, env={**os.environ, **environment})
        self.lists = Lists(folder / "output" / "recommendations.jsonl")

    def append(self, count: int) -> None:
        """Write events at once, or one by one at the rate."""
        for _ in range(count):
            line = json.dumps(next(self.events)).encode() + b"\n"
            self.sent[self.log.tell()] = time.perf_counter()
            self.log.write(line)
        self.log.flush()

    def run(self, until: Any) -> tuple[float, float]:
        """Append at the rate until something is so; return from when to when."""
        begun = due = time.perf_counter()
        while not until():
            if time.perf_counter() - begun > PATIENCE or self.process.poll() is not None:
                raise SystemExit("the process ended, or what was waited for did not come")
            self.append(1)
            due += 1.0 / self._rate
            time.sleep(max(0.0, due - time.perf_counter()))
        return begun, time.perf_counter()

    def latencies(self, span: tuple[float, float]) -> np.ndarray:
        """Milliseconds (n,) of the events appended in a span of time that have a list."""
        found = [
            self.lists.at[place][0] - at
            for place, at in self.sent.items()
            if span[0] <= at < span[1] and place in self.lists.at
        ]
        return 1000.0 * np.array(found)


def after(seconds: float) -> Any:
    """Say whether so much time has gone by since now."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def show(name: str, bench: Bench, span: tuple[float, float]) -> None:
    """Print what a span of time was like."""
    found = bench.latencies(span)
    p50, p95, p99 = np.percentile(found, (50, 95, 99))
    print(
        f"{name:<10} {span[1] - span[0]:6.1f} s  {len(found):6d} lists  p50 {p50:6.1f} ms  "
        f"p95 {p95:6.1f}  p99 {p99:6.1f}  max {found.max():6.1f}  "
        f"{rss(bench.process.pid):6.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--items", type=int, default=600)
    parser.add_argument("--fill", type=int, default=3000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        registry = Registry(folder / "models")
        version = register(registry, noisy_copy(folder / "copy"))
        bench = Bench(folder, given)
        lists, last = bench.lists, max(bench.sent)
        while not any(place >= last - 2000 for place in list(lists.at)):
            time.sleep(0.1)
        bench.run(after(5.0))
        base = lists.version
        show("steady", bench, bench.run(after(given.seconds)))
        registry.promote(version, "benchmark", time.time())
        show("swap", bench, bench.run(lambda: lists.version != base))
        show("steady", bench, bench.run(after(given.seconds)))
        registry.rollback("encoder", "benchmark", time.time())
        show("rollback", bench, bench.run(lambda: lists.version == base))
        show("steady", bench, bench.run(after(given.seconds)))
        time.sleep(2.0)
        bench.process.send_signal(signal.SIGTERM)
        status = bench.process.wait(60)
        lists.close()
        versions = [message for _, (_, message) in sorted(lists.at.items())]
        turns = sum(a != b for a, b in pairwise(versions))
        print(f"exit status {status}; the version changed {turns} times along the events")


if __name__ == "__main__":
    main()
