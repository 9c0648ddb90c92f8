"""Follow the lists of a running engine, as a consumer of its output file does.

    python examples/follow_lists.py

The engine runs as a process of its own beside a file of events that grows. Each line of its
output is the list of one user. A consumer keeps the newest by `sequence`: after a crash some lines
come twice.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CATALOGUE = {"pot": "Teapot", "cup": "Two cups", "pen": "Fountain pen", "ink": "Blue ink"}
TAKEN = "ada pot, ada cup, bo pen, bo ink, cy pot, dee pen"
CONFIG = """
[flow]
epoch_seconds = 0.2
[files]
events = "events.jsonl"
items = "items.jsonl"
output = "out"
follow = true
[encoder]
name = "hashing"
"""


def lines_of(path: Path, engine: subprocess.Popen) -> Iterator[dict]:
    """Yield each whole line once it is there; ends with the engine."""
    while not path.exists() and engine.poll() is None:
        time.sleep(0.05)
    with path.open(encoding="utf-8") as file:
        rest = ""
        while engine.poll() is None:
            rest += file.readline()
            if rest.endswith("\n"):
                yield json.loads(rest)
                rest = ""
            else:
                time.sleep(0.05)


def write(path: Path, records: list[dict]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def main() -> None:
    newest: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        (folder / "penchant.toml").write_text(CONFIG)
        write(folder / "items.jsonl", [{"item_id": k, "title": v} for k, v in CATALOGUE.items()])
        write(folder / "events.jsonl", [])
        command = [sys.executable, "-m", "dataflows.cli.main", "run", "--config", "penchant.toml"]
        engine = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
        lists = lines_of(folder / "out" / "recommendations.jsonl", engine)
        for number, taken in enumerate(TAKEN.split(", ")):
            user, item = taken.split()
            event = {"event_id": number, "user_id": user, "item_id": item, "type": "view"}
            write(folder / "events.jsonl", [event | {"ts": 1_700_000_000 + 60 * number}])
            message = next(each for each in lists if each["user_id"] == user)
            if message["sequence"] >= newest.get(user, 0):
                newest[user] = message["sequence"]
                best = message["items"][0]
                print(
                    f"{user} took {item}: next {best['item_id']} ({best['reasons'][0]})", flush=True
                )
        engine.send_signal(signal.SIGTERM)
        engine.wait()


if __name__ == "__main__":
    main()
