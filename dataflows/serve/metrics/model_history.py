"""What was decided about models: read from the registry now and then, never at a scrape."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.registry.decisions import GateDecision
from dataflows.registry.history import line_of
from dataflows.registry.manifest import KINDS, Promotion
from dataflows.registry.registry import Registry
from dataflows.serve.metrics.families import Families
from dataflows.serve.status import NEWEST, ModelDecision, VersionInForce

LOOK_EVERY = 15.0
"""Seconds between two looks."""

_log = logging.getLogger(__name__)


class ModelHistory:
    """Keeps the promotions and the newest decisions of the gate that a registry holds.

    `look` is called now and then by a thread that may wait for a store far away.
    """

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._next = clock()
        self._promotions: list[Promotion] = []
        self._decisions: list[GateDecision] = []
        self._read = -1
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._seldom = RareWarnings(_log)

    def look(self, *, now: bool = False) -> None:
        """Read what is new there, if the last look was `LOOK_EVERY` seconds ago, or `now`.

        Never raises: a registry that cannot be read is logged and tried again.
        """
        if not now and self._clock() < self._next:
            return
        self._next = self._clock() + LOOK_EVERY
        last = self._promotions[-1].sequence if self._promotions else -1
        try:
            promotions = self._registry.promotions(last)
            newest = self._registry.newest_decision()
            decisions = self._registry.decisions(self._read) if newest > self._read else []
        # Stores raise what they like; the figures of before stand.
        except Exception as error:  # noqa: BLE001
            self._seldom.warn("unread", "the registry of models cannot be read: %s", error)
            return
        with self._lock:
            self._promotions += promotions
            self._read = newest
            self._counts.update((one.kind, one.verdict) for one in decisions)
            self._decisions = [*self._decisions, *decisions][-NEWEST:]

    def in_force(self) -> tuple[VersionInForce, ...]:
        """Return what is in force of each kind, by what was promoted."""
        with self._lock:
            lines = {kind: line_of(self._promotions, kind) for kind in KINDS}
        return tuple(
            VersionInForce(
                kind=kind, version=line[-1], previous=line[-2] if len(line) > 1 else None
            )
            for kind, line in lines.items()
        )

    def decided(self) -> tuple[ModelDecision, ...]:
        """Return the newest decisions, of the gate and of who promotes, the newest first."""
        with self._lock:
            found = [*map(_of_gate, self._decisions), *map(_of_promotion, self._newest())]
        return tuple(sorted(found, key=lambda one: one.time, reverse=True)[:NEWEST])

    def gather(self, into: Families) -> None:
        """Add how many decisions and promotions there were."""
        with self._lock:
            decisions = self._counts.copy()
            promotions = Counter((one.kind, one.action) for one in self._promotions)
        for (kind, verdict), count in sorted(decisions.items()):
            into.add("penchant_gate_decisions_total", count, kind, verdict)
        for (kind, action), count in sorted(promotions.items()):
            into.add("penchant_promotions_total", count, kind, action)

    def _newest(self) -> Iterable[Promotion]:
        return self._promotions[-NEWEST:]


def _of_gate(one: GateDecision) -> ModelDecision:
    return ModelDecision(
        time=one.time,
        kind=one.kind,
        version=one.candidate,
        action="passed" if one.is_promoted else "refused",
        reasons=one.notes if one.is_promoted else one.reasons,
    )


def _of_promotion(one: Promotion) -> ModelDecision:
    return ModelDecision(
        time=one.time,
        kind=one.kind,
        version=one.version,
        action=one.action,
        reasons=(one.reason,),
    )
