"""A process of penchant that answers over HTTP, for the benchmarks that ask one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx2


class Served(NamedTuple):
    """Where a process answers, and its id."""

    host: str
    port: int
    pid: int

    def cpu(self) -> float:
        """Return the CPU seconds of the process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    *,
    by: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Run a command of penchant in a folder; yield where it answers, once it does.

    `by` is what runs it (`taskset`), `environ` goes to its environment. It is ended after.
    """
    line = [*by, sys.executable, "-m", "dataflows.cli.main", *command]
    log = folder / "log.txt"
    with log.open("w") as stderr:
        env = os.environ | dict(environ or {})
        process = subprocess.Popen(line, cwd=folder, stderr=stderr, env=env)
    try:
        yield _served(log, process)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()


def _served(log: Path, process: subprocess.Popen[bytes]) -> Served:
    while process.poll() is None:
        found = re.search(r"answer(?:s|ing) at http://([\d.]+):(\d+)", log.read_text("utf-8"))
        if found is not None:
            with suppress(httpx2.HTTPError):
                if httpx2.get(f"http://{found[1]}:{found[2]}/healthz").status_code == 200:
                    return Served(found[1], int(found[2]), process.pid)
        time.sleep(0.2)
    raise SystemExit(log.read_text("utf-8"))
