"""The state of a release, kept so that the code of later ones is tested on it.

    python -m tests.dataflows.state.releases.make            # as a release is made: its state
    python -m tests.dataflows.state.releases.make --lists    # the lists of all states, anew

Each release has a folder of its version, with two files: `state.tar.xz` holds a state folder
(shard, registry, a promoted encoder), the files that it was read from, their configuration and
`more.jsonl`, events that come after; `outcome.json` is what the run over those gave then. A state
that is kept is never made again. The second command is for a change that is meant to change lists.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tarfile
import tempfile
import threading
import time
import tomllib
from contextlib import chdir
from pathlib import Path
from typing import Any

import msgspec
from bytewax.run import cli_main

from dataflows.app.process import assemble
from dataflows.app.run import run
from dataflows.cli.intent_labels import overviews
from dataflows.config.config import Config, load_config
from dataflows.hotswap.startup import CACHE_FILE
from dataflows.registry.manifest import About
from dataflows.registry.registry import open_registry
from encoders.compression.static import distil_static
from tests.dataflows.stored import stored_ledger
from tests.encoders.tiny_models import build_model

RELEASES = Path(__file__).resolve().parent
PROJECT = RELEASES.parents[3] / "pyproject.toml"
STATE, OUTCOME = "state.tar.xz", "outcome.json"
DIM = 16
CONFIG = f"""\
[flow]
epoch_seconds = 0.05
[files]
events = "events.jsonl"
items = "items.jsonl"
decisions = "decisions.jsonl"
output = "output"
batch_size = 1
[state]
path = "state"
[encoder]
name = "hashing-{DIM}"
[events.retracts]
unsave = "save"
[learner]
neighbours = 32
similar = 8
[models]
poll_seconds = 0.05
"""
DECISION = {"do": "merge", "intent": "present", "into": "gift"}
TOPICS = ("garden spade", "winter coat", "racing bike")
NEEDS = ("gift", "repair", "present")
USERS, ITEMS = 6, 24
FIRST, LATER, MORE = 60, 70, 1000
"""The first events of the first run, of the second (after a decision), and of what comes after."""

PATIENCE = 120.0


def version() -> str:
    found: str = tomllib.loads(PROJECT.read_text())["project"]["version"]
    return found


def items() -> list[dict[str, Any]]:
    return [
        {"item_id": f"i{n}", "title": f"{TOPICS[n % 3]} {n}", "text": f"number {n // 3}",
         "categories": [f"c{n % 3}"], "available": n != 5}
        for n in range(ITEMS)
    ]  # fmt: skip


def event(n: int, **more: Any) -> dict[str, Any]:
    """Return event `n`: its user keeps to one topic, and says now and then what they look for."""
    user = n * 5 % USERS
    fields = {"event_id": f"e{n}", "user_id": f"u{user}", "ts": 1.7e9 + 40 * n}
    if n % 5 == 3:
        said = {"type": "search", "text": f"{TOPICS[user % 3]} please {n % 4}"}
        labelled = {"intent": NEEDS[user % 3]} if n % 2 else {}
        return {**fields, **said, **labelled, **more}
    bought = {"item_id": f"i{n * 7 % 8 * 3 + user % 3}", "type": ("view", "buy", "save")[n % 3]}
    return {**fields, **bought, **more}


def events(start: int, stop: int) -> list[bytes]:
    """Return lines: events, and one each of all that an event may be beside."""
    rows = [event(n) for n in range(start, stop)]
    last = rows[-1]
    context = {"context": {"event_id": rows[1]["event_id"]}}
    of_first = {"user_id": rows[1]["user_id"], "ts": last["ts"]}
    rows += [
        rows[2],  # a duplicate
        {"event_id": f"r{start}", "type": "retract", **of_first, **context},
        {"event_id": f"n{start}", "type": "negative", "item_id": "i9", **of_first},
        event(stop, event_id=f"w{start}", user_id="u9"),  # somebody new
    ]
    search = next(row for row in rows if row["type"] == "search" and "intent" not in row)
    label = {"event_id": f"l{start}", "type": "label", "intent": "gift", "ts": last["ts"]}
    asked = {"user_id": search["user_id"], "context": {"event_id": search["event_id"]}}
    rows.append(label | asked)
    return [json.dumps(row).encode() for row in rows] + [b'{"event_id": "broken"']


def append(path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(line + b"\n" for line in lines)


def make_state(folder: Path) -> None:
    """Write a state into an empty folder, which is the working directory: it has seen a lot."""
    (folder / "penchant.toml").write_text(CONFIG)
    append(folder / "items.jsonl", [json.dumps(item).encode() for item in items()])
    append(folder / "events.jsonl", events(0, FIRST))
    append(folder / "decisions.jsonl", [])
    append(folder / "more.jsonl", events(MORE, MORE + 30))
    config = load_config(folder / "penchant.toml")
    run(config)
    decided = {"kind": "intents", "signer": "anna", "sequence": 1, "content": json.dumps(DECISION)}
    append(folder / "decisions.jsonl", [json.dumps(decided).encode()])
    append(folder / "events.jsonl", events(FIRST, LATER))
    run(config)
    promote(config, folder)
    shutil.rmtree(folder / "output")


def promote(config: Config, folder: Path) -> None:
    """Put a small encoder of its own in force, and feed events until lists are made with it."""
    with tempfile.TemporaryDirectory() as made:
        encoder = distil_static(Path(made) / "static", build_model(Path(made) / "tiny", 1), DIM)
        about = About(
            base="a tiny model",
            form="static",
            fingerprint=encoder.version,
            made=1.7e9,
            dim=DIM,
            gate={"verdict": "promote", "reasons": ["it is small"]},
        )
        registry = open_registry(config)
        wanted = registry.add("encoder", Path(made) / "static", about).id
    registry.promote(wanted, "to be kept", 1.7e9)
    followed = msgspec.structs.replace(config.files, follow=True)
    stop = threading.Event()
    process = assemble(msgspec.structs.replace(config, files=followed), stop.is_set)

    def feed() -> None:
        deadline, n = time.monotonic() + PATIENCE, LATER + 10
        while time.monotonic() < deadline and any(
            engine.space.in_force.version != wanted for engine in process.engines
        ):
            append(folder / "events.jsonl", [json.dumps(event(n)).encode()])
            n += 1
            time.sleep(0.5)
        stop.set()

    try:
        process.open()
        feeder = threading.Thread(target=feed)
        feeder.start()
        cli_main(process.flow, epoch_interval=process.epoch)
        feeder.join()
    finally:
        process.finish()
    if any(engine.space.in_force.version != wanted for engine in process.engines):
        sys.exit(f"{wanted} did not come into force")


def pack(folder: Path, target: Path) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = Path(member.name).name
        if name.startswith(CACHE_FILE) or name == "compiled" or name.endswith(".lock"):
            return None
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(target, "w:xz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name, filter=plain)


def unpack(release: Path, folder: Path) -> None:
    with tarfile.open(release / STATE) as archive:
        archive.extractall(folder, filter="data")


def go_on(folder: Path) -> dict[str, Any]:
    """Open an unpacked state, take in the events that come after, and return what it gives.

    The folder is to be the working directory. Scores are left out: a later release may hold
    other last digits for right.
    """
    with (folder / "more.jsonl").open("rb") as more:
        append(folder / "events.jsonl", more.read().splitlines())
    config = load_config(folder / "penchant.toml")
    run(config)
    sent = {
        name: [
            json.loads(line)
            for line in (folder / "output" / f"{name}.jsonl").read_text().splitlines()
        ]
        for name in ("recommendations", "intents", "dead-letters")
    }
    overview = overviews(config)[0]
    lists = [
        [
            *(told["user_id"], told["sequence"], told["position"]["offset"]),
            told["versions"]["encoder"],
            [place["item_id"] for place in told["items"]],
        ]
        for told in sent["recommendations"]
    ]
    intents = [
        [told["user_id"], told["sequence"], told["top"], next(iter(told["belief"]), None)]
        for told in sent["intents"]
    ]
    return {
        "lists": lists,
        "intents": intents,
        "dead_letters": [told["reason"] for told in sent["dead-letters"]],
        "labels": sorted(label.name for label in overview.labels),
        "aliases": overview.aliases,
        "ledger": stored_ledger(folder / "state").as_dict(),
    }


def releases() -> list[Path]:
    """Return the folder of each release whose state is kept."""
    return sorted(path.parent for path in RELEASES.glob(f"*/{STATE}"))


def write_outcome(release: Path) -> None:
    with tempfile.TemporaryDirectory() as made, chdir(made):
        unpack(release, Path(made))
        found = go_on(Path(made))
    rows = [f"  {json.dumps(key)}: {written(value)}" for key, value in found.items()]
    (release / OUTCOME).write_text("{\n" + ",\n".join(rows) + "\n}\n")


def written(value: Any) -> str:
    """Write a list with a line for each entry, so that what changes in it can be read."""
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(f"    {json.dumps(entry)}" for entry in value) + "\n  ]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--lists", action="store_true", help="of all states that are kept")
    if parser.parse_args().lists:
        for release in releases():
            write_outcome(release)
        return
    release = RELEASES / version()
    if (release / STATE).exists():
        sys.exit(f"{release / STATE} is kept already: give pyproject.toml the new version first")
    release.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made, chdir(made):
        make_state(Path(made))
        pack(Path(made), release / STATE)
    write_outcome(release)


if __name__ == "__main__":
    main()
