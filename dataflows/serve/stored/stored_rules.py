"""Rules over places that are stored: which of them may stand in a list, and in which order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.messages.items import ItemRecord
from dataflows.rules.book import NamedRules
from dataflows.rules.in_force import RuleSets, RulesInForce
from dataflows.serve.api_types import ListedItem, ListRequest
from dataflows.serve.ruled import rules_of
from dataflows.serve.stored.live_only import not_here
from learners.ranking.components import Numbers, Scores
from learners.ranking.rules.choose import RuleChooser
from learners.ranking.rules.facts import ItemFacts
from learners.ranking.rules.kinds import Boost, Diversity, MinimumScore, Unseen
from learners.ranking.rules.rule_set import Asker, RuleSet
from learners.signals.items import ItemTable
from learners.types import Item

MOST_KNOWN = 100_000
"""Items of which what rules look at is kept in memory."""
_DIGITS = 4
"""Of what a boost adds: below that it is the rounding of a score."""


class RuledPlaces(NamedTuple):
    """Places that rules chose; `names` are the rules that changed them."""

    places: list[ListedItem]
    names: tuple[str, ...] = ()


class StoredRules:
    """Chooses places by the rules in force; safe to be asked by several threads.

    `clock` returns the moment that lists are for, in seconds since 1970.
    """

    def __init__(self, rules: RulesInForce, clock: Callable[[], float] = time.time) -> None:
        self._rules = rules
        self._clock = clock
        self._lock = threading.Lock()
        self._items = _Items(-1)

    @property
    def speak(self) -> bool:
        """Whether lists that nothing special is asked of have rules."""
        return bool(self._rules.book.asked.rules)

    def asked(self, request: ListRequest) -> NamedRules:
        """Return the rules of a request, its own among them, and the length of its scenario.

        Raises BadRequestError; NotAnsweredHereError for rules that need what is not stored.
        """
        found = rules_of(self._rules, request)
        rules = (*found.rules, *request.rules)
        if any(isinstance(rule, Unseen) for rule in rules):
            raise not_here("a rule of kind `unseen`")
        return found._replace(rules=rules) if request.rules else found

    def of_sent(self, named: NamedRules) -> NamedRules:
        """Return the rules for places that were sent: these are as various as rules made them.

        Raises NotAnsweredHereError where they are to be otherwise.
        """
        sent = self._rules.book.sent.rules
        if any(isinstance(rule, Diversity) and rule not in sent for rule in named.rules):
            raise not_here("a rule of kind `diversity` that lists are not sent by")
        return named

    def of_popular(self, named: NamedRules) -> NamedRules:
        """Return the rules for places that nothing was learnt for.

        Raises NotAnsweredHereError for those that need vectors, or scores that were learnt.
        """
        for kind, word in ((Diversity, "diversity"), (MinimumScore, "minimum_score")):
            if any(isinstance(rule, kind) for rule in named.rules):
                raise not_here(f"a rule of kind `{word}` for a user who was sent no list")
        return named

    def choose(
        self,
        user_id: str,
        named: NamedRules,
        places: Sequence[tuple[ListedItem, ItemRecord | None]],
        k: int,
        version: int,
        *,
        sent: bool,
    ) -> RuledPlaces:
        """Return the first `k` of some places by rules, in their order where no rule says another.

        `version` is that of the catalogue. With `sent` the places have the scores and the order of
        a list that was sent by its own rules, so that what those raised stands higher already;
        else a score counts how many took an item up, of which the logarithm is like a score.
        """
        if not named.rules or not places:
            return RuledPlaces([place for place, _ in places[:k]])
        scores = np.array([place.score for place, _ in places], np.float32)
        if not sent:
            scores = np.log(np.maximum(scores, 0.5))
        with self._lock:
            items = self._items_for(named, len(places), version)
            ids = np.array([items.number(place, record) for place, record in places], np.int32)
            rules = items.sets.kept(named, is_various=sent)
            already = self._raised_already(rules, named, ids, sent=sent)
            stands = -np.sort(-(scores + already).astype(np.float64))
            order = partial(_order, scores + already, stands)
            chooser = RuleChooser(rules, Asker(user_id, self._clock()), _no_vectors)
            found = chooser.choose(ids, scores, k, order)
        chosen = []
        for number in found:
            place, by = places[number][0], chooser.put.get(int(ids[number]))
            chosen.append(msgspec.structs.replace(place, rules=tuple(by)) if by else place)
        return RuledPlaces(chosen, chooser.names)

    def _items_for(self, named: NamedRules, more: int, version: int) -> _Items:
        """Return where items are known that are looked at: kept for rules of the file alone."""
        book = self._rules.book
        of_file = named is book.asked or any(named is one for one in book.scenarios.values())
        if not of_file or version < self._items.version:
            return _Items(version)
        if version > self._items.version or len(self._items) + more > MOST_KNOWN:
            self._items = _Items(version)
        return self._items

    def _raised_already(
        self, rules: RuleSet, named: NamedRules, ids: NDArray[np.int32], *, sent: bool
    ) -> NDArray[np.float32]:
        """Return what boosts gave to items (n,) when the list was sent."""
        before = self._rules.book.sent.rules if sent else ()
        names = {one.name for one in named.rules if isinstance(one, Boost) and one in before}
        total = np.zeros(len(ids), np.float32)
        for name, each in rules.raised(ids) if names else ():
            if name in names:
                total = total + each
        return total


class _Items:
    """What rules look at of items, as of one version of the catalogue, and rules over them."""

    def __init__(self, version: int) -> None:
        self.version = version
        self._table, self._facts = ItemTable(), ItemFacts()
        self.sets = RuleSets(self._table, self._facts)

    def __len__(self) -> int:
        return len(self._table)

    def number(self, place: ListedItem, record: ItemRecord | None) -> int:
        """Return the number of an item, made known where it is not."""
        found = self._table.index.get(place.item_id)
        if found is None:
            categories = () if record is None else record.categories
            found = self._table.put(Item(place.item_id, place.title, categories), 0)
            self._facts.put(found, {} if record is None else record.attributes, categories)
        return found


def _order(usual: Scores, stands: NDArray[np.float64], raised: Scores, k: int) -> NDArray[np.intp]:
    """Return the first `k` places in their order, but for what boosts add or no longer add.

    The place in the order counts, as if the `usual` scores (n,) of the list stood in it from the
    best to the worst (`stands`): a pin or variety may have put a lower one before a higher one.
    """
    more = (raised - usual).round(_DIGITS)
    if not more.any():
        return np.arange(min(k, len(stands)))
    return (-(stands + more)).argsort(kind="stable")[:k]


def _no_vectors(_ids: Numbers) -> NoReturn:
    raise AssertionError("rules that need vectors are not asked of a store")
