"""What one stored list costs: CPU of `recommend_stored`, alone and while lists come in.

    python -m benchmarks.stored_answers                # 100,000 users of 10 places
    python -m benchmarks.stored_answers --users 10000

Everything is in one process and one thread each, as in a worker of `penchant serve`: who asks, and
who follows. CPU is that of the thread that asks, by its own clock; the longest wait is by the wall
clock, and says as much of the machine as of the store.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from dataflows.config.config import load_config
from dataflows.messages.outgoing import Place, Position, Recommendation, Versions
from dataflows.messages.outgoing_json import iso
from dataflows.serve.api_types import ListRequest
from dataflows.serve.stored.answers import StoredAnswers
from dataflows.serve.stored.open_answers import open_stored

CATALOGUE = 20_000
PLACES = 10
ASKED = 100_000


def listed(user: int, sequence: int, chance: random.Random) -> bytes:
    """Return a list as a run sends it."""
    places = tuple(
        Place(
            f"item-{chance.randrange(CATALOGUE)}",
            f"A title of some five words, number {place}",
            1.0 - place / 100,
            ("taken with 'A title of some five words'", "like what you looked at"),
            1.0,
        )
        for place in range(PLACES)
    )
    return msgspec.json.encode(
        Recommendation(
            f"user-{user}",
            places,
            {f"need-{n}": round(0.4 / (n + 1), 4) for n in range(5)},
            sequence,
            Position("events-0", sequence),
            Versions("0123456789abcdef", "fedcba9876543210"),
            iso(1_780_000_000 + sequence),
        )
    )


def write_files(folder: Path, users: int) -> None:
    """Write the files of a run that has sent a list to each user."""
    chance = random.Random(1)
    output = folder / "output"
    output.mkdir()
    with (output / "recommendations.jsonl").open("wb") as file:
        for user in range(users):
            file.write(listed(user, 1, chance) + b"\n")
    (output / "intents.jsonl").touch()
    with (folder / "items.jsonl").open("w") as rows:
        for number in range(CATALOGUE):
            row = {"item_id": f"item-{number}", "title": f"Item {number}"}
            rows.write(json.dumps(row | {"categories": [f"c{number % 30}"]}) + "\n")


def measure(ask: Callable[[str], object], users: int, count: int) -> dict[str, float]:
    """Ask for random users; return microseconds of CPU each, and of the wall clock."""
    chance = random.Random(2)
    names = [f"user-{chance.randrange(users)}" for _ in range(count)]
    for name in names[: count // 10]:
        ask(name)
    waits = []
    began = time.thread_time()
    for name in names:
        before = time.perf_counter()
        assert ask(name) is not None
        waits.append(time.perf_counter() - before)
    cpu = time.thread_time() - began
    cuts = statistics.quantiles(waits, n=1000)
    return {
        "cpu_us": round(cpu / count * 1e6, 2),
        "wall_p50_us": round(cuts[499] * 1e6, 1),
        "wall_p99_us": round(cuts[989] * 1e6, 1),
        "wall_max_us": round(max(waits) * 1e6, 1),
    }


def feed(folder: Path, users: int, rate: float, stop: threading.Event) -> None:
    """Append lists to the file that is followed, so many a second."""
    chance = random.Random(3)
    sequence = 2
    with (folder / "output" / "recommendations.jsonl").open("ab", buffering=0) as file:
        while not stop.wait(0.05):
            lists = [
                listed(chance.randrange(users), sequence, chance) for _ in range(int(rate / 20))
            ]
            file.write(b"\n".join(lists) + b"\n")
            sequence += 1


def run(users: int, rate: float, count: int) -> dict[str, object]:
    """Build a store and measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, users)
        config = load_config(
            None,
            {
                "files.output": str(folder / "output"),
                "files.items": str(folder / "items.jsonl"),
                "serve.store": str(folder / "serve"),
            },
            {},
        )
        answers = open_stored(config)
        began, cpu = time.perf_counter(), time.process_time()
        answers.start()
        while not answers.readiness().is_ready:
            time.sleep(0.05)
        found: dict[str, object] = {
            "users": users,
            "first_read_s": round(time.perf_counter() - began, 1),
            "first_read_cpu_us_a_list": round((time.process_time() - cpu) / users * 1e6, 1),
            "store_mb": round(size_of(folder / "serve") / 1e6),
        }
        found |= asked(answers, users, count)
        stop = threading.Event()
        # Another process writes the file, as a run does; what it costs is not counted here.
        child = os.fork()
        if child == 0:
            feed(folder, users, rate, stop)
        try:
            time.sleep(1.0)
            found[f"stored_while_{rate:g}_lists_a_second_come"] = measure(
                answers.recommend_stored, users, count
            )
            found["lists_taken_in"] = answers.following.lists - users
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
            answers.close()
    return found


def asked(answers: StoredAnswers, users: int, count: int) -> dict[str, object]:
    """Measure the ways to ask, while nothing comes in."""
    explained = ListRequest(k=5, explain=True, fields=("price",), exclude=("item-1",))
    return {
        "stored": measure(answers.recommend_stored, users, count),
        "with_k_explain_exclude": measure(
            lambda user: answers.recommend(user, explained), users, count // 10
        ),
        "popular": measure(
            lambda user: answers.recommend(f"no-{user}", ListRequest()), users, count // 10
        ),
    }


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=200.0, help="lists a second that come in")
    parser.add_argument("--asked", type=int, default=ASKED)
    given = parser.parse_args()
    print(json.dumps(run(given.users, given.rate, given.asked), indent=2))


if __name__ == "__main__":
    main()
