"""A replay with a switch against its twin without: the same events, event by event.

Both runs are cut into the same micro-batches, so that up to the switch they are one run.
Whole users are drawn for the intervals (dataflows/evaluation/metrics/bootstrap.py). Behind the
switch two networks that rank learn on by themselves, and which of them happens to get on better
moves the lists of all users together, which no draw of users tells: so several pairs of runs can be
taken, each with other first weights, and the mean of what they give an event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.config.config import Config
from dataflows.errors import InputError
from dataflows.evaluation.metrics.bootstrap import bootstrap
from dataflows.evaluation.metrics.rank_metrics import MISS, gains
from dataflows.evaluation.metrics.semantic import ContentRanks
from dataflows.evaluation.replay import Replay, ReplaySettings, replay
from encoders.base import Encoder


class Paired(msgspec.Struct, frozen=True):
    """Means without and with the switch, their difference, and its 95 % interval, by users."""

    before: float
    after: float
    gain: float
    low: float
    high: float
    events: int


class Twins(msgspec.Struct, frozen=True):
    """What a switch at record `event` did to the events from there on.

    `content` is the mean of -log2(rank) by meaning alone, in which no network has a part, `lists`
    the hit rate of the first `k` places (tie-safe), the mean over `pairs` pairs of runs. `old`
    and `new` are the fingerprints of the encoders.
    """

    event: int
    version: str
    old: str
    new: str
    k: int
    content: Paired
    lists: Paired
    pairs: int = 1


def twins(  # noqa: PLR0913 - what two replays may be given
    config: Config,
    log: Path,
    items: Path | None,
    promote: tuple[int, str],
    settings: ReplaySettings | None = None,
    *,
    encoder: Encoder | None = None,
    versions: Mapping[str, Encoder] | None = None,
    pairs: int = 1,
    between: Callable[[], None] = lambda: None,
) -> Twins:
    """Replay a log with a switch at record `promote[0]` and without, and compare what follows.

    `encoder` and `versions` as `replay` takes them; `pairs` with as many seeds from
    `learner.seed` on. `between` is called before each run, and may raise. Raises what `replay`
    raises, InputError where no scored event follows the switch, ValueError for no pair.
    """
    if pairs < 1:
        raise ValueError(f"{pairs} pairs of runs tell nothing; the least is 1")
    place, version = promote
    given = settings or ReplaySettings(against=())
    k, seed = config.learner.k, config.learner.seed
    contents = (ContentRanks(place), ContentRanks(place))
    runs: list[Replay] = []
    for number in range(2 * pairs):
        between()
        planned = msgspec.structs.replace(
            given, promote=((place, version if number % 2 else "base"),)
        )
        learner = msgspec.structs.replace(config.learner, seed=seed + number // 2)
        seeded = msgspec.structs.replace(config, learner=learner)
        content = contents[number] if number < len(contents) else None
        runs.append(
            replay(seeded, log, items, planned, encoder, versions=versions, content=content)
        )
    plain, switched = runs[:2]
    if any(plain.scored.event_ids != run.scored.event_ids for run in runs):
        raise InputError("the runs scored other events; this is a fault of the replay")
    first = contents[0].first
    if first is None:
        raise InputError(f"no scored event follows record {place}; switch earlier")
    users = plain.scored.column("user")[first:]
    ids = plain.scored.event_ids[first:]
    hits = np.array([gains(run.scored.column("tie_safe")[first:], k)[:, 0] for run in runs])
    return Twins(
        place,
        version,
        plain.report["versions"]["encoder"],
        switched.report["versions"]["encoder"],
        k,
        _content(contents[0].of(ids), contents[1].of(ids), users, seed),
        paired(hits[::2].mean(axis=0), hits[1::2].mean(axis=0), users, seed),
        pairs,
    )


def paired(
    before: NDArray[np.float64], after: NDArray[np.float64], users: NDArray[np.int64], seed: int
) -> Paired:
    """Compare two figures (n,) of the same events, whose users are numbered (n,)."""
    gained = after - before
    low, high = bootstrap(gained[:, None], users, seed=seed)[0].tolist()
    return Paired(_mean(before), _mean(after), _mean(gained), low, high, len(gained))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _content(
    before: NDArray[np.int64], after: NDArray[np.int64], users: NDArray[np.int64], seed: int
) -> Paired:
    known = (before != MISS) & (after != MISS)
    return paired(-np.log2(before[known]), -np.log2(after[known]), users[known], seed)
