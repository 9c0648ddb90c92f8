"""What lists are ranked by beyond what is learnt, as the configuration names it: prior, signals.

Both are looked up once for all shards of a process.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial
from pathlib import Path

from dataflows.errors import InputError
from learners.codec import StateError
from learners.ranking.columns import TAKEN
from learners.ranking.prior import NONE, PACKAGED, Prior, prior_of, read_prior
from learners.settings import LearnerSettings
from learners.signals.added import AddedSignals, SignalError, makers_of
from learners.signals.items import ItemTable
from learners.signals.signal import SignalMaker
from learners.signals.takings_by_type import TakingsByType

_LARGEST = 64 << 20  # bytes; the packaged one has some ten thousand
_REMEDY = "make it again with `make prior`, or leave learner.prior out (docs/explanation/prior.md)"
_log = logging.getLogger(__name__)


def open_prior(settings: LearnerSettings) -> Prior | None:
    """Return the prior weights that ranking starts from, None where it starts from chance.

    Raises InputError for a file that is missing, damaged or of another format.
    """
    prior = _read(settings.prior)
    if prior is not None and prior.hidden != settings.hidden:
        _log.warning(
            "learner.prior (%s) has weights for learner.hidden = %d, it is %d: a model that starts "
            "anew ranks from chance",
            *(settings.prior, prior.hidden, settings.hidden),
        )
    return prior


def open_signals(
    settings: LearnerSettings, counted: Collection[str] | None = None
) -> tuple[SignalMaker, ...]:
    """Return what makes the signals that are added; each shard has its own.

    `counted` are types of events whose takings are counted for leaderboards, None: there is none.
    Raises InputError for one that no installed package brings, or that is none.
    """
    try:
        makers = makers_of(settings.signals)
        if counted is not None:
            makers = *makers, partial(TakingsByType, counted)
        AddedSignals(makers, ItemTable()).check(TAKEN)
    except SignalError as error:
        raise InputError(str(error)) from error
    return makers


def _read(name: str) -> Prior | None:
    if name in (PACKAGED, NONE):
        return prior_of(name)
    path = Path(name)
    try:
        with path.open("rb") as file:
            blob = file.read(_LARGEST)
    except OSError as error:
        raise InputError(
            f"learner.prior: {path} cannot be read ({error.strerror}); {_REMEDY}"
        ) from error
    try:
        return read_prior(blob)
    except StateError as error:
        # The end of its message is about states, of which this is none.
        what = str(error).partition(";")[0]
        raise InputError(
            f"learner.prior: {path} is no file of prior weights: {what}; {_REMEDY}"
        ) from error
