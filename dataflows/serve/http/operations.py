"""All that can be asked, in one table."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dataflows.messages.fields import read_id
from dataflows.messages.outgoing import Id
from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.http import intake_routes, item_routes, process_routes, user_routes
from dataflows.serve.http.call import Backend, Call, Operation


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose lists are followed."""

    user: Annotated[Id | None, Meta(description="This user's alone; left out: everybody's.")] = None
    after: Annotated[
        str | None, Meta(description="Go on behind this id; `Last-Event-ID` counts more.")
    ] = None


STREAM = "stream"
OPENAPI = "openapi"


def _stream(backend: Backend, call: Call) -> object:
    """Return what is to be followed."""
    user = call.query.user
    if user is not None:
        user = read_id(user, "user", backend.events.max_id_chars)
    return backend.hub.subscribe(user, call.query.after)


def _openapi(_backend: Backend, _call: Call) -> object:
    raise NotAnsweredHereError("written where all operations are known")


OPERATIONS: tuple[Operation, ...] = (
    *user_routes.OPERATIONS,
    *item_routes.OPERATIONS,
    *intake_routes.OPERATIONS,
    *process_routes.OPERATIONS,
    Operation(
        name=STREAM,
        method="GET",
        template="/v1/stream",
        summary="Lists as they change, as server-sent events, with a heartbeat and Last-Event-ID",
        answer=_stream,
        returns=None,
        query=StreamQuery,
        pool="inline",
    ),
    Operation(
        name=OPENAPI,
        method="GET",
        template="/openapi.json",
        summary="This document",
        answer=_openapi,
        returns=None,
        scope=None,
        pool="inline",
    ),
)
