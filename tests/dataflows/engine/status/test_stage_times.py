"""Every stage of an event's way is counted and timed by one runner, and by none where it is off."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from dataflows.app.run import run
from dataflows.config.clean import CleanSettings
from dataflows.config.config import load_config
from dataflows.config.events import EventSettings
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.item_store import Catalogue
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.engine.status.stage_times import STAGES, UNTIMED, StageTimes
from dataflows.messages.raw import Raw
from dataflows.state.records import MemoryStore
from encoders.backends.hashing import HashingEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings

ENCODER = HashingEncoder(16)


def lines(count: int) -> list[bytes]:
    """Events of three users; each fourth has the id of the one before, each tenth is no event."""
    made = []
    for n in range(count):
        event = {"event_id": n - (n % 4 == 3), "user_id": n % 3, "item_id": n % 7, "type": "view"}
        made.append(b"{" if n % 10 == 9 else json.dumps({**event, "ts": 1.7e9 + n}).encode())
    return made


def played(times: StageTimes) -> list[tuple[str, bytes | None]]:
    store = MemoryStore()
    model = OnlineModel(LearnerSettings(dim=16, k=3, hidden=4, fresh=1), store.get)
    force = InForce(ENCODER.version, "1")
    parts = ShardParts(times=times, clock=lambda: 1.7e9)
    engine = Engine(store, model, Cleaner(CleanSettings()), force, parts)
    titles = Catalogue(None, ENCODER.version)
    encode = EncodeStep(ENCODER, EventSettings(), titles, times=times)
    outs = []
    for place, value in enumerate(lines(40)):
        for _, batch in encode([Raw("events", "e", place, place + 1, None, value)]):
            outs += engine.process(batch)
        engine.commit()
    if times.passed:
        figures = engine.ledger.as_dict()
        assert times.passed["clean"][:2] == (figures["in"] - 4, figures["learnt"])
        assert times.passed["publish"].stayed == len(outs) - figures["dead_letter"]
    return [(out.topic, out.value) for out in outs]


def test_every_stage_counts_what_goes_in_and_comes_out() -> None:
    times = StageTimes()
    played(times)
    assert tuple(times.passed) == STAGES
    passed = {name: each[:2] for name, each in times.passed.items()}
    assert passed["decode"] == (40, 36), "four lines are no events"
    assert passed["encode"] == (0, 0), "no item has a title"
    assert passed["clean"] == (36, 28)
    assert passed["learn"] == (28, 28)
    assert passed["list"] == (28, 24), "of the first lists nothing is left to recommend"
    assert passed["commit"] == (40, 40)
    assert all(each.seconds > 0 for name, each in times.passed.items())


def test_lists_are_the_same_whether_stages_are_counted_or_not() -> None:
    assert played(StageTimes()) == played(UNTIMED)
    assert UNTIMED.passed == {}


def test_seconds_are_those_of_the_stage() -> None:
    now = [0.0]

    def work(seconds: float) -> list[float]:
        now[0] += seconds
        if seconds > 5:
            raise ValueError(seconds)
        return [seconds] * 3

    times = StageTimes(clock=lambda: now[0])
    stage = times.wrapped("work", work, given=len)
    assert stage(2.0) == stage(seconds=2.0)
    with pytest.raises(ValueError, match="6"):
        stage(6.0)
    assert times.passed["work"] == (2, 6, 4.0)
    assert times.summary().endswith("; commit 0 in, 0 out, 0.000 s; work 2 in, 6 out, 4.000 s")


def test_a_stage_that_is_not_counted_is_left_as_it_is() -> None:
    assert UNTIMED.wrapped("any", lines) is lines


@pytest.mark.parametrize("is_on", [True, False])
def test_a_run_tells_its_stages_at_the_end_where_that_is_on(tmp_path: Path, caplog, is_on) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines(12)) + b"\n")
    names = {"files.events": "events.jsonl", "files.output": "out", "state.path": "state"}
    paths = {name: str(tmp_path / file) for name, file in names.items()}
    settings = {"encoder.name": "hashing-32", "flow.stage_times": is_on, **paths}
    with caplog.at_level(logging.INFO):
        run(load_config(None, settings, {}))
    told = [line for line in caplog.messages if line.startswith("stages: ")]
    assert len(told) == is_on
    assert all("decode 12 in, 11 out, " in line and "; learn 8 in, 8 out" in line for line in told)
