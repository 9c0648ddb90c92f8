"""Choosing by rules: before the list is cut, so that it stays as long as was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.ranking.components import NamedSource, Numbers, Scores, Selector
from learners.ranking.context import CandidateBatch, Context
from learners.ranking.pipeline import Chosen, Pipeline
from learners.ranking.rules.rule_set import Asker, RuleSet
from learners.signals.semantic import SemanticIndex

Raised = tuple[str, NDArray[np.float32]]


class Ruled(NamedTuple):
    """A choice by rules: `names` of those that changed the list, in their order.

    `places` holds for each item of the list those that put it where it is.
    """

    chosen: Chosen
    names: tuple[str, ...] = ()
    places: tuple[tuple[str, ...], ...] = ()


class _Allowed:
    """Lets pass what no rule keeps out of every list."""

    name = "rules"

    def __init__(self, rules: RuleSet, asker: Asker) -> None:
        self._rules, self._asker = rules, asker

    def keep(self, ids: Numbers, _context: Context) -> NDArray[np.bool_]:
        return self._rules.refused(ids, self._asker) < 0


Order = Callable[[Scores, int], NDArray[np.intp]]
"""Returns the places of the best so many of some scores (n,)."""


class RuleChooser:
    """Chooses by rules from items with scores; `spoke` are the rules that had a say.

    `put` tells of items, by number, which rules put them where they are. `vectors` returns those of
    items (n, dim).
    """

    def __init__(
        self, rules: RuleSet, asker: Asker, vectors: Callable[[Numbers], NDArray[np.float32]]
    ) -> None:
        self._rules, self._asker, self._vectors = rules, asker, vectors
        self.spoke: set[str] = set()
        self.put: dict[int, list[str]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rules that had a say, in the order of the rules."""
        return tuple(name for name in self._rules.names if name in self.spoke)

    def choose(self, ids: Numbers, scores: Scores, k: int, by: Order) -> list[int]:
        """Return the places of `k` of the items (n,), fewer where rules keep more out."""
        rules = self._rules
        raised, refused = rules.raised(ids), rules.refused(ids, self._asker)
        self.put = {}
        for place in by(scores, k).tolist():
            if refused[place] >= 0:  # also where a boost alone would have moved it out of sight
                self.spoke.add(rules.refusals[refused[place]][0])
        found = self._walk(ids, _added(scores, raised), refused, k, by, note=True)
        changed = [
            one
            for one in raised
            if self._walk(ids, _added(scores, raised, but=one), refused, k, by) != found
        ]
        if raised and not changed and self._walk(ids, scores, refused, k, by) != found:
            changed = raised  # each alone is enough
        for name, each in changed:
            self.spoke.add(name)
            for place in found:
                if each[place]:
                    self.put.setdefault(int(ids[place]), []).append(name)
        return self._with_pins(ids, found, refused, k)

    def _walk(
        self,
        ids: Numbers,
        scores: Scores,
        refused: NDArray[np.intp],
        k: int,
        by: Order,
        *,
        note: bool = False,
    ) -> list[int]:
        """Return the best `k` that may stand beside each other; note who keeps some out."""
        order = by(scores, len(ids)).tolist()
        plain = self._taken(ids, scores, order, refused, k, note=note)
        mixed = self._rules.diversity
        if mixed is None or not plain:
            return plain
        among = self._taken(ids, scores, order, refused, max(k, mixed.among), mixes=True)
        first = _mixed(among, scores, self._vectors(ids[among]), mixed.weight)
        rest = set(order).difference(first)
        order = [*first, *(place for place in order if place in rest)]
        found = self._taken(ids, scores, order, refused, k)
        if note and found != plain:
            self.spoke.add(mixed.name)
        return found

    def _taken(
        self,
        ids: Numbers,
        scores: Scores,
        order: Sequence[int],
        refused: NDArray[np.intp],
        k: int,
        *,
        note: bool = False,
        mixes: bool = False,
    ) -> list[int]:
        """Return the first `k` of an order that nothing keeps out.

        With `mixes` what may stand beside what is left for later.
        """
        rules, spoke = self._rules, self.spoke if note else set()
        minimum, counted = rules.minimum, [] if mixes else rules.counted
        counts: Counter[tuple[str, object]] = Counter()
        found: list[int] = []
        for place in order:
            if len(found) == k:
                break
            if refused[place] >= 0:
                spoke.add(rules.refusals[refused[place]][0])
                continue
            if minimum is not None and scores[place] < minimum.score:
                spoke.add(minimum.name)
                continue
            number = int(ids[place])
            held = [(rule, (rule.name, key)) for rule in counted for key in rule.keys(number)]
            full = next((rule for rule, key in held if counts[key] >= rule.most), None)
            if full is not None:
                spoke.add(full.name)
                continue
            counts.update(key for _, key in held)
            found.append(place)
        return found

    def _with_pins(
        self, ids: Numbers, found: list[int], refused: NDArray[np.intp], k: int
    ) -> list[int]:
        """Return a choice with what is pinned at its place."""
        by_number = {number: place for place, number in enumerate(ids.tolist())}
        for pin, number in self._rules.pinned():
            place = by_number.get(number)
            if place is None or refused[place] >= 0 or pin.place > k:
                continue
            before = list(found)
            if place in found:
                found.remove(place)
            found.insert(min(pin.place - 1, len(found)), place)
            del found[k:]
            if found != before:
                self.spoke.add(pin.name)
                self.put.setdefault(number, []).append(pin.name)
        return found


class _ByRules:
    """The selector that rules choose with, over another that orders."""

    name = "by rules"

    def __init__(self, chooser: RuleChooser, order: Selector) -> None:
        self._chooser, self._order = chooser, order

    def select(self, batch: CandidateBatch, scores: Scores, k: int) -> NDArray[np.intp]:
        by = partial(self._order.select, batch)
        return np.array(self._chooser.choose(batch.ids, scores, k, by), np.intp)


def choose(
    pipeline: Pipeline,
    rules: RuleSet,
    semantic: SemanticIndex,
    user_id: str,
    context: Context,
    k: int,
    asker: Asker,
) -> Ruled:
    """Return the list of a user by rules: `k` places, fewer only where rules keep more out.

    The pipeline is not changed. Where the candidates do not suffice, more are looked for among
    what the rules let pass: as many as a model keeps (`learner.candidates`).
    """
    made, chooser = copy(pipeline), RuleChooser(rules, asker, lambda ids: semantic.vectors[ids])
    made.selector = _ByRules(chooser, made.selector)
    chosen = made.choose(user_id, context, k)
    missing = _pins_beyond(chosen.batch.ids, rules, asker, k)
    if len(missing):
        parts = made.retrieval
        source = NamedSource("pinned", lambda _: missing)
        made.retrieval = parts._replace(added=(*parts.added, source))
        chosen = made.choose(user_id, context, k)
    if len(chosen.places) < k:
        parts = made.retrieval
        rule = _Allowed(rules, asker)
        made.retrieval = parts._replace(filters=(*parts.filters, rule))
        chosen = made.choose(user_id, context, k, least=pipeline.most)
    numbers = chosen.batch.ids[chosen.places].tolist()
    return Ruled(chosen, chooser.names, tuple(tuple(chooser.put.get(n, ())) for n in numbers))


def _pins_beyond(ids: Numbers, rules: RuleSet, asker: Asker, k: int) -> Numbers:
    """Return the items that are to be pinned in a list of `k` and are no candidates `ids` (n,)."""
    pins = np.array([number for pin, number in rules.pinned() if pin.place <= k], np.int32)
    pins = pins[~np.isin(pins, ids)]
    return pins[rules.refused(pins, asker) < 0]


def _added(scores: Scores, raised: Sequence[Raised], but: Raised | None = None) -> Scores:
    """Return scores (n,) with what boosts add to them, all but one."""
    total = scores
    for one in raised:
        if one is not but:
            total = total + one[1]
    return total


def _mixed(
    places: list[int], scores: Scores, rows: NDArray[np.float32], weight: float
) -> list[int]:
    """Return places in the order of maximal marginal relevance.

    Relevance is the score, between 0 for the worst and 1 for the best of them; likeness is the
    cosine to the nearest of those before, by the vectors `rows` (n, dim); 0 for one without text.
    """
    worth = scores[places].astype(np.float64)
    worth = (worth - worth.min()) / max(float(np.ptp(worth)), 1e-9)
    near, order = np.zeros(len(places)), list[int]()
    left = np.ones(len(places), bool)
    for _ in places:
        total = np.where(left, (1.0 - weight) * worth - weight * near, -np.inf)
        best = int(np.argmax(total))
        left[best] = False
        order.append(places[best])
        near = np.maximum(near, np.clip(rows @ rows[best], 0.0, 1.0))
    return order
