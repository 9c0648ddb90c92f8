"""Lists as they change: what comes over `GET /v1/stream`, as values."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx2
import msgspec
from httpx2 import ServerSentEvent

from dataflows.client.errors import ClientError, UnreachableError
from dataflows.messages.outgoing import Recommendation

PATH = "/v1/stream"


class StreamedList(NamedTuple):
    """The list of a user that changed.

    `place` is what to go on behind, after a break: `stream(after=place)`. `message` is None where
    changes before it are lost: ask for the lists that matter anew.
    """

    place: str
    message: Recommendation | None


def for_http(user_id: str | None, after: str | None, connect: float | None) -> dict[str, Any]:
    """Return what `httpx2` takes to follow a user, or all, from behind a place.

    `connect` is for how many seconds to wait for the connection; the lists themselves may take
    their time.
    """
    return {
        "method": "GET",
        "url": PATH,
        "params": {} if user_id is None else {"user": user_id},
        "headers": {} if after is None else {"Last-Event-ID": after},
        "timeout": httpx2.Timeout(connect, read=None),
    }


def change_of(event: ServerSentEvent) -> StreamedList | None:
    """Return what an event of the stream tells, None for one that tells nothing of a list.

    Raises ClientError where the stream says that it drops this reader.
    """
    if event.event == "dropped":
        raise ClientError(f"the stream was dropped: {event.data}; go on behind the last place")
    if event.event == "reset":
        return StreamedList(event.id, None)
    if event.event != "list":
        return None
    try:
        return StreamedList(event.id, msgspec.json.decode(event.data, type=Recommendation))
    except msgspec.MsgspecError as error:
        raise UnreachableError(f"the stream holds what is no list: {error}") from None
