"""The prior weights that the configuration names, read once for all shards of a process."""

from __future__ import annotations

import logging
from pathlib import Path

from dataflows.errors import InputError
from learners.codec import StateError
from learners.ranking.prior import NONE, PACKAGED, Prior, prior_of, read_prior
from learners.settings import LearnerSettings

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
