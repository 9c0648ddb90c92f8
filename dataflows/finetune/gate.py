"""The gate: a new model goes live only where it is proved better, and harms nothing.

It refuses, each with its reason: a loss that is not finite, nothing trained, targets all cut
away, no gain on the newest slice, harm on the fixed check set, on items unseen in training,
to coverage, or to the whole recommender. Every reason that applies is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from dataflows.config.finetune import Kind
from dataflows.config.gate import GateSettings
from dataflows.registry.decisions import (
    CHECK,
    COVERAGE,
    LOG_RANK,
    PIPELINE,
    UNSEEN,
    Evidence,
    GateDecision,
    Goal,
    PairedMeasure,
    TrainingHealth,
    Verdict,
)

HALF_WIDTH = 1.96
"""Half the width of a 95 % interval, in standard errors."""

NEEDED: dict[Kind, tuple[str, ...]] = {
    "encoder": (LOG_RANK, COVERAGE, PIPELINE),
    "language": (LOG_RANK,),
}
"""Figures without which nothing goes live. `UNSEEN` may be missing: a slice may have none."""


class _Guard(msgspec.Struct, frozen=True):
    """What may not be lost: a fall of more than `limit`, or any that is proved."""

    what: str
    limit: float
    is_relative: bool = False
    is_strict: bool = False
    """Whether any proved loss is harm, however small."""

    def harm(self, figure: PairedMeasure, goal: Goal) -> str | None:
        """Return what was harmed, or None. A smaller form always loses a little, for certain."""
        limit = self.limit * abs(figure.before) if self.is_relative else self.limit
        change = f"{self.what}: {figure.before:.4g} -> {figure.after:.4g}"
        if figure.gain < -limit:
            return f"{change}, {-figure.gain:.4g} worse; the limit is {limit:.4g}"
        if self.is_strict and goal == "gain" and figure.high < 0:
            return f"{change}, worse for certain ({_interval(figure)})"
        return None


def judge(
    evidence: Evidence, settings: GateSettings | None = None, goal: Goal = "gain"
) -> GateDecision:
    """Decide on a new model. Pure: the same evidence gives the same decision.

    With `goal` "keep" (a compressed model) no gain is asked for: the loss of -log2(rank) must
    lie within `keep_loss`, with its whole interval, and a loss elsewhere within its limit, even
    where it is certain.
    """
    rules = settings or GateSettings()
    reasons = list(_health(evidence.health, rules, goal))
    if evidence.figures or not reasons:  # what did not train need not be measured
        reasons += _measured(evidence, rules)
        reasons += _newest(evidence.figures.get(LOG_RANK), rules, goal)
        reasons += _harms(evidence.figures, rules, goal)
    verdict: Verdict = "refuse" if reasons else "promote"
    notes = tuple(_notes(evidence))
    return GateDecision(evidence.kind, verdict, tuple(reasons), _finite(evidence), notes, goal)


def _health(health: TrainingHealth | None, rules: GateSettings, goal: Goal) -> Iterator[str]:
    """Yield what is wrong with the training itself."""
    if health is None:
        if goal == "gain":
            yield "nothing is known of the training"
        return
    if not health.finite:
        yield "the loss is not finite"
    if health.targets < 1:
        yield "the targets were all cut away: nothing took part in the loss"
    if health.steps < 1:
        yield "nothing was trained: no step was made"
    elif not health.changed >= rules.least_change:
        yield (
            f"nothing was trained: the weights changed by {health.changed:.2g} of their norm; "
            f"the least is {rules.least_change:.2g}"
        )


def _measured(evidence: Evidence, rules: GateSettings) -> Iterator[str]:
    """Yield what is missing, and what is no number."""
    if evidence.events < rules.least_events:
        yield (
            f"too little to judge by: {evidence.events} events of the newest slice; "
            f"the least is {rules.least_events}"
        )
    for name in NEEDED[evidence.kind]:
        if name not in evidence.figures:
            yield f"{name} was not measured"
    if not any(name.startswith(CHECK) for name in evidence.figures):
        yield "the fixed check set was not measured"
    for name, figure in evidence.figures.items():
        is_judged = name == LOG_RANK or _guard(name, rules) is not None
        if is_judged and not figure.is_finite:
            yield f"{name} is not finite"


def _newest(figure: PairedMeasure | None, rules: GateSettings, goal: Goal) -> Iterator[str]:
    """Yield why the newest slice does not speak for the new model."""
    if figure is None or not figure.is_finite:
        return
    shift = f"mean -log2(rank) {figure.before:.4g} -> {figure.after:.4g}, {_interval(figure)}"
    if goal == "keep":
        if figure.low < -rules.keep_loss:
            yield f"too much is lost on the newest slice: {shift}; the limit is {rules.keep_loss:g}"
        return
    error = (figure.high - figure.low) / 2 / HALF_WIDTH
    if figure.low <= 0 or figure.gain <= rules.z * error:
        yield f"no gain on the newest slice: {shift}; wanted is z > {rules.z:g}"


def _harms(figures: dict[str, PairedMeasure], rules: GateSettings, goal: Goal) -> Iterator[str]:
    for name, figure in figures.items():
        guard = _guard(name, rules)
        if guard is not None and figure.is_finite:
            harm = guard.harm(figure, goal)
            if harm is not None:
                yield harm


def _guard(name: str, rules: GateSettings) -> _Guard | None:
    """Return the guard over a figure; None where nothing hangs on it."""
    if name.startswith(CHECK):
        what = f"harm on the fixed check set, {name.removeprefix(CHECK)}"
        return _Guard(what, rules.check_loss, is_relative=True)
    guards = {
        UNSEEN: _Guard("harm on items unseen in training", rules.unseen_loss, is_strict=True),
        COVERAGE: _Guard("harm to coverage", rules.coverage_loss, is_relative=True),
        PIPELINE: _Guard("harm to the whole recommender", rules.pipeline_loss, is_strict=True),
    }
    return guards.get(name)


def _finite(evidence: Evidence) -> Evidence:
    """Leave out what is no number: a decision is kept as JSON, which has no word for it."""
    figures = {name: figure for name, figure in evidence.figures.items() if figure.is_finite}
    health = evidence.health
    if health is not None and not math.isfinite(health.changed):
        health = msgspec.structs.replace(health, changed=0.0)
    return msgspec.structs.replace(evidence, figures=figures, health=health)


def _notes(evidence: Evidence) -> Iterator[str]:
    if evidence.kind == "encoder" and UNSEEN not in evidence.figures:
        yield "no event of the newest slice was about an item unseen in training"
    for name, figure in evidence.figures.items():
        if not figure.is_finite:
            yield f"{name} is no number and is left out"


def _interval(figure: PairedMeasure) -> str:
    return f"gain {figure.gain:.4g} [{figure.low:.4g}, {figure.high:.4g}]"
