"""Poison in every input of a process on files: the rest is learnt, over a restart too."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.state.ledger import Ledger
from dataflows.state.store import Store
from tests.dataflows import poison

START = 1_700_000_000
GOOD = 60


def good_event(number: int) -> bytes:
    return json.dumps(
        {
            "event_id": f"e{number}",
            "user_id": f"u{number % 5}",
            "item_id": f"i{number % 12}",
            "type": "view",
            "ts": START + number,
        }
    ).encode()


def good_item(number: int) -> bytes:
    return json.dumps(
        {"item_id": f"i{number}", "title": f"thing {number}", "categories": [f"c{number % 3}"]}
    ).encode()


def mixed(good: list[bytes], bad: list[bytes]) -> bytes:
    """Put the good between the bad, evenly."""
    step = max(1, len(bad) // max(1, len(good)))
    lines: list[bytes] = []
    for place, one in enumerate(good):
        lines += [*bad[place * step : (place + 1) * step], one]
    lines += bad[len(good) * step :]
    return b"\n".join(line for line in lines if b"\n" not in line) + b"\n"


def ledger(folder: Path, shards: int) -> dict[str, int]:
    total: dict[str, int] = {}
    for shard in range(shards):
        store = Store.reader(folder / "state", shard)
        assert store is not None
        one = Ledger()
        one.restore(store.get, store.scan)
        one.balance()
        for name, count in one.as_dict().items():
            if isinstance(count, int):
                total[name] = total.get(name, 0) + count
        store.close()
    return total


def lived(folder: Path, good: list[bytes], shards: int) -> list[dict[str, int]]:
    """Run twice, poison and half of `good` each time; return the ledger after each run."""
    folder.mkdir()
    config = load_config(
        None,
        {
            "files.events": str(folder / "events.jsonl"),
            "files.items": str(folder / "items.jsonl"),
            "files.output": str(folder / "output"),
            "state.path": str(folder / "state"),
            "state.shards": shards,
            "encoder.name": "hashing-16",
            "events.max_time": 253_402_300_799,
            "events.min_time": -62_135_596_800,
            "learner.hidden": 4,
            "clean.bots": "off",
            "models.poll_seconds": 0.01,
        },
        {},
    )
    records = folder / "state" / "models" / "promotions"
    records.mkdir(parents=True)
    for number, message in enumerate(poison.promotions()):
        (records / f"{number:06d}.json").write_bytes(message)
    rows = mixed([good_item(n) for n in range(12)], poison.items())
    (folder / "items.jsonl").write_bytes(rows)
    found = []
    written = b""
    for part, start in ((good[: GOOD // 2], START), (good[GOOD // 2 :], START + 100)):
        written += mixed(part, poison.events(start))
        (folder / "events.jsonl").write_bytes(written)
        run(config)
        found.append(ledger(folder, shards))
    return found


@pytest.mark.parametrize("shards", [1, 2])
def test_the_rest_is_learnt_and_a_restart_goes_on(tmp_path: Path, shards: int) -> None:
    good = [good_event(number) for number in range(GOOD)]
    alone = lived(tmp_path / "poison", [], shards)
    mixed_in = lived(tmp_path / "all", good, shards)
    for run_of, without in zip((1, 2), alone, strict=True):
        found, more = mixed_in[run_of - 1], run_of * GOOD // 2
        assert found["learnt"] == without["learnt"] + more
        assert found["in"] == without["in"] + more
    output = tmp_path / "all" / "output"
    lists = (output / "recommendations.jsonl").read_bytes().splitlines()
    last = {message["user_id"]: message for message in map(json.loads, lists)}
    assert all(last[f"u{number}"]["items"] for number in range(5))
    for name in ("recommendations", "intents", "dead-letters"):
        for line in (output / f"{name}.jsonl").read_bytes().splitlines():
            assert msgspec.json.decode(line)
