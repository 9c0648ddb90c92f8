"""What is asked about a user."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dataflows.messages.fields import read_id
from dataflows.serve.api_types import (
    MOST_PLACES,
    Count,
    GivenContext,
    HistoryAnswer,
    Ids,
    IntentAnswer,
    ListAnswer,
    ListRequest,
    NeighboursAnswer,
    ProfileAnswer,
    RankAnswer,
    RankRequest,
    WhyAnswer,
)
from dataflows.serve.http.call import Backend, Call, Operation
from dataflows.serve.http.item_routes import FEW, item_of
from dataflows.serve.user_types import BeliefsAnswer, UsersAnswer

USER = "/v1/users/{user_id:id}"


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `ListRequest` as parameters, but for `rules`; what holds many is given many times."""

    k: Count | None = None
    offset: Annotated[int, Meta(ge=0, le=MOST_PLACES)] = 0
    after: Annotated[
        str | None, Meta(description="A `list_id`: the places after those of that list.")
    ] = None
    categories: Annotated[Ids, Meta(description="Only items of one of these.")] = ()
    exclude: Annotated[Ids, Meta(description="None of these items.")] = ()
    context: Annotated[
        Ids, Meta(description="Items that were looked at, the newest last, beside what is known.")
    ] = ()
    search: Annotated[
        Annotated[str, Meta(min_length=1, max_length=1_000)] | None,
        Meta(description="What was searched for, beside what is known."),
    ] = None
    at: Annotated[
        float | None, Meta(description="The moment that the list is for, seconds since 1970.")
    ] = None
    scenario: Annotated[str | None, Meta(description="One of the file of rules.")] = None
    explain: Annotated[bool, Meta(description="With reasons, and the rules that had a say.")] = (
        False
    )
    signals: Annotated[
        bool, Meta(description="With what each signal adds to each score; by the live model.")
    ] = False
    fields: Annotated[
        tuple[str, ...], Meta(description="Of each item's attributes, those to hand out.")
    ] = ()

    def request(self) -> ListRequest:
        """Return what is asked for."""
        fields = msgspec.structs.asdict(self)
        items, search = fields.pop("context"), fields.pop("search")
        context = GivenContext(items=items, search=search) if items or search else None
        return ListRequest(**fields, context=context)


class CountQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    k: Count = FEW


def user_of(backend: Backend, call: Call) -> str:
    """Return the user that the path names. Raises Refused: 400."""
    return read_id(call.path["user_id"], "user_id", backend.events.max_id_chars)


def _recommend(backend: Backend, call: Call) -> object:
    user_id = user_of(backend, call)
    if call.query == _PLAIN:
        kept = backend.source.recommend_stored(user_id)
        if kept is not None:
            return msgspec.Raw(kept)
    return backend.source.recommend(user_id, call.query.request())


_PLAIN = ListQuery()


def _recommend_as_asked(backend: Backend, call: Call) -> object:
    return backend.source.recommend(user_of(backend, call), call.body)


def _anonymous(backend: Backend, call: Call) -> object:
    return backend.source.recommend_anonymous(call.body)


def _rank(backend: Backend, call: Call) -> object:
    return backend.source.rank(call.body)


def _why(backend: Backend, call: Call) -> object:
    return backend.source.why(user_of(backend, call), item_of(backend, call))


OPERATIONS = (
    Operation(
        name="recommend",
        method="GET",
        template=f"{USER}/recommendations",
        summary="A list for a user, best first; one who is not known gets one too",
        answer=_recommend,
        returns=ListAnswer,
        query=ListQuery,
    ),
    Operation(
        name="recommend_as_asked",
        method="POST",
        template=f"{USER}/recommendations",
        summary="A list for a user, with all that can be asked of it in the body",
        answer=_recommend_as_asked,
        returns=ListAnswer,
        body=ListRequest,
    ),
    Operation(
        name="recommend_anonymous",
        method="POST",
        template="/v1/recommendations",
        summary="A list for somebody of whom only the context is known; nothing of it is kept",
        answer=_anonymous,
        returns=ListAnswer,
        body=ListRequest,
    ),
    Operation(
        name="rank",
        method="POST",
        template="/v1/rank",
        summary="Given items in the order for a user",
        answer=_rank,
        returns=RankAnswer,
        body=RankRequest,
    ),
    Operation(
        name="active_users",
        method="GET",
        template="/v1/users",
        summary="Users who were there lately, the last of them first",
        answer=lambda backend, call: backend.source.active_users(call.query.k),
        returns=UsersAnswer,
        query=CountQuery,
    ),
    Operation(
        name="neighbours",
        method="GET",
        template=f"{USER}/neighbours",
        summary="Users like a user",
        answer=lambda backend, call: backend.source.neighbours(
            user_of(backend, call), call.query.k
        ),
        returns=NeighboursAnswer,
        query=CountQuery,
    ),
    Operation(
        name="intent",
        method="GET",
        template=f"{USER}/intent",
        summary="What a user is after",
        answer=lambda backend, call: backend.source.intent(user_of(backend, call)),
        returns=IntentAnswer,
    ),
    Operation(
        name="beliefs",
        method="GET",
        template=f"{USER}/beliefs",
        summary="What was believed of a user after each of their newest events",
        answer=lambda backend, call: backend.source.beliefs(user_of(backend, call)),
        returns=BeliefsAnswer,
    ),
    Operation(
        name="profile",
        method="GET",
        template=f"{USER}/profile",
        summary="What a user leans towards in the long run",
        answer=lambda backend, call: backend.source.profile(user_of(backend, call)),
        returns=ProfileAnswer,
    ),
    Operation(
        name="history",
        method="GET",
        template=f"{USER}/history",
        summary="What a user had lately, newest first",
        answer=lambda backend, call: backend.source.history(user_of(backend, call), call.query.k),
        returns=HistoryAnswer,
        query=CountQuery,
    ),
    Operation(
        name="why",
        method="GET",
        template=f"{USER}/why/{{item_id:id}}",
        summary="Where an item stands for a user, and why",
        answer=_why,
        returns=WhyAnswer,
        problems=(404,),
    ),
)
