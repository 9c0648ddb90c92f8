"""Lists from a store: the one that was sent, or what is popular for who was sent none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from dataflows.messages.fields import iso
from dataflows.messages.items import ItemRecord
from dataflows.messages.outgoing import Narrative, Recommendation, Versions
from dataflows.rules.book import NamedRules
from dataflows.rules.in_force import RulesInForce
from dataflows.serve.answers import BadRequestError, NotReadyError
from dataflows.serve.api_types import ListAnswer, ListedItem, ListRequest
from dataflows.serve.stored.item_answers import LATEST, POPULAR, StoredItems
from dataflows.serve.stored.list_ids import first_after, list_id
from dataflows.serve.stored.live_only import not_here
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.checksums import DamagedRowError
from dataflows.serve.stored.store.item_rows import ItemRow
from dataflows.serve.stored.store.list_answers import (
    KnownItem,
    decode_list,
    offered,
    stored_answer,
)
from dataflows.serve.stored.stored_rules import StoredRules
from dataflows.state.outbox import NARRATIVES, RECOMMENDATIONS

POPULAR_WORDS = "in {count:,} lists"
MOST_KNOWN = 100_000
"""Items of which what the catalogue says is kept in memory, beside the store."""
MOST_LOOKED_AT = 10_000
"""Items that rules are asked about where nothing was sent."""
NEWEST_WORDS = "new in the catalogue"

_narratives = msgspec.json.Decoder(Narrative)


class StoredLists:
    """Makes lists of what is stored, as a request wants them.

    `k` is how many places a list has that is asked for without a number and is not a stored one.
    With `passes_on` somebody else has the model: a list that would be too short here is refused, so
    that it is asked for there.
    """

    def __init__(self, store: AnswerStore, k: int, rules: RulesInForce, *, passes_on: bool) -> None:
        self._store = store
        self._rules = StoredRules(rules)
        self._scenarios = rules
        self._items = StoredItems(store)
        self._k = k
        self._passes_on = passes_on
        self._known: tuple[int, dict[str, KnownItem]] = (-1, {})

    def plain(self, user_id: str) -> bytes | None:
        """Return the answer to a plain request as it is kept; None where it is to be made."""
        if self._rules.speak:
            return None
        try:
            return self._store.answer(user_id)
        except DamagedRowError:
            return None  # the message that it was made of may be whole

    def make(self, user_id: str, asked: ListRequest) -> ListAnswer:
        """Return the list for a request. Raises what `AnswerSource.recommend` does."""
        if asked.context is not None:
            raise not_here("a list for a context")
        if asked.at is not None:
            raise not_here("a list as of a moment")
        if asked.signals:
            raise not_here("what each signal adds to a score")
        if self._passes_on and self._scenarios.scenario(asked.scenario) is None:
            raise not_here("a scenario that the file of rules here does not have")
        named = self._rules.asked(asked)
        message = self._store.message(RECOMMENDATIONS, user_id)
        if message is None:
            return self._popular(user_id, asked, self._rules.of_popular(named))
        return self._stored(decode_list(message), asked, self._rules.of_sent(named))

    def _stored(self, message: Recommendation, asked: ListRequest, named: NamedRules) -> ListAnswer:
        version = self._store.catalogue_version
        places = [
            (
                _listed(
                    *(place.item_id, place.title, place.score, place.reasons, known.record, asked)
                ),
                known.record,
            )
            for place, known in offered(message, self._lookup)
            if _is_asked_for(place.item_id, known.record, asked)
        ]
        rules = _names(named)
        first = _first(asked, message.sequence, len(places), rules)
        k = asked.k or named.k
        end = len(places) if k is None else first + k
        ruled = self._rules.choose(message.user_id, named, places, end, version, sent=True)
        if first and first >= len(ruled.places):
            raise not_here(f"what comes after the {len(ruled.places)} places that are stored")
        chosen = _cut(ruled.places, first, k)
        is_filtered = asked.categories or asked.exclude or len(ruled.places) < min(end, len(places))
        wanted = k or (self._k if is_filtered else 0)
        if self._passes_on and len(chosen) < wanted:
            raise not_here(f"more than {len(chosen)} places of this kind")
        name = list_id(message.sequence, asked, first, first + len(chosen), rules)
        return msgspec.structs.replace(
            stored_answer(message, name, chosen),
            scenario=asked.scenario,
            narrative=self._narrative(message) if asked.explain else None,
            rules=_told(message.rules, ruled.names) if asked.explain else (),
        )

    def _popular(self, user_id: str, asked: ListRequest, named: NamedRules) -> ListAnswer:
        """Return what most lists hold, and after that what came last into the catalogue."""
        if not self._store.is_complete:
            raise NotReadyError(
                "the store has not caught up with its input yet, and nothing is stored of this user"
            )
        rules = _names(named)
        first, k = _first(asked, 0, 0, rules), asked.k or named.k or self._k
        most = first + k + len(asked.exclude)
        while True:
            version = self._store.catalogue_version
            places, is_all = self._in_most_lists(asked, most)
            ruled = self._rules.choose(user_id, named, places, first + k, version, sent=False)
            if is_all or len(ruled.places) >= first + k or most > MOST_LOOKED_AT:
                break
            most *= 4  # of these, rules let too few pass
        chosen = _cut(ruled.places, first, k)
        newest = self._store.fact("time")
        return ListAnswer(
            user_id=user_id,
            list_id=list_id(0, asked, first, first + len(chosen), rules),
            items=chosen,
            source="popular",
            is_known=False,
            as_of=self._store.as_of(),
            versions=self._store.versions() or Versions("", ""),
            time=iso(time.time()) if newest is None else newest,
            scenario=asked.scenario,
            rules=ruled.names if asked.explain else (),
        )

    def _in_most_lists(
        self, asked: ListRequest, most: int
    ) -> tuple[list[tuple[ListedItem, ItemRecord | None]], bool]:
        """Return `most` items of each order, as places, and whether there are no others."""
        ranked: dict[int, tuple[ItemRow, str]] = {}
        is_all = True
        for order, words in ((POPULAR, POPULAR_WORDS), (LATEST, NEWEST_WORDS)):
            rows = self._items.rows(order, most, asked.categories)
            is_all = is_all and len(rows) < most
            for row in rows:
                ranked.setdefault(row.number, (row, words.format(count=row.lists)))
        known = [
            (row, words, row.decoded())
            for row, words in ranked.values()
            if row.item_id not in asked.exclude
        ]
        places = [
            (_listed(row.item_id, row.title, float(row.lists), (words,), record, asked), record)
            for row, words, record in known
        ]
        return places, is_all

    def _narrative(self, message: Recommendation) -> Narrative | None:
        """Return the words for a list, None where there are none for this very one."""
        found = self._store.message(NARRATIVES, message.user_id)
        narrative = None if found is None else _narratives.decode(found)
        if narrative is None or narrative.sequence != message.sequence:
            return None
        return narrative

    def _lookup(self, item_id: str) -> KnownItem:
        """Return what is known of an item, remembered until the catalogue changes."""
        version, known = self._known
        if version != self._store.catalogue_version or len(known) > MOST_KNOWN:
            version, known = self._known = self._store.catalogue_version, {}
        found = known.get(item_id)
        if found is None:
            row = self._items.row(item_id)
            found = KnownItem() if row is None else KnownItem(row.is_gone, row.decoded())
            known[item_id] = found
        return found


def _names(named: NamedRules) -> tuple[str, ...]:
    return tuple([rule.name for rule in named.rules])


def _told(sent: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the rules that changed a list when it was sent, then those that did so here."""
    return tuple(dict.fromkeys((*sent, *names)))


def _is_asked_for(item_id: str, record: ItemRecord | None, asked: ListRequest) -> bool:
    if item_id in asked.exclude:
        return False
    own = () if record is None else record.categories
    return not asked.categories or any(category in own for category in asked.categories)


def _listed(
    item_id: str,
    title: str,
    score: float,
    reasons: tuple[str, ...],
    record: ItemRecord | None,
    asked: ListRequest,
) -> ListedItem:
    """Return an item of a list; its place is given once it is known."""
    attributes: dict[str, Any] = {}
    if record is not None and asked.fields:
        has = record.attributes
        attributes = {name: has[name] for name in asked.fields if name in has}
    return ListedItem(
        item_id=item_id,
        title=title,
        score=score,
        place=1,
        reasons=reasons if asked.explain else (),
        categories=() if record is None else record.categories,
        attributes=attributes,
    )


def _first(asked: ListRequest, sequence: int, stored: int, rules: tuple[str, ...]) -> int:
    """Return the first place, counted from 0. Raises BadRequestError."""
    if asked.after is None:
        return asked.offset
    if asked.offset:
        raise BadRequestError(
            f"offset is {asked.offset} and after is {asked.after!a}: give one of the two"
        )
    return first_after(asked.after, sequence, asked, stored, rules)


def _cut(places: Sequence[ListedItem], first: int, k: int | None) -> tuple[ListedItem, ...]:
    """Return the places from `first` on, numbered within the whole list, at most `k`."""
    end = len(places) if k is None else first + k
    return tuple(
        msgspec.structs.replace(place, place=number)
        for number, place in enumerate(places[first:end], first + 1)
    )
