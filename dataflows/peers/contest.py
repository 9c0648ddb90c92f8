"""All peers of a replay, one after another, once the recommender has been judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflows.peers.catalogue import PEERS, Entrants
from dataflows.peers.run import PeerRun, run_peer, warm_up
from dataflows.prequential import Prequential

Follow = Callable[[str, int, int], object]
"""Told the name of the peer under way, the groups that it has done, and how many there are."""


def hold_contest(
    entrants: Entrants, judge: Prequential, follow: Follow | None = None
) -> dict[str, dict[str, Any]]:
    """Run every peer over what the judge saw; their ranks become columns of its rows.

    Returns what is to be said of each but its figures. A peer that fails takes nothing from
    the others: it joins those left out, with the error.
    """
    told: dict[str, dict[str, Any]] = {}
    for name in entrants.peers:
        try:
            run = _run(name, entrants, judge, follow)
        except Exception as error:  # noqa: BLE001 - hours of other peers' work are at stake
            entrants.left_out[name] = f"failed: {type(error).__name__}: {error}"
            continue
        judge.scored.add_peer(name, run.ranks)
        told[name] = {
            "cpu_seconds": run.cpu_seconds,
            "events_per_cpu_second": run.events / run.cpu_seconds if run.cpu_seconds else None,
            "notes": list(run.notes),
        }
    return told


def _run(name: str, entrants: Entrants, judge: Prequential, follow: Follow | None) -> PeerRun:
    trace = judge.trace
    if name in PEERS:
        warm_up(PEERS[name](0), trace)
    tick = None if follow is None else lambda done: follow(name, done, len(trace))
    run = run_peer(entrants.peers[name], trace, repeats_on=judge.repeats_on, tick=tick)
    if follow is not None:
        follow(name, len(trace), len(trace))
    return run
