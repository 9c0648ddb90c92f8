"""How a new encoder does against the one in force, for the gate.

The figure that must be gained is the mean of -log2(rank) of what a user takes next, by meaning
alone (`questions`), over the newest slice; beside it the same over items unseen in
training, recall, coverage, the hit rate of the whole recommender in a replay, and a fixed check
set: short requests under the need that each is about, the same for every log. An encoder that
forgets what words mean in order to know which items go together fails there. Every figure is
paired, and its interval drawn over whole users.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.config.config import Config, StateSettings
from dataflows.config.generate import GenerateSettings
from dataflows.datasets.shop.needs import NEEDS
from dataflows.evaluation.paired_replay import Paired, paired, twins
from dataflows.evaluation.replay import ReplaySettings
from dataflows.finetune.encoder.holdout import trained_texts
from dataflows.finetune.encoder.questions import Answers, Questions, answer, questions
from dataflows.finetune.tuner import RoundStopped, StageProgress, Stop, Tell
from dataflows.finetune.window.window import Split, write_log
from dataflows.registry.decisions import (
    CHECK,
    COVERAGE,
    LOG_RANK,
    PIPELINE,
    UNSEEN,
    Evidence,
    PairedMeasure,
    TrainingHealth,
)
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder

RECALL = (10, 50)
LIVE = "log_rank_live"
"""The gain of -log2(rank) by meaning alone as the running model sees it, in the replay."""
REPLAYED = 4_000
"""Events of the newest slice that are replayed at most."""
BEFORE = 16_000
"""Events before them that the recommender learns first, at most: a young one leans on meaning
more than one that has seen its stream, and no two young ones do equally well."""
_CACHED = 100_000


def encoder_evidence(
    old: Encoder,
    new: Encoder,
    parted: Split,
    health: TrainingHealth | None,
    config: Config,
    tell: Tell = lambda step: None,  # noqa: ARG005 - nobody listens
    stop: Stop = lambda: False,
) -> Evidence:
    """Measure both encoders on the newest slice, on the check set, and in a replay.

    After a loss that is not finite, and for two of the same, nothing is measured: the gate has
    its reason. Raises `RoundStopped` where `stop` said so.
    """
    if new.version == old.version or (health is not None and not health.finite):
        return Evidence("encoder", 0, {}, health)
    pair = CachedEncoder(old, _CACHED), CachedEncoder(new, _CACHED)
    seed = config.learner.seed
    asked = questions(parted, config.learner.recent, seed)
    answers = []
    for encoder, which in zip(pair, ("old", "new"), strict=True):
        _go_on(stop)
        tell(StageProgress(f"measuring: the {which} encoder reads {len(asked.texts)} items"))
        answers.append(answer(asked, encoder.encode(asked.texts)))
    figures = slice_figures(asked, answers[0], answers[1], trained_texts(parted), seed)
    _go_on(stop)
    figures[f"{CHECK}needs"] = _check(*pair, seed)
    tell(StageProgress(f"measuring: the whole recommender, replayed {2 * config.gate.pairs} times"))
    replayed = _replayed(*pair, parted, config, lambda: _go_on(stop))
    _go_on(stop)
    return Evidence("encoder", len(asked.taken), figures | replayed, health)


def slice_figures(
    asked: Questions, old: Answers, new: Answers, trained: set[str], seed: int
) -> dict[str, PairedMeasure]:
    """Compare the answers of two encoders to the same questions."""
    users = asked.users
    if not len(users):
        return {}
    is_unseen = np.array([asked.texts[item] not in trained for item in asked.taken.tolist()])
    before, after = -np.log2(old.ranks), -np.log2(new.ranks)
    figures = {LOG_RANK: _paired(before, after, users, seed)}
    if is_unseen.any():
        unseen = before[is_unseen], after[is_unseen], users[is_unseen]
        figures[UNSEEN] = _paired(*unseen, seed)
    for k in RECALL:
        figures[f"recall@{k}"] = _paired(old.ranks <= k, new.ranks <= k, users, seed)
    figures["mrr"] = _paired(1.0 / old.ranks, 1.0 / new.ranks, users, seed)
    items = max(1, int(asked.candidates.sum()))
    figures[COVERAGE] = _plain(old.listed / items, new.listed / items)
    return figures


def reciprocal_ranks(encoder: Encoder) -> NDArray[np.float64]:
    """Return 1 / rank (n,) of each request's own need among all needs; ties lose.

    A need is the mean of the vectors of its requests, the one asked about left out.
    """
    phrases = [(number, phrase) for number, need in enumerate(NEEDS) for phrase in need.phrases]
    owner = np.array([number for number, _ in phrases])
    rows = encoder.encode([phrase for _, phrase in phrases]).astype(np.float64)
    belongs = np.eye(len(NEEDS))[owner]
    sums, counts = belongs.T @ rows, belongs.sum(axis=0)
    scores = rows @ (sums / counts[:, None]).T
    places = np.arange(len(rows))
    own = (sums[owner] - rows) / (counts[owner] - 1)[:, None]
    scores[places, owner] = (rows * own).sum(axis=1)
    # Put this way round, a score that is no number stands before all others.
    ranks = np.count_nonzero(~(scores < scores[places, owner][:, None]), axis=1)
    reciprocal: NDArray[np.float64] = 1.0 / ranks
    return reciprocal


def _check(old: Encoder, new: Encoder, seed: int) -> PairedMeasure:
    before, after = reciprocal_ranks(old), reciprocal_ranks(new)
    return _paired(before, after, np.arange(len(before)), seed)


def _replayed(
    old: Encoder, new: Encoder, parted: Split, config: Config, between: Callable[[], None]
) -> dict[str, PairedMeasure]:
    """Replay the end of the window with a switch and without, `gate.pairs` times each."""
    newest = parted.newest[:REPLAYED]
    before = parted.train[-BEFORE:]
    if not newest or not before:
        return {}
    with tempfile.TemporaryDirectory(prefix="penchant-gate-") as scratch:
        log, items = write_log(Path(scratch), [*before, *newest], parted.items)
        plain = msgspec.structs.replace(
            config,
            generate=GenerateSettings(),
            state=StateSettings(path=str(Path(scratch) / "state")),
        )
        place = len(before)
        share = place / (place + len(newest))
        planned = ReplaySettings(against=(), warmup=share)
        with _apart():
            compared = twins(
                plain,
                log,
                items,
                (place, "new"),
                planned,
                encoder=old,
                versions={"new": new},
                pairs=config.gate.pairs,
                between=between,
            )
    return {PIPELINE: _figure(compared.lists), LIVE: _figure(compared.content)}


@contextmanager
def _apart() -> Iterator[None]:
    """Keep what a replay would warn of, such as drift, off the log of the running process."""
    engine = logging.getLogger("dataflows.engine.shard")
    level = engine.level
    engine.setLevel(logging.ERROR)
    try:
        yield
    finally:
        engine.setLevel(level)


def _figure(compared: Paired) -> PairedMeasure:
    return PairedMeasure(
        compared.before, compared.after, compared.gain, compared.low, compared.high
    )


def _paired(
    old: NDArray[np.generic], new: NDArray[np.generic], users: NDArray[np.int64], seed: int
) -> PairedMeasure:
    return _figure(paired(old.astype(np.float64), new.astype(np.float64), users, seed))


def _plain(before: float, after: float) -> PairedMeasure:
    return PairedMeasure(before, after, after - before, after - before, after - before)


def _go_on(stop: Stop) -> None:
    if stop():
        raise RoundStopped
