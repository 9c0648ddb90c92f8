"""What is asked about items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from dataflows.messages.fields import read_id
from dataflows.messages.outgoing import Id
from dataflows.serve.answers import AnswerSource
from dataflows.serve.api_types import (
    Count,
    Ids,
    ItemAnswer,
    ItemsAnswer,
)
from dataflows.serve.http.call import Backend, Call, Operation
from dataflows.serve.leaderboard_types import LeaderboardRule, LeaderboardsAnswer

FEW = 10
"""How many are told where nobody says how many."""
ITEM = "/v1/items/{item_id:id}"


class ItemsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many, and of which categories."""

    k: Count = FEW
    category: Annotated[Ids, Meta(description="Only items of one of these; many times.")] = ()


class SearchQuery(ItemsQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is searched for."""

    q: Annotated[str, Meta(min_length=1, max_length=1_000, description="What is meant.")]
    user: Annotated[
        Id | None, Meta(description="In the order for this user; left out: by meaning alone.")
    ] = None


class _OfItem(Protocol):
    def __call__(
        self, source: AnswerSource, item_id: str, k: int, categories: Sequence[str], /
    ) -> ItemsAnswer: ...


class _OfAll(Protocol):
    def __call__(
        self, source: AnswerSource, k: int, categories: Sequence[str], /
    ) -> ItemsAnswer: ...


def item_of(backend: Backend, call: Call) -> str:
    """Return the item that the path names. Raises Refused: 400."""
    return read_id(call.path["item_id"], "item_id", backend.events.max_id_chars)


def _item(backend: Backend, call: Call) -> object:
    return backend.source.item(item_of(backend, call))


def _search(backend: Backend, call: Call) -> object:
    query = call.query
    user = query.user
    if user is not None:
        user = read_id(user, "user", backend.events.max_id_chars)
    return backend.source.search(query.q, user, query.k, query.category)


def _leaderboard(backend: Backend, call: Call) -> object:
    query = call.query
    return backend.source.leaderboard(call.path["name"], query.k, query.category)


def _leaderboards(backend: Backend, _call: Call) -> object:
    rules = [
        LeaderboardRule(name=name, score=one.score, where=one.where)
        for name, one in sorted(backend.settings.leaderboards.items())
    ]
    return LeaderboardsAnswer(leaderboards=tuple(rules))


def _of_item(name: str, summary: str, ask: _OfItem, *, takes_long: bool = False) -> Operation:
    def answer(backend: Backend, call: Call, /) -> object:
        query = call.query
        return ask(backend.source, item_of(backend, call), query.k, query.category)

    return Operation(
        name=name,
        method="GET",
        template=f"{ITEM}/{name}",
        summary=summary,
        answer=answer,
        returns=ItemsAnswer,
        takes_long=takes_long,
        query=ItemsQuery,
        problems=(404,),
    )


def _of_all(name: str, summary: str, ask: _OfAll) -> Operation:
    def answer(backend: Backend, call: Call, /) -> object:
        return ask(backend.source, call.query.k, call.query.category)

    return Operation(
        name=name,
        method="GET",
        template=f"/v1/{name}",
        summary=summary,
        answer=answer,
        returns=ItemsAnswer,
        query=ItemsQuery,
    )


OPERATIONS = (
    Operation(
        name="item",
        method="GET",
        template=ITEM,
        summary="One item, as the catalogue has it, and how it does",
        answer=_item,
        returns=ItemAnswer,
        problems=(404,),
    ),
    _of_item(
        "similar",
        "Items like an item: taken together with it, or near in meaning",
        lambda source, item, k, only: source.similar(item, k, only),
        takes_long=True,
    ),
    _of_item(
        "together",
        "Items that are taken near an item",
        lambda source, item, k, only: source.together(item, k, only),
    ),
    _of_item(
        "next",
        "Items that are taken right after an item",
        lambda source, item, k, only: source.next(item, k, only),
    ),
    _of_all("popular", "What is taken most", lambda source, k, only: source.popular(k, only)),
    _of_all(
        "trending",
        "What is taken more and more",
        lambda source, k, only: source.trending(k, only),
    ),
    _of_all(
        "falling",
        "What is taken less and less",
        lambda source, k, only: source.falling(k, only),
    ),
    _of_all(
        "latest",
        "What came into the catalogue last",
        lambda source, k, only: source.latest(k, only),
    ),
    Operation(
        name="leaderboard",
        method="GET",
        template="/v1/leaderboards/{name:id}",
        summary="The first items of a leaderboard of the configuration",
        answer=_leaderboard,
        returns=ItemsAnswer,
        query=ItemsQuery,
        problems=(404,),
    ),
    Operation(
        name="leaderboards",
        method="GET",
        template="/v1/leaderboards",
        summary="The leaderboards that there are",
        answer=_leaderboards,
        returns=LeaderboardsAnswer,
        pool="inline",
    ),
    Operation(
        name="search",
        method="GET",
        template="/v1/search",
        summary="Items by meaning, for a user in their order",
        answer=_search,
        returns=ItemsAnswer,
        query=SearchQuery,
        takes_long=True,
    ),
)
