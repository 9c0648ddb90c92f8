"""Live lists over HTTP beside a stream: asked at a steady rate while events come, and after events.

    python -m benchmarks.live_answers                   # 200 asked and 200 posted a second, 20 s
    python -m benchmarks.live_answers --asks 100 --events 50 --seconds 10

A `penchant run` on files with `serve.enabled` learns a simulated stream first. Then lists are asked
for and events are posted, each on time whatever the last one took: a request that waits for its
turn is counted from when it was due. At last events are posted one by one with `wait=list`: from
the post to the list that it led to.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.served import Served, serving

USERS, ITEMS, LEARNT, THREADS, ALONE = 1_000, 500, 5_000, 8, 200
CONFIG = """
[files]
events = "{folder}/events.jsonl"
items = "{folder}/items.jsonl"
output = "{folder}/output"
follow = true
[state]
path = "{folder}/state"
[encoder]
name = "hashing-64"
[serve]
enabled = true
port = 0
"""
HEADERS = {"content-type": "application/json"}


def event(number: int, chance: random.Random) -> dict:
    return {
        "event_id": f"e{number}",
        "user_id": f"u{chance.randrange(USERS)}",
        "item_id": f"i{int(ITEMS * chance.random() ** 2)}",
        "type": "view",
        "ts": 1_700_000_000 + number,
    }


def told(name: str, seconds: list[float]) -> None:
    found = sorted(seconds)
    shares = [found[min(len(found) - 1, int(len(found) * q))] * 1000 for q in (0.5, 0.95, 0.99)]
    words = ", ".join(f"{q} {ms:.1f}" for q, ms in zip(("p50", "p95", "p99"), shares, strict=True))
    print(f"{name}: {len(found)} in ms: {words}, most {found[-1] * 1000:.1f}")


def at_a_rate(
    rate: float, seconds: float, ask: Callable[[http.client.HTTPConnection, int], None], port: int
) -> list[float]:
    """Call `ask` at its times from several threads; return the seconds from each to its end."""
    began, waits = time.perf_counter() + 0.2, []

    def run(first: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in range(first, int(rate * seconds), THREADS):
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            ask(line, number)
            waits.append(time.perf_counter() - due)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waits


def answered(line: http.client.HTTPConnection, method: str, path: str, body: object = None) -> dict:
    line.request(method, path, None if body is None else json.dumps(body), HEADERS)
    answer = line.getresponse()
    read = answer.read()
    assert answer.status < 300, read
    return json.loads(read)


def measure(served: Served, options: argparse.Namespace) -> None:
    port, cpu = served.port, served.cpu
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while answered(line, "GET", "/v1/status")["ledger"]["arrived"] < LEARNT:
        time.sleep(0.2)
    chance = random.Random(2)
    events = [
        event(LEARNT + n, chance) for n in range(int(options.events * options.seconds) + ALONE)
    ]
    posting = threading.Thread(
        target=lambda: told(
            f"posts at {options.events}/s",
            at_a_rate(
                options.events,
                options.seconds,
                lambda line, n: answered(line, "POST", "/v1/events", events[n]),
                port,
            ),
        )
    )
    used = cpu()
    posting.start()
    waits = at_a_rate(
        options.asks,
        options.seconds,
        lambda line, n: answered(line, "GET", f"/v1/users/u{n * 7919 % USERS}/recommendations"),
        port,
    )
    posting.join()
    told(f"live lists at {options.asks}/s beside them", waits)
    print(f"CPU of the process: {cpu() - used:.1f} s in {options.seconds:g} s")
    after = []
    line.close()  # idle for so long, it is closed at the other end; the next use opens it
    for each in events[-ALONE:]:
        since = time.perf_counter()
        assert "list" in answered(line, "POST", "/v1/events?wait=list", each)
        after.append(time.perf_counter() - since)
    told("from a post to its list, one by one", after)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asks", type=float, default=200)
    parser.add_argument("--events", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        items = (
            {"item_id": f"i{n}", "title": f"thing {n}", "categories": [f"c{n % 9}"]}
            for n in range(ITEMS)
        )
        for file, rows in (("items", items), ("events", (event(n, chance) for n in range(LEARNT)))):
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / f"{file}.jsonl").write_text(text, encoding="utf-8")
        config = folder / "penchant.toml"
        config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
        with serving(["run", "--config", str(config)], folder) as served:
            measure(served, options)


if __name__ == "__main__":
    main()
