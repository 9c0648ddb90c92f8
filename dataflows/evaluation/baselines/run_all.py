"""All baselines of a replay, one after another, once the recommender has been judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflows.evaluation.baselines.catalogue import BASELINES, Entrants, open_baseline
from dataflows.evaluation.baselines.runner import BaselineRun, run_baseline, warm_up
from dataflows.evaluation.judging.prequential import Prequential

Follow = Callable[[str, int, int], object]
"""Told the name of the baseline under way, the groups that it has done, and how many there are."""


def hold_contest(
    entrants: Entrants, judge: Prequential, follow: Follow | None = None
) -> dict[str, dict[str, Any]]:
    """Run every baseline over what the judge saw; their ranks become columns of its rows.

    Returns what is to be said of each but its figures. A baseline that fails takes nothing from
    the others: it joins those left out, with the error.
    """
    reports: dict[str, dict[str, Any]] = {}
    for name in entrants.baselines:
        try:
            run = _run(name, entrants, judge, follow)
        except Exception as error:  # noqa: BLE001 - hours of other baselines' work are at stake
            entrants.left_out[name] = f"failed: {type(error).__name__}: {error}"
            continue
        judge.scored.add_baseline(name, run.ranks)
        reports[name] = {
            "cpu_seconds": run.cpu_seconds,
            "events_per_cpu_second": run.events / run.cpu_seconds if run.cpu_seconds else None,
            "notes": [*_brought_by(name, entrants), *run.notes],
        }
    return reports


def _brought_by(name: str, entrants: Entrants) -> list[str]:
    """Return the remark that says whose a baseline is, for one of another package."""
    return [f"brought by {entrants.brought[name]}"] if name in entrants.brought else []


def _run(name: str, entrants: Entrants, judge: Prequential, follow: Follow | None) -> BaselineRun:
    trace = judge.trace
    if name in BASELINES or name in entrants.brought:
        warm_up(open_baseline(name, 0), trace)
    tick = None if follow is None else lambda done: follow(name, done, len(trace))
    run = run_baseline(entrants.baselines[name], trace, repeats_on=judge.repeats_on, tick=tick)
    if follow is not None:
        follow(name, len(trace), len(trace))
    return run
