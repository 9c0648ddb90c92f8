"""What was played, as a process that can be looked at in a browser."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import webbrowser
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from rich.console import Console

from dataflows.cli.demo.log import DemoLog
from dataflows.config.config import Config

FOLDER = "look"
PORT = 8080
_PATIENCE, _TO_END = 120.0, 10.0
_CONFIG = """\
# What the demo played, once more, to be looked at: penchant run --config {here}
[files]
events = {events}
{items}output = {output}
follow = true
[state]
path = {state}
[encoder]
name = {encoder}
[learner]
repeats = {repeats}
[serve]
enabled = true
port = {port}
"""


def write_look(log: DemoLog, out: Path, config: Config, cache: Path, port: int = PORT) -> Path:
    """Write a log, and a configuration that answers for it over HTTP; return the latter.

    What an earlier demo left is replaced. `cache` holds the vectors of its texts.
    """
    folder = (out / FOLDER).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "state").mkdir(parents=True)
    events, items = log.write(folder)
    if cache.is_file():
        shutil.copy(cache, folder / "state" / cache.name)
    path = folder / "penchant.toml"
    path.write_text(
        _CONFIG.format(
            here=path,
            events=json.dumps(str(events.resolve())),
            items="" if items is None else f"items = {json.dumps(str(items.resolve()))}\n",
            output=json.dumps(str(folder / "output")),
            state=json.dumps(str(folder / "state")),
            encoder=json.dumps(config.encoder.name),
            repeats=json.dumps(log.repeats),
            port=port,
        ),
        "utf-8",
    )
    return path


def stay(path: Path, port: int, console: Console, *, opens: bool) -> int:
    """Run what `write_look` wrote until Ctrl-C; say where, and open it in a browser if wanted.

    Returns the exit status of the process.
    """
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "dataflows.cli.main", "run", "--config", str(path)]
    process = subprocess.Popen(command)  # noqa: S603 - this program again
    try:
        if _is_up(url, process):
            console.print(f"\nLook at it: {url} (Ctrl-C ends it)", highlight=False)
            if opens:
                webbrowser.open(url)
        return process.wait()
    except KeyboardInterrupt:
        try:
            return process.wait(_TO_END)  # a terminal tells both; it stores what it has learnt
        except subprocess.TimeoutExpired:
            process.terminate()
            return process.wait()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port: int = found.getsockname()[1]
        return port


def _is_up(url: str, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(f"{url}healthz", timeout=5):  # noqa: S310 - of this machine
                return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False
