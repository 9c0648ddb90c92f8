from __future__ import annotations

import numpy as np

from benchmarks import prior as bench
from benchmarks.simulated_streams import World
from learners.types import Interaction, Item


def test_making_a_prior_twice_gives_the_same_bytes() -> None:
    first, again = bench.make(3, 5), bench.make(3, 5)
    assert first.packed() == again.packed()
    assert first.fingerprint != bench.make(3, 6).fingerprint
    assert first.made_of["streams"] == 3


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
