"""Make the prior weights of the ranking network from simulated streams.

    python -m benchmarks.prior --out prior.msgpack

Each stream begins with the weights made so far, as a log of somebody's would, and is learnt by the
whole recommender; the weights then go a part of the way towards what it ended with (Reptile:
Nichol, Achiam and Schulman, 2018, "On first-order meta-learning algorithms").
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.simulated_streams import World
from learners.ranking.features import features_of
from learners.ranking.preference_learner import PreferenceLearner, refitted
from learners.ranking.prior import Prior
from learners.recommender import Recommender
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

TARGET = Path(__file__).resolve().parent.parent / "learners/ranking/prior.msgpack"
STREAMS = 220
SHORTEST, LONGEST = 60, 1500
FIRST_STEP, LAST_STEP = 0.7, 0.05
_LEARNT = ("averaged", "mean_square", "mean", "variance")


def learn(model: Recommender, steps: Any) -> None:
    for step in steps:
        if isinstance(step, Item):
            model.put_item(step)
        elif isinstance(step, Interaction):
            model.learn(step)
        else:
            model.remove_item(step)


def beginning(settings: LearnerSettings) -> Prior:
    columns = features_of(settings, searching=True)
    learner = PreferenceLearner(len(columns), settings.hidden, settings.learning_rate, 0)
    return Prior(columns, settings.hidden, learner.state(), {})


def towards(prior: Prior, model: Recommender, share: float) -> Prior:
    """Return the prior, moved the share of the way to what a model that began with it is now."""
    state = prior.start(prior.columns, prior.hidden)
    begun = prior.start(model.columns, prior.hidden)
    ended = model.preference.state()
    # Columns that the stream never had stay: both ends have 0 there.
    before = refitted(begun, model.columns, prior.columns, prior.hidden)
    after = refitted(ended, model.columns, prior.columns, prior.hidden)
    for name in _LEARNT:
        state[name] = state[name] + share * (after[name] - before[name])
    state["mean_square"] = np.maximum(state["mean_square"], 0.0)
    return Prior(prior.columns, prior.hidden, state, {})


def make(streams: int, seed: int = 0, *, shown: bool = False, **change: Any) -> Prior:
    settings = LearnerSettings(**change)
    prior = beginning(settings)
    events = 0
    for number in range(streams):
        rng = np.random.default_rng((seed, number))
        world = World(rng)
        most = int(np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST))))
        model = Recommender(
            msgspec.structs.replace(settings, dim=world.dim, repeats=world.repeats, seed=number),
            prior=prior,
        )
        learn(model, world.steps(most))
        events += model.position + 1
        done = number / max(streams - 1, 1)
        prior = towards(prior, model, FIRST_STEP * (LAST_STEP / FIRST_STEP) ** done)
        if shown and number % 20 == 19:
            print(
                f"{number + 1} of {streams} streams, {events:,} events, {time.process_time():.0f} s"
            )
    made_of = {"streams": streams, "events": events, "seed": seed, "simulated": True}
    return Prior(prior.columns, prior.hidden, prior.start(prior.columns, prior.hidden), made_of)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    prior = make(given.streams, given.seed, shown=True)
    given.out.write_bytes(prior.packed())
    print(f"{given.out}: prior {prior.fingerprint}, {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
