"""What a round measured of an old and a new model, and what the gate decided on it.

Names of figures that the gate knows are constants here. Others may stand beside them: they
are kept and shown, and nothing hangs on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from dataflows.config.finetune import Kind

LOG_RANK = "log_rank"
"""Mean of -log2(rank) of the true next item on the newest slice: what must be gained."""
UNSEEN = "log_rank_unseen"
"""The same over the events whose item was in no training example."""
COVERAGE = "coverage"
"""Share of the catalogue in the top-10s of the slice; from 0 to 1."""
PIPELINE = "pipeline_hit_rate"
"""HR@10 of the whole recommender, replayed over the slice; from 0 to 1."""
CHECK = "check:"
"""Prefix of figures on the fixed check set, such as `check:intent_accuracy`."""

Goal = Literal["gain", "keep"]
Verdict = Literal["promote", "refuse"]


class PairedMeasure(msgspec.Struct, frozen=True):
    """One measure of both models over the same events.

    `gain` is what the new one is better by, in the unit of the figure: above 0 is better
    also for a loss, where `after` is the smaller. `low` and `high` are its 95 % interval,
    paired, clustered by user; both equal `gain` where there is none.
    """

    before: float
    after: float
    gain: float
    low: float
    high: float

    @property
    def is_finite(self) -> bool:
        """Whether all of it is numbers."""
        return all(map(math.isfinite, (self.before, self.after, self.gain, self.low, self.high)))


class TrainingHealth(msgspec.Struct, frozen=True):
    """How the training itself went.

    `finite`: no loss was NaN or infinite. `steps` of the optimiser that were made, `changed`
    the norm of the change of the weights that were trained relative to theirs, `targets` how
    many targets (words, positive pairs) took part in a loss.
    """

    finite: bool
    steps: int
    changed: float
    targets: int
    first_loss: float | None = None
    last_loss: float | None = None
    seconds: float = 0.0
    peak_bytes: int = 0


class Evidence(msgspec.Struct, frozen=True):
    """All that is known of a new model against the one in force.

    `events` is how many events of the newest slice were scored. `health` is None where
    nothing was trained on purpose, as in a compression.
    """

    kind: Kind
    events: int
    figures: dict[str, PairedMeasure]
    health: TrainingHealth | None


class GateDecision(msgspec.Struct, frozen=True):
    """What the gate decided, and all that it decided on; each one is kept.

    `reasons` of a refusal are sentences, all that apply; `notes` tell what could not be
    measured. `candidate` is the id of the version judged ("" where it was not kept), `against`
    that of the one it was compared with ("" for the configured model). `time` is seconds since
    1970; `data` tells the span of the events; `round` names the round for ever.
    """

    kind: Kind
    verdict: Verdict
    reasons: tuple[str, ...]
    evidence: Evidence
    notes: tuple[str, ...] = ()
    goal: Goal = "gain"
    candidate: str = ""
    against: str = ""
    time: float = 0.0
    data: dict[str, float] = {}
    round: str = ""

    @property
    def is_promoted(self) -> bool:
        """Whether the new one goes live."""
        return self.verdict == "promote"


def health_of(
    losses: Sequence[float],
    *,
    steps: int,
    changed: float,
    targets: int,
    seconds: float = 0.0,
    peak_bytes: int = 0,
) -> TrainingHealth:
    """Return the health of a training from its losses, one a step, oldest first."""
    return TrainingHealth(
        all(map(math.isfinite, losses)) and math.isfinite(changed),
        steps,
        changed if math.isfinite(changed) else 0.0,
        targets,
        _first_finite(losses[:1]),
        _first_finite(losses[-1:]),
        seconds,
        peak_bytes,
    )


def _first_finite(losses: Iterable[float]) -> float | None:
    """Return the one loss; None for none, and where JSON could not hold it."""
    return next((float(loss) for loss in losses if math.isfinite(loss)), None)
