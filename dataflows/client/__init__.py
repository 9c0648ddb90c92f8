"""Callers of the HTTP API, typed: `Client` waits, `AsyncClient` is awaited.

A request is a value (`dataflows.client.calls`): `client.ask(recommendations("ada"))` returns a
`ListAnswer`. docs/how-to/serve.md tells what can be asked.
"""

from dataflows.client.async_client import AsyncClient
from dataflows.client.calls import (
    ApiCall,
    active_users,
    anonymous,
    beliefs,
    chart,
    delete_item,
    events,
    history,
    intent,
    item,
    leaderboard,
    leaderboards,
    neighbours,
    patch_item,
    profile,
    put_item,
    rank,
    ready,
    recommendations,
    related,
    search,
    why,
)
from dataflows.client.client import Client
from dataflows.client.errors import ApiError, ClientError, UnreachableError
from dataflows.client.stream import StreamedList
from dataflows.serve.api_types import GivenContext, ListRequest, RankRequest

__all__ = [
    "ApiCall",
    "ApiError",
    "AsyncClient",
    "Client",
    "ClientError",
    "GivenContext",
    "ListRequest",
    "RankRequest",
    "StreamedList",
    "UnreachableError",
    "active_users",
    "anonymous",
    "beliefs",
    "chart",
    "delete_item",
    "events",
    "history",
    "intent",
    "item",
    "leaderboard",
    "leaderboards",
    "neighbours",
    "patch_item",
    "profile",
    "put_item",
    "rank",
    "ready",
    "recommendations",
    "related",
    "search",
    "why",
]
