"""Asked over HTTP before each event, the lists hit what the replay says, to the digit.

The replay's plain clock ranks before each event, knowing those before it, and how long its user was
away. So the door is asked `at` the time of the event, and never for items that the stream has not
held, which the replay does not rank among (at most a thousand can be excluded, so that the
catalogue is that of the log). Events of one time are in the order of their users: to the replay a
user's events of one time are one moment only where they stand side by side.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dataflows.config.config import load_config
from dataflows.evaluation.metrics.rank_metrics import MISS, averages, gains
from dataflows.evaluation.replay import ReplaySettings, replay
from tests.dataflows.evaluation.test_replay import ml100k_log
from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door, port_of

K = 10


def a_log(ml100k: Path, folder: Path, count: int) -> tuple[list[dict], list[bytes]]:
    """The first events by their time, and the films that they are of, as lines."""
    log, catalogue = ml100k_log(ml100k, folder)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    events = sorted(events, key=lambda one: (one["ts"], one["user_id"]))[:count]
    met = {one["item_id"] for one in events}
    films = [
        line for line in catalogue.read_bytes().splitlines() if json.loads(line)["item_id"] in met
    ]
    log.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in events))
    catalogue.write_bytes(b"\n".join(films) + b"\n")
    return events, films


def hits(events: list[dict], films: list[bytes], run: Run, door: Door, asked: int) -> np.ndarray:
    """The place (0: none) of the item of each of the last events in a list asked just before it."""
    known = {json.loads(film)["item_id"] for film in films}
    learnt = events[:-asked]
    door.until_learnt(run, patience=1_800)  # of the whole log there are many
    seen = {one["item_id"] for one in learnt}
    places = []
    for event in events[-asked:]:
        request = {"k": K, "exclude": sorted(known - seen), "at": event["ts"]}
        path = f"/v1/users/{event['user_id']}/recommendations"
        answer = door.ask("POST", path, request)
        assert answer["as_of"]["events.jsonl"] == run.events.stat().st_size
        listed = [one["item_id"] for one in answer["items"]]
        places.append(listed.index(event["item_id"]) + 1 if event["item_id"] in listed else MISS)
        taken = door.ask("POST", "/v1/events?wait=list", event)
        assert taken["taken"] == 1
        assert taken["list"]["as_of"]["events.jsonl"] == run.events.stat().st_size
        seen.add(event["item_id"])
    return np.array(places)


def compare(ml100k: Path, folder: Path, count: int, asked: int) -> dict:
    """HR and NDCG of the lists that were asked, equal to those of a replay of the same log."""
    events, films = a_log(ml100k, folder, count)
    log, items = folder / "log.jsonl", folder / "items.jsonl"
    (folder / "events.jsonl").rename(log)
    config = load_config(None, {"encoder.name": "hashing-64"}, {})
    scored = replay(config, log, items, ReplaySettings(warmup=0.2, against=())).scored
    said = scored.column("plain", asked)
    run = Run(
        folder,
        settings="[serve]\nenabled = true\nport = 0\n[learner]\nrepeats = 'off'\n",
    )
    text = run.config.read_text().replace("hashing-16", "hashing-64")
    run.config.write_text(text.replace("[files]\n", f"[files]\nitems = '{items}'\n"))
    lines = [json.dumps(one).encode() + b"\n" for one in events[:-asked]]
    run.events.write_bytes(b"".join(lines))
    run.start()
    try:
        with Door(port_of(run)) as door:
            places = hits(events, films, run, door, asked)
    finally:
        if run.process is not None:
            run.process.terminate()
            run.process.wait(60)
    found, replayed = averages(gains(places, K), K), averages(gains(said, K), K)
    assert found == replayed
    assert np.array_equal(places, np.where(said <= K, said, MISS))
    assert found[f"hr@{K}"] > 0.05
    return found


def test_lists_asked_over_http_hit_what_the_replay_says(ml100k, tmp_path):
    compare(ml100k, tmp_path, 1_200, 300)


@pytest.mark.slow
def test_a_longer_log_asked_over_http_hits_what_the_replay_says(ml100k, tmp_path):
    found = compare(ml100k, tmp_path, 8_000, 2_000)
    assert found["events"] == 2_000
    assert found["hr@10"] > 0.1
