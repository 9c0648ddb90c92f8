"""Make the prior weights of the ranking network from simulated streams.

    python -m benchmarks.prior --out prior.msgpack
    python -m benchmarks.prior --out own.msgpack --log events.jsonl items.jsonl

Each stream begins with the weights made so far, as a log of somebody's would, and is learnt by the
whole recommender; the weights then go a part of the way towards what it ended with (Reptile:
Nichol, Achiam and Schulman, 2018, "On first-order meta-learning algorithms").

With `--log` the streams of logs of one's own are learnt last, in pieces. The packaged file is made
of simulated streams alone, since most logs may not be handed on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.own_streams import Log, read_log
from benchmarks.simulated_streams import World
from dataflows.errors import InputError
from learners.online_model import OnlineModel
from learners.ranking.columns import layout
from learners.ranking.preference_learner import PreferenceLearner
from learners.ranking.prior import Prior, refitted
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

TARGET = Path(__file__).resolve().parent.parent / "learners/ranking/prior.msgpack"
STREAMS = 200
SHORTEST, LONGEST = 60, 1500
FIRST_STEP, LAST_STEP = 0.7, 0.05
_LEARNT = ("averaged", "mean_square", "mean", "variance")


def learn(model: OnlineModel, steps: Any) -> None:
    for step in steps:
        if isinstance(step, Item):
            model.put_item(step)
        elif isinstance(step, Interaction):
            model.learn(step)
        else:
            model.remove_item(step)


def beginning(settings: LearnerSettings) -> Prior:
    columns = layout(generated=settings.generated > 0, searching=True, returning=True).names
    learner = PreferenceLearner(len(columns), settings.hidden, settings.learning_rate, 0)
    return Prior(columns, settings.hidden, learner.state(), {})


def towards(prior: Prior, model: OnlineModel, share: float) -> Prior:
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


def make(
    streams: int,
    seed: int = 0,
    logs: Sequence[Log] = (),
    longest: int = LONGEST,
    *,
    shown: bool = False,
) -> Prior:
    """Make prior weights of so many simulated streams of at most `longest` events, then of logs."""
    settings = LearnerSettings(prior="none")
    prior, events = beginning(settings), 0
    for number in range(streams):
        rng = np.random.default_rng((seed, number))
        world = World(rng)
        most = int(np.exp(rng.uniform(np.log(SHORTEST), np.log(longest))))
        model = OnlineModel(
            msgspec.structs.replace(settings, dim=world.dim, repeats=world.repeats, seed=number),
            prior=prior,
        )
        learn(model, world.steps(most))
        events += model.position + 1
        done = number / max(streams - 1, 1)
        prior = towards(prior, model, FIRST_STEP * (LAST_STEP / FIRST_STEP) ** done)
        if shown and number % 20 == 19:
            said = f"{number + 1} of {streams} streams, {events:,} events"
            print(f"{said}, {time.process_time():.0f} s", flush=True)
    made_of = {"simulated": streams, "events": events, "seed": seed, "logs": []}
    for log in logs:
        for steps in log.streams():
            own = msgspec.structs.replace(log.settings, hidden=prior.hidden)
            model = OnlineModel(own, prior=prior)
            learn(model, steps)
            prior = towards(prior, model, LAST_STEP)
        made_of["logs"].append(len(log.interactions))
    return Prior(prior.columns, prior.hidden, prior.start(prior.columns, prior.hidden), made_of)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=TARGET, help="the file; default: %(default)s")
    parser.add_argument("--streams", type=int, default=STREAMS, help="how many are simulated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--log",
        nargs="+",
        type=Path,
        action="append",
        default=[],
        metavar=("EVENTS", "ITEMS"),
        help="a converted log of your own, with or without its catalogue; may be repeated",
    )
    given = parser.parse_args()
    if given.log and given.out == TARGET:
        parser.error("--log needs an --out of its own: the packaged file holds no logs")
    if any(len(files) > 2 for files in given.log):
        parser.error("--log takes a file of events and a file of items")
    try:
        logs = [read_log(*files, *[None] * (2 - len(files))) for files in given.log]
    except InputError as error:
        parser.error(str(error))
    prior = make(given.streams, given.seed, logs, shown=True)
    given.out.write_bytes(prior.packed())
    print(f"{given.out}: prior {prior.fingerprint}, {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
