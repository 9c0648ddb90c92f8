"""Rules over the items of a model: which items each keeps out, raises, places or counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.ranking.components import Numbers
from learners.ranking.rules.facts import ItemFacts, ItemFigures, moment_of, values_of
from learners.ranking.rules.kinds import (
    Allow,
    AtMost,
    Block,
    Boost,
    Diversity,
    Match,
    MinimumScore,
    NotOwn,
    OnOffer,
    Pin,
    Rule,
    Unseen,
)
from learners.signals.items import ItemTable

CATEGORY = "category"
"""What `at_most` counts `of` where it is not an attribute."""


class Asker(NamedTuple):
    """For whom and when a list is made.

    `moment` is in seconds since 1970. `seen` are the items of the newest lists that were asked
    for, the newest list first.
    """

    user_id: str
    moment: float
    seen: Sequence[Sequence[str]] = ()


NOBODY = Asker("", 0.0)
Refusal = Callable[[Numbers, Asker], NDArray[np.bool_]]


class Counted(NamedTuple):
    """How many places what shares a key may have; `keys` gives those of an item, by number."""

    name: str
    most: int
    keys: Callable[[int], tuple[Hashable, ...]]


class RuleSet:
    """Some rules, in their order, over the items of one model.

    `refusals` say of items (n,) which are kept out, whatever the list; `boosts` are what is added
    to a score. Not thread-safe, as the model is not.
    """

    def __init__(self, rules: Sequence[Rule], items: ItemTable, facts: ItemFacts) -> None:
        self._items = items
        self._facts = facts
        self.refusals: list[tuple[str, Refusal]] = []
        self.boosts: list[tuple[str, float, ItemFigures]] = []
        self.counted: list[Counted] = []
        self.pins: list[Pin] = []
        self.diversity: Diversity | None = None
        self.minimum: MinimumScore | None = None
        self._lists = max((rule.lists for rule in rules if isinstance(rule, Unseen)), default=0)
        self.names = tuple(rule.name for rule in rules)
        for rule in rules:
            self._take(rule)

    def refused(self, ids: Numbers, asker: Asker) -> NDArray[np.intp]:
        """Return for each of the items (n,) which of `refusals` is the first to keep it out.

        -1 where none does.
        """
        found = np.full(len(ids), -1)
        for number, (_, refuse) in enumerate(self.refusals):
            found[(found < 0) & refuse(ids, asker)] = number
        return found

    def raised(self, ids: Numbers) -> list[tuple[str, NDArray[np.float32]]]:
        """Return, for each boost that is about one of the items (n,), what it adds to each."""
        added = [(name, (by * has.at(ids)).astype(np.float32)) for name, by, has in self.boosts]
        return [(name, each) for name, each in added if each.any()]

    def pinned(self) -> list[tuple[Pin, int]]:
        """Return the pins of items that are known, by place, with the items' numbers."""
        index = self._items.index
        found = [(pin, index[pin.item]) for pin in self.pins if pin.item in index]
        return sorted(found, key=lambda one: one[0].place)

    @property
    def looks_back(self) -> int:
        """How many of the newest lists that were asked for matter (`Asker.seen`)."""
        return self._lists

    def _take(self, rule: Rule) -> None:
        if isinstance(rule, Boost):
            self.boosts.append((rule.name, rule.by, self._matching(rule.where)))
        elif isinstance(rule, Pin):
            self.pins.append(rule)
        elif isinstance(rule, AtMost):
            self.counted.append(Counted(rule.name, rule.most, self._keys(rule)))
        elif isinstance(rule, Diversity):
            self.diversity = rule
        elif isinstance(rule, MinimumScore):
            self.minimum = rule
        else:
            self.refusals.append((rule.name, self._refusal(rule)))

    def _refusal(self, rule: Block | Allow | OnOffer | NotOwn | Unseen) -> Refusal:
        match rule:
            case Block(where=where):
                has = self._matching(where)
                return lambda ids, _: has.at(ids) > 0
            case Allow(where=where):
                wanted = self._matching(where)
                return lambda ids, _: wanted.at(ids) == 0
            case OnOffer():
                return self._outside(rule)
            case NotOwn():
                return self._own(rule)
            case Unseen():
                return self._seen(rule)

    def _matching(self, where: Match) -> ItemFigures:
        """Return 1 for each item that is meant, 0 for all others."""
        items, facts = self._items, self._facts
        ids, categories, values = set(where.items), set(where.categories), set(where.values)
        low = -math.inf if where.at_least is None else where.at_least
        high = math.inf if where.at_most is None else where.at_most
        is_ranged = where.at_least is not None or where.at_most is not None

        def has(number: int) -> bool:
            if ids and items.ids[number] not in ids:
                return False
            if categories and categories.isdisjoint(facts.categories(number)):
                return False
            if where.attribute is None:
                return True
            found = values_of(facts.get(number, where.attribute))
            if values and not any(_is_plain(one) and one in values for one in found):
                return False
            if is_ranged:
                return any(_is_number(one) and low <= one <= high for one in found)
            return bool(found)

        return facts.column(lambda number: float(has(number)))

    def _keys(self, rule: AtMost) -> Callable[[int], tuple[Hashable, ...]]:
        facts, of = self._facts, rule.of
        meant = self._matching(rule.where)
        is_any = rule.where == Match()  # of which nothing has to be looked up

        def keys(number: int) -> tuple[Hashable, ...]:
            if not is_any and not meant.at(np.array([number], np.int32))[0]:
                return ()
            if of is None:
                return ("",)
            if of == CATEGORY:
                return facts.categories(number)
            return tuple(one for one in values_of(facts.get(number, of)) if _is_plain(one))

        return keys

    def _outside(self, rule: OnOffer) -> Refusal:
        facts = self._facts

        def bound(name: str, absent: float) -> ItemFigures:
            def of(number: int) -> float:
                found = moment_of(facts.get(number, name))
                return absent if found is None or math.isnan(found) else found

            return facts.column(of)

        starts, ends = bound(rule.starts, -math.inf), bound(rule.ends, math.inf)
        return lambda ids, asker: (starts.at(ids) > asker.moment) | (ends.at(ids) <= asker.moment)

    def _own(self, rule: NotOwn) -> Refusal:
        facts = self._facts

        def is_own(ids: Numbers, asker: Asker) -> NDArray[np.bool_]:
            owners = (values_of(facts.get(number, rule.attribute)) for number in ids.tolist())
            return np.array([asker.user_id in map(str, found) for found in owners], bool)

        return is_own

    def _seen(self, rule: Unseen) -> Refusal:
        index = self._items.index

        def was_seen(ids: Numbers, asker: Asker) -> NDArray[np.bool_]:
            lists = asker.seen[: rule.lists]
            numbers = [index[one] for each in lists for one in each if one in index]
            return np.isin(ids, np.array(numbers, np.int32))

        return was_seen


def _is_plain(found: object) -> bool:
    return isinstance(found, str | int | float)


def _is_number(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)
