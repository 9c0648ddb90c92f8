"""Lists made when they are asked for, by the model of this moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

from dataflows.messages.fields import iso
from dataflows.messages.outgoing_json import TOP_INTENTS
from dataflows.rules.book import NamedRules
from dataflows.rules.in_force import RulesInForce
from dataflows.serve.answers import BadRequestError
from dataflows.serve.api_types import (
    GivenContext,
    ListAnswer,
    ListedItem,
    ListRequest,
    RankAnswer,
    RankRequest,
)
from dataflows.serve.live.handed_out import HandedOut, list_id
from dataflows.serve.live.shard_look import Look, ShardLooks, read_items
from dataflows.serve.ruled import rules_of
from learners.online_model.queries.as_if import GivenSearch, as_if
from learners.online_model.queries.filters import filters_for, numbers_of
from learners.online_model.queries.given_items import score_given
from learners.online_model.queries.lists import MadeList, Variation, make_list
from learners.ranking.rules.rule_set import Asker
from learners.types import Entry
from learners.users.user import User

NOBODY = ""
"""The id under which an anonymous list is made; no user has it."""

_NOTHING = GivenContext()
Source = Literal["live", "popular"]


class _Made(NamedTuple):
    """What is taken along of a shard that was held still."""

    look: Look
    made: MadeList
    categories: list[tuple[str, ...]]
    blobs: list[bytes | None]
    is_known: bool
    source: Source


class LiveLists:
    """Makes lists for users and for somebody anonymous, and puts given items in order.

    Nothing of it is stored but, in memory, what the newest lists held (`handed_out`). `now`
    returns the newest time of an event of the stream (seconds since 1970), 0 where none is known.
    """

    def __init__(
        self,
        shards: ShardLooks,
        handed_out: HandedOut,
        now: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.time,
        rules: RulesInForce | None = None,
    ) -> None:
        self._shards = shards
        self._rules = rules or RulesInForce()
        self._handed_out = handed_out
        self._now = now
        self._clock = clock

    def make(self, user_id: str | None, asked: ListRequest) -> ListAnswer:
        """Return the list that is asked for; `user_id` is None for somebody anonymous."""
        held, ruled = _held(self._handed_out, user_id, asked), rules_of(self._rules, asked)
        engine = self._shards.first() if user_id is None else self._shards.of_user(user_id)
        given = asked.context or _NOTHING
        with self._shards.asked(engine, given.search) as (look, search):
            found = self._made(look, user_id, asked, held, search, ruled)
        return self._answer(user_id, asked, held, found)

    def rank(self, asked: RankRequest) -> RankAnswer:
        """Return given items in the order for a user."""
        user_id, given = asked.user_id, asked.context or _NOTHING
        engine = self._shards.first() if user_id is None else self._shards.of_user(user_id)
        with self._shards.asked(engine, given.search) as (look, search):
            items = look.model.signals.items
            known = look.user(user_id)
            user = self._seen(look, known, given, search)
            wanted = numbers_of(items, asked.item_ids)
            name = user_id or NOBODY
            scored = score_given(look.model, name, user, wanted, explain=asked.explain)
            categories = {number: look.categories(number) for number in scored}
            unavailable = tuple(items.ids[number] for number in wanted if number not in scored)
            unknown = tuple(one for one in dict.fromkeys(asked.item_ids) if one not in items.index)
        order = sorted(scored, key=lambda number: (-scored[number].score, number))
        places = [
            _listed(scored[number], place, categories[number])
            for place, number in enumerate(order, 1)
        ]
        return RankAnswer(
            user_id=user_id,
            items=tuple(places),
            unknown=unknown,
            unavailable=unavailable,
            is_known=known is not None,
            as_of=look.as_of,
            versions=look.versions,
        )

    def _made(
        self,
        look: Look,
        user_id: str | None,
        asked: ListRequest,
        held: Sequence[str],
        search: GivenSearch | None,
        ruled: NamedRules,
    ) -> _Made:
        """Make a list of a shard that is held still."""
        model, known = look.model, look.user(user_id)
        given = asked.context or _NOTHING
        user = self._seen(look, known, given, search)
        is_personal = known is not None or user.kept > 0 or user.search is not None
        variation = self._variation(look, user_id, asked, held, ruled)
        k = _places(asked, ruled.k or model.settings.k, model.settings.candidates)
        made = make_list(
            model,
            user_id or NOBODY,
            user,
            *(k, variation, asked.at),
            explain=asked.explain,
            weigh=asked.signals,
        )
        shown = made.numbers[asked.offset :]
        return _Made(
            look,
            made,
            [look.categories(number) for number in shown],
            look.blobs([model.signals.items.ids[n] for n in shown]) if asked.fields else [],
            known is not None,
            "live" if is_personal else "popular",
        )

    def _variation(
        self,
        look: Look,
        user_id: str | None,
        asked: ListRequest,
        held: Sequence[str],
        ruled: NamedRules,
    ) -> Variation:
        """Return what a request changes of the pipeline: the one place where it does."""
        items = look.model.signals.items
        filters = filters_for(items, asked.categories, asked.exclude, held)
        rules = self._rules.set_of(look.model, ruled, asked.rules)
        if rules is None:
            return Variation(filters)
        moment = self._clock() if asked.at is None else asked.at
        most = rules.looks_back
        seen = self._handed_out.newest(user_id, most) if user_id is not None and most else ()
        return Variation(filters, rules=rules, asker=Asker(user_id or NOBODY, moment, seen))

    def _seen(
        self, look: Look, known: User | None, given: GivenContext, search: GivenSearch | None
    ) -> User:
        """Return the user as they are, or as if what is given had just been."""
        numbers = numbers_of(look.model.signals.items, given.items)
        if numbers or search is not None:
            return as_if(look.model, known, numbers, search, self._now())
        return look.fresh_user() if known is None else known

    def _answer(
        self, user_id: str | None, asked: ListRequest, held: tuple[str, ...], found: _Made
    ) -> ListAnswer:
        look, entries = found.look, found.made.entries[asked.offset :]
        first = 1 + asked.offset + len(held)
        attributes = _attributes(found.blobs, asked.fields) or [{}] * len(entries)
        signals = found.made.signals[asked.offset :] or [{}] * len(entries)
        put_by = found.made.put_by[asked.offset :] if asked.explain else ()
        places = tuple(
            [
                _listed(entry, place, categories, more, weighed, by)
                for place, (entry, categories, more, weighed, by) in enumerate(
                    zip(
                        *(entries, found.categories, attributes, signals),
                        put_by or [()] * len(entries),
                        strict=True,
                    ),
                    first,
                )
            ]
        )
        item_ids = tuple([entry.item_id for entry in entries])
        name = list_id(look.sequence, asked, item_ids)
        earlier = held or tuple(entry.item_id for entry in found.made.entries[: asked.offset])
        self._handed_out.put(user_id, name, item_ids, earlier)
        return ListAnswer(
            user_id=user_id,
            list_id=name,
            items=places,
            source=found.source,
            is_known=found.is_known,
            as_of=look.as_of,
            versions=look.versions,
            time=iso(self._clock()),
            sequence=look.sequence,
            intent=dict(islice(found.made.intent.items(), TOP_INTENTS)),
            rules=found.made.rules if asked.explain else (),
            scenario=asked.scenario,
        )


def _held(handed_out: HandedOut, user_id: str | None, asked: ListRequest) -> tuple[str, ...]:
    """Return what earlier pages held. Raises BadRequestError."""
    if asked.after is None:
        return ()
    if asked.offset:
        raise BadRequestError(
            f"offset is {asked.offset} and after is {asked.after!a}: give one of the two"
        )
    return handed_out.held(user_id, asked.after)


def _places(asked: ListRequest, usual: int, most: int) -> int:
    """Return how many places are to be made. Raises BadRequestError for too many."""
    k = (asked.k or usual) + asked.offset
    if k > most:
        raise BadRequestError(
            f"k and offset together are {k}, above {most}; ask for less, page by after, or raise "
            "learner.candidates"
        )
    return k


def _listed(
    entry: Entry,
    place: int,
    categories: tuple[str, ...],
    attributes: dict[str, Any] | None = None,
    signals: dict[str, float] | None = None,
    rules: tuple[str, ...] = (),
) -> ListedItem:
    return ListedItem(
        entry.item_id,
        entry.title,
        entry.score,
        place,
        entry.reasons,
        categories=categories,
        attributes=attributes or {},
        signals=signals or {},
        rules=rules,
    )


def _attributes(blobs: Sequence[bytes | None], fields: Sequence[str]) -> list[dict[str, Any]]:
    """Return of each item those of its attributes that are asked for, as far as it has them."""
    known = [{} if one is None else one.record.attributes for one in read_items(blobs)]
    return [{name: one[name] for name in fields if name in one} for one in known]
