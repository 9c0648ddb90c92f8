"""The requests of the API, each as a value: what is sent, and what type comes back.

One description for callers who wait and for those who `await`. Ids are put into paths in such a way
that no id can name another path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec

from dataflows.serve.api_types import (
    EventsAnswer,
    HistoryAnswer,
    IntentAnswer,
    ItemAnswer,
    ItemsAnswer,
    ListAnswer,
    ListRequest,
    NeighboursAnswer,
    ProfileAnswer,
    RankAnswer,
    RankRequest,
    Readiness,
    Receipt,
    WhyAnswer,
)
from dataflows.serve.leaderboard_types import LeaderboardsAnswer
from dataflows.serve.user_types import BeliefsAnswer, UsersAnswer

T = TypeVar("T")
Relation = Literal["similar", "together", "next"]
JSON = "application/json"
Chart = Literal["popular", "trending", "falling", "latest"]


FEW = 10
PLAIN = ListRequest()
"""A question for a list as it is by default."""


class ApiCall(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One request: `body` is JSON, `answer` the type of what comes back."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    media_type: str = JSON
    answer: type[T]

    def for_http(self) -> dict[str, Any]:
        """Return what `httpx2` takes to send it."""
        return {
            "method": self.method,
            "url": self.path,
            "params": list(self.params),
            "content": self.body,
            "headers": {} if self.body is None else {"Content-Type": self.media_type},
        }


def recommendations(user_id: str, asked: ListRequest = PLAIN) -> ApiCall[ListAnswer]:
    """Ask for a user's list; a question with nothing special goes by the shortest way."""
    path = f"/v1/users/{_id(user_id)}/recommendations"
    if asked == PLAIN:
        return ApiCall(method="GET", path=path, answer=ListAnswer)
    return ApiCall(method="POST", path=path, body=_given(asked), answer=ListAnswer)


def anonymous(asked: ListRequest) -> ApiCall[ListAnswer]:
    """Ask for the list of somebody of whom nothing but the context of `asked` is known."""
    path = "/v1/recommendations"
    return ApiCall(method="POST", path=path, body=_given(asked), answer=ListAnswer)


def rank(asked: RankRequest) -> ApiCall[RankAnswer]:
    """Ask for the order of given items."""
    return ApiCall(method="POST", path="/v1/rank", body=_given(asked), answer=RankAnswer)


def item(item_id: str) -> ApiCall[ItemAnswer]:
    """Ask for an item."""
    return ApiCall(method="GET", path=f"/v1/items/{_id(item_id)}", answer=ItemAnswer)


def related(
    item_id: str, how: Relation, k: int = FEW, categories: Sequence[str] = ()
) -> ApiCall[ItemsAnswer]:
    """Ask for items that have to do with an item."""
    path = f"/v1/items/{_id(item_id)}/{how}"
    return ApiCall(method="GET", path=path, params=_chosen(k, categories), answer=ItemsAnswer)


def chart(which: Chart, k: int = FEW, categories: Sequence[str] = ()) -> ApiCall[ItemsAnswer]:
    """Ask for what is popular, trending, falling or latest."""
    params = _chosen(k, categories)
    return ApiCall(method="GET", path=f"/v1/{which}", params=params, answer=ItemsAnswer)


def leaderboard(name: str, k: int = FEW, categories: Sequence[str] = ()) -> ApiCall[ItemsAnswer]:
    """Ask for a leaderboard of the configuration."""
    path = f"/v1/leaderboards/{_id(name)}"
    return ApiCall(method="GET", path=path, params=_chosen(k, categories), answer=ItemsAnswer)


def leaderboards() -> ApiCall[LeaderboardsAnswer]:
    """Ask which leaderboards there are."""
    return ApiCall(method="GET", path="/v1/leaderboards", answer=LeaderboardsAnswer)


def search(
    text: str, user_id: str | None = None, k: int = FEW, categories: Sequence[str] = ()
) -> ApiCall[ItemsAnswer]:
    """Ask for items by meaning."""
    params = (("q", text), *_chosen(k, categories))
    if user_id is not None:
        params = (*params, ("user", user_id))
    return ApiCall(method="GET", path="/v1/search", params=params, answer=ItemsAnswer)


def active_users(k: int = FEW) -> ApiCall[UsersAnswer]:
    """Ask for users who were there lately."""
    return ApiCall(method="GET", path="/v1/users", params=_chosen(k, ()), answer=UsersAnswer)


def neighbours(user_id: str, k: int = FEW) -> ApiCall[NeighboursAnswer]:
    """Ask for users like a user."""
    path = f"/v1/users/{_id(user_id)}/neighbours"
    return ApiCall(method="GET", path=path, params=_chosen(k, ()), answer=NeighboursAnswer)


def intent(user_id: str) -> ApiCall[IntentAnswer]:
    """Ask for what a user is after."""
    return ApiCall(method="GET", path=f"/v1/users/{_id(user_id)}/intent", answer=IntentAnswer)


def beliefs(user_id: str) -> ApiCall[BeliefsAnswer]:
    """Ask for what was believed of a user after each of their newest events."""
    return ApiCall(method="GET", path=f"/v1/users/{_id(user_id)}/beliefs", answer=BeliefsAnswer)


def profile(user_id: str) -> ApiCall[ProfileAnswer]:
    """Ask for what a user leans towards."""
    return ApiCall(method="GET", path=f"/v1/users/{_id(user_id)}/profile", answer=ProfileAnswer)


def history(user_id: str, k: int = FEW) -> ApiCall[HistoryAnswer]:
    """Ask for what a user had lately."""
    path = f"/v1/users/{_id(user_id)}/history"
    return ApiCall(method="GET", path=path, params=_chosen(k, ()), answer=HistoryAnswer)


def why(user_id: str, item_id: str) -> ApiCall[WhyAnswer]:
    """Ask for where an item stands for a user, and why."""
    path = f"/v1/users/{_id(user_id)}/why/{_id(item_id)}"
    return ApiCall(method="GET", path=path, answer=WhyAnswer)


def ready() -> ApiCall[Readiness]:
    """Ask whether answers are as new as can be; where they are not that is an `ApiError` (503)."""
    return ApiCall(method="GET", path="/readyz", answer=Readiness)


def events(given: Iterable[Mapping[str, Any]], *, wait: bool = False) -> ApiCall[EventsAnswer]:
    """Send events, and ask for the fresh list of the last one's user with `wait`."""
    body = msgspec.json.encode(list(given))
    params = (("wait", "list"),) if wait else ()
    return ApiCall(method="POST", path="/v1/events", params=params, body=body, answer=EventsAnswer)


def put_item(item_id: str, record: Mapping[str, Any]) -> ApiCall[Receipt]:
    """Send the record of an item."""
    return _change("PUT", item_id, record)


def patch_item(item_id: str, changes: Mapping[str, Any]) -> ApiCall[Receipt]:
    """Send what is new about an item (JSON merge patch, RFC 7386)."""
    return _change("PATCH", item_id, changes)


def delete_item(item_id: str) -> ApiCall[Receipt]:
    """Take an item out of the catalogue."""
    return _change("DELETE", item_id, None)


def _change(method: str, item_id: str, body: Mapping[str, Any] | None) -> ApiCall[Receipt]:
    given = None if body is None else msgspec.json.encode(body)
    media_type = "application/merge-patch+json" if method == "PATCH" else JSON
    path = f"/v1/items/{_id(item_id)}"
    return ApiCall(method=method, path=path, body=given, media_type=media_type, answer=Receipt)


def _id(text: str) -> str:
    """Return an id as one segment of a path."""
    return quote(text, safe="").replace(".", "%2E")


def _chosen(k: int = FEW, categories: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    return (("k", str(k)), *(("category", name) for name in categories))


def _given(asked: msgspec.Struct) -> bytes:
    """Return the JSON of a request, without what is as it is by default."""
    fields = msgspec.structs.fields(asked)
    said = {
        each.encode_name: getattr(asked, each.name)
        for each in fields
        if each.required or getattr(asked, each.name) != each.default
    }
    return msgspec.json.encode(said)
