from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import prior as bench
from benchmarks.own_streams import read_log
from benchmarks.simulated_streams import World
from dataflows.datasets.shop.shop import Shop
from encoders.backends.hashing import HashingEncoder
from learners.types import Interaction, Item


def test_making_a_prior_twice_gives_the_same_bytes() -> None:
    first, again = bench.make(3, 5, longest=90), bench.make(3, 5, longest=90)
    assert first.packed() == again.packed()
    assert first.fingerprint != bench.make(3, 6, longest=90).fingerprint
    assert first.made_of["simulated"] == 3


def test_streams_differ_and_hold_what_they_should() -> None:
    searches = stars = dislikes = repeats = 0
    for seed in range(12):
        world = World(np.random.default_rng(seed))
        steps = list(world.steps(120))
        events = [step for step in steps if isinstance(step, Interaction)]
        assert len(events) == 120
        assert [event.position for event in events] == list(range(120))
        times = [event.ts for event in events]
        assert times == sorted(times)
        known: set[str] = set()
        for step in steps:
            if isinstance(step, Item):
                known.add(step.item_id)
            elif isinstance(step, Interaction) and step.item_id is not None:
                assert step.item_id in known
        pairs = [(event.user_id, event.item_id) for event in events if event.item_id]
        searches += sum(event.item_id is None for event in events)
        stars += sum(event.value is not None for event in events)
        dislikes += sum(event.weight <= 0 for event in events)
        repeats += len(pairs) - len(set(pairs))
    assert min(searches, stars, dislikes, repeats) > 10


def test_a_log_of_ones_own_is_learnt_too(tmp_path: Path) -> None:
    Shop(seed=7, items=40, users=20).write(tmp_path, 130)
    log = read_log(tmp_path / "events.jsonl", tmp_path / "items.jsonl", HashingEncoder(32))
    assert len(log.items) >= 40
    assert 100 < len(log.interactions) <= 130
    assert any(event.item_id is None for event in log.interactions)
    pieces = list(log.streams(50))
    assert len(pieces) == -(-len(log.interactions) // 50)
    plain, taught = bench.make(2, longest=90), bench.make(2, 0, [log], 90)
    assert taught.made_of["logs"] == [len(log.interactions)]
    assert taught.packed() != plain.packed()
    assert taught.packed() == bench.make(2, 0, [log], 90).packed()


def test_the_packaged_file_is_not_made_of_logs(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["prior", "--log", "events.jsonl"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "the packaged file holds no logs" in capsys.readouterr().err
