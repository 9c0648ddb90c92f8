"""Stored lists over HTTP under load: `penchant serve` by itself.

    python -m benchmarks.stored_http [--users 100000] [--seconds 20]

The server has a core of its own where there are two (taskset), the load the other one. A token is
asked for, and metrics are counted. The most that is answered is by wrk (`apt install wrk`), which
keeps 32 connections busy. At a fixed rate requests go out when they are due, whether those before
are answered or not, and a latency is from when a request was due: what had to wait is not left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from benchmarks.served import Served, serving
from benchmarks.stored_answers import write_files

TOKEN = "a-token-of-the-benchmark"
CONNECTIONS = 32
AT_RATE = 64
"""Connections that requests at a fixed rate are spread over."""
EXPLAINED = (
    '{"k": 10, "explain": true, "exclude": ["item-1"], "categories": ["c1", "c2", "c3", "c4"]}'
)
RULES = """
[[rule]]
name = "on offer"
kind = "on_offer"

[[rule]]
name = "none of these"
kind = "block"
where = {categories = ["c1"]}

[[rule]]
name = "raised"
kind = "boost"
by = 0.5
where = {categories = ["c2"]}

[[rule]]
name = "three of a category"
kind = "at_most"
most = 3
of = "category"

[lists]
sent = []
asked = []

[scenario.home]
k = 5
"""
RULED = '{"scenario": "home", "explain": true}'

Request = bytes


def get(path: str) -> Request:
    """Return the bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\n{_headers()}\r\n".encode()


def _headers() -> str:
    return f"Host: bench\r\nAuthorization: Bearer {TOKEN}\r\n"


class Connection:
    """One connection that is kept; a request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._where = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Request) -> int:
        """Send a request, read the answer whole, and return its status."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._where)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if length is not None:
            await reader.readexactly(int(length[1]))
        return int(head[9:12])

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()


async def at_rate(
    address: tuple[str, int], made: Callable[[int], Request], rate: float, seconds: float
) -> dict[str, float]:
    """Send requests when they are due, and return milliseconds from then to the answer."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(AT_RATE):
        free.put_nowait(Connection(*address))
    took, refused = [], 0
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.1

    async def one(number: int, due: float) -> None:
        nonlocal refused
        connection = await free.get()
        status = await connection.ask(made(number))
        took.append(loop.time() - due)
        refused += status >= 400
        free.put_nowait(connection)

    tasks = []
    for number in range(int(rate * seconds)):
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait().close()
    cuts = np.percentile(np.array(took) * 1e3, (50, 95, 99, 99.9))
    names = ("p50_ms", "p95_ms", "p99_ms", "p999_ms")
    return {
        "rate": rate,
        "answers": len(took),
        "refused": refused,
        **{name: round(float(cut), 2) for name, cut in zip(names, cuts, strict=True)},
    }


def most(address: tuple[str, int], script: str, seconds: int) -> dict[str, float]:
    """Return what wrk gets answered in a second, with the script that makes its requests."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not there: `apt install wrk`")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", file.name, "--latency"]
        told = subprocess.run(
            [*_on_core(0), *command, f"http://{address[0]}:{address[1]}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    if rate is None:
        raise SystemExit(told)
    return {"requests_per_second": float(rate[1]), "refused": int(bad[1]) if bad else 0}


def lua(users: int, method: str, body: str | None = None) -> str:
    """Return a script for wrk that asks for the lists of random users."""
    given = "nil" if body is None else f"[[{body}]]"
    return f"""
    math.randomseed(7)
    local headers = {{["Authorization"] = "Bearer {TOKEN}", ["Content-Type"] = "application/json"}}
    request = function()
      local path = "/v1/users/user-" .. math.random(0, {users - 1}) .. "/recommendations"
      return wrk.format("{method}", path, headers, {given})
    end
    """


def _on_core(core: int) -> list[str]:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    if len(cores) < 2 or shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", str(cores[core % len(cores)])]


def _is_ready(served: Served) -> bool:
    answer = httpx2.get(f"http://{served.host}:{served.port}/readyz")
    return answer.status_code == 200


def measured(users: int, seconds: int) -> dict[str, Any]:
    """Measure `penchant serve` by itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, users)
        (folder / "penchant.toml").write_text(
            '[files]\nitems = "items.jsonl"\noutput = "output"\n[serve]\nport = 0\n'
            "requests_per_second = 0\nanswers_at_once = 1000\n"
            '[rules]\nfile = "rules.toml"\n'
        )
        (folder / "rules.toml").write_text(RULES)
        chance = random.Random(3)

        def plain(_: int) -> Request:
            return get(f"/v1/users/user-{chance.randrange(users)}/recommendations")

        environ = {"PENCHANT_SERVE_TOKENS": f"read,write {TOKEN}"}
        command = ["serve", "--config", "penchant.toml"]
        with serving(command, folder, by=_on_core(1), environ=environ) as served:
            address = served.host, served.port
            while not _is_ready(served):
                time.sleep(0.2)
            most(address, lua(users, "GET"), 2)
            before = served.cpu()
            found: dict[str, Any] = {
                "users": users,
                "plain": most(address, lua(users, "GET"), seconds),
            }
            answered = found["plain"]["requests_per_second"] * seconds
            found["plain"]["cpu_us"] = round((served.cpu() - before) / answered * 1e6, 1)
            half = found["plain"]["requests_per_second"] / 2
            found["plain_at_half"] = asyncio.run(at_rate(address, plain, half, seconds))
            found["plain_at_2500"] = asyncio.run(at_rate(address, plain, 2_500, seconds))
            found["explained_filtered"] = most(address, lua(users, "POST", EXPLAINED), seconds)
            found["ruled_explained"] = most(address, lua(users, "POST", RULED), seconds)
    return found


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    print(json.dumps(measured(given.users, given.seconds), indent=2))


if __name__ == "__main__":
    main()
