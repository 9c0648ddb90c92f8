"""The whole process on records that nobody should write: it lives, and every one is counted."""

from __future__ import annotations

import json
import random
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from dataflows.config.events import EventSettings
from dataflows.config.signing_keys import KEY as KEY_NAME
from dataflows.config.signing_keys import Keys
from dataflows.messages.items import decode_item
from dataflows.messages.raw import Raw, Reject
from dataflows.messages.signed import write_signed
from dataflows.messages.special_events import KIND, ControlJson
from tests.dataflows.app.test_run import config_of, last_lists, ledger, lines, start
from tests.dataflows.mutations import mutated

COUNT = 100_000
ITEMS, USERS = 200, 300
KEY = b"a key of these tests"
START = 1_700_000_000
TYPES = ["view", "view", "view", "glance", "buy", "search", "retract", "label", "intents"]


def items() -> list[dict]:
    return [
        {
            "item_id": f"i{n}",
            "title": f"thing {n} for {n % 5}",
            "text": f"made of {n % 7}",
            "categories": [f"c{n % 5}"],
            "attributes": {"price": n / 4, "isbn": 9_780_000_000_000 + n},
            "available": n % 9 > 0,
        }
        for n in range(ITEMS)
    ]


def events(count: int, seed: int) -> list[dict]:
    dice = random.Random(seed)
    found = []
    for n in range(count):
        kind = dice.choice(TYPES)
        event = {
            "event_id": f"{seed}-{n}",
            "user_id": f"u{dice.randrange(USERS)}",
            "item_id": f"i{dice.randrange(ITEMS)}",
            "type": kind,
            "ts": START + n,
            "session_id": f"s{dice.randrange(40)}",
            "value": dice.randrange(6),
            "context": {"device": "phone"},
        }
        if kind == "search":
            del event["item_id"]
            event["text"] = f"something of {dice.randrange(7)}"
            event["intent"] = f"need {dice.randrange(4)}"
        elif kind in ("retract", "label"):
            event["context"] = {"event_id": f"{seed}-{dice.randrange(n + 1)}"}
            event["intent"] = f"need {dice.randrange(4)}"
        elif kind == "intents":
            del event["item_id"]
            event |= {"intent": f"need {dice.randrange(4)}", "context": {"do": "retire"}}
        found.append(event)
    return found


def farewell() -> list[bytes]:
    """Good events of one user, after everything else."""
    told = [
        {"event_id": f"last-{n}", "user_id": "witness", "item_id": f"i{n + 1}", "type": "view"}
        for n in range(5)
    ]
    return [json.dumps(event | {"ts": START + COUNT + n}).encode() for n, event in enumerate(told)]


def decisions() -> list[dict]:
    """Decisions signed with our key, of which some can be carried out."""
    names = [f"need {n}" for n in range(6)]
    made = [
        ControlJson("name" if n % 2 else "retire", names[n % 4], names[n % 6] if n % 2 else None)
        for n in range(60)
    ]
    return [
        json.loads(write_signed(KIND, f"p{n % 3}", n, msgspec.json.encode(one), Keys([KEY])))
        for n, one in enumerate(made)
    ]


def write(path: Path, records: list[bytes]) -> int:
    path.write_bytes(b"\n".join(records) + b"\n")
    return sum(1 for record in records if record.strip())


def kill_after(process: subprocess.Popen[bytes], folder: Path, more: int) -> None:
    """Kill the process once so many lists more are out; it must be there to be killed."""
    wanted = len(lines(folder)) + more
    while process.poll() is None and len(lines(folder)) < wanted:
        time.sleep(0.01)  # the whole catalogue comes first, however long that takes
    is_alive = process.poll() is None
    process.kill()
    _, errors = process.communicate()
    assert is_alive, errors.decode()


def refused(records: list[bytes]) -> int:
    """How many of these are no items."""
    raws = [Raw("items", "items", 0, 1, None, record) for record in records]
    return sum(isinstance(decode_item(raw, EventSettings()), Reject) for raw in raws)


@pytest.mark.slow
def test_files_of_100_000_mutated_records_each_are_read_to_the_end(tmp_path):
    catalogue = [*mutated(items(), COUNT, 1), *(json.dumps(item).encode() for item in items())]
    stream = [*mutated(events(COUNT, 2), COUNT, 3), *farewell()]
    write(tmp_path / "items.jsonl", catalogue)
    count = write(tmp_path / "events.jsonl", stream)
    config = config_of(tmp_path, batch=500)
    decided = mutated(decisions(), COUNT, 5)
    more = write(tmp_path / "decisions.jsonl", decided)
    signed = {"PENCHANT_FILES__DECISIONS": f"{tmp_path}/decisions.jsonl", KEY_NAME: KEY.decode()}
    for lists in (100, 1_500):
        kill_after(start(config, **signed), tmp_path, lists)
    process = start(config, **signed)
    _, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors.decode()[-3_000:]
    assert b"Traceback" not in errors
    figures = ledger(tmp_path)
    assert figures.balance() == count + more + refused([row for row in catalogue if row.strip()])
    told = figures.as_dict()["partitions"]["events.jsonl"]
    assert told["in"] == count
    assert min(told["learnt"], told["dead_letter"]) > COUNT / 10
    shown = last_lists(tmp_path)["witness"]
    assert len(shown) == len(set(shown)) == 10
