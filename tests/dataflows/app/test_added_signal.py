"""A signal of another package in a real process: named in the configuration, and killed with -9."""

from __future__ import annotations

import json
import random
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dataflows.state.store import Store
from learners.codec import unpack
from learners.state.records import ITEM_KIND, SHARED_KIND, SHARED_VERSION
from tests.dataflows.processes import Run

EVENTS = 400
SETTINGS = "[learner]\nsignals = ['price_range']"


def write(run: Run) -> None:
    draw = random.Random(5)
    with run.events.open("a") as file:
        for number in range(EVENTS):
            item = draw.randrange(40)
            event = {"event_id": number, "user_id": f"u{draw.randrange(9)}", "type": "buy"}
            more = {"item_id": f"i{item}", "ts": 1.7e9 + number, "value": 3.0 * 1.3**item}
            file.write(json.dumps(event | more) + "\n")
    run.written += EVENTS


def stored(run: Run) -> dict[str, Any]:
    """Return what the stored state holds of the signal: by item, and beside."""
    store = Store.reader(run.folder / "state")
    assert store is not None
    with closing(store):
        items = {
            key: unpack(blob, ITEM_KIND, SHARED_VERSION) for key, blob in store.scan(ITEM_KIND)
        }
        (shared,) = [
            unpack(blob, SHARED_KIND, SHARED_VERSION) for _, blob in store.scan(SHARED_KIND)
        ]
    return {key: item["signals"] for key, item in items.items()} | {"": shared["signals"]}


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    made = []
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
        made.append(Run(tmp_path / name, settings=SETTINGS))
    yield made
    for run in made:
        run.end()


def test_a_killed_process_goes_on_as_if_nothing_had_been(runs: list[Run]) -> None:
    killed, whole = runs
    for run in runs:
        write(run)
    killed.start()
    killed.until(lambda: killed.ledger()["learnt"] >= 60, "60 learnt")
    assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    left = killed.ledger()["learnt"]
    for run in runs:
        run.start()
        run.until_learnt()
        assert run.stop() == 0
    assert left >= 60
    assert stored(killed) == stored(whole)
    assert len(stored(whole)) == 41
    lists = [json.loads(line) for line in whole.lines()]
    reasons = {reason for told in lists for item in told["items"] for reason in item["reasons"]}
    assert "costs about as much as recent choices" in reasons


def test_a_signal_that_nobody_brings_is_told_on_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path, settings="[learner]\nsignals = ['price_rnge']")
    assert run.start().wait(120) == 2
    assert "learner.signals names 'price_rnge', which no installed package brings" in run.said
    assert "Traceback" not in run.said
