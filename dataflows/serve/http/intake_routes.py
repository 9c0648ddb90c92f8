"""Events and items that are handed in: checked as decoding does, then written where they are read.

One bad event of many is refused alone, with its place and its reason.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dataflows.config.event_types import INTENTS
from dataflows.messages.decisions import IN_EVENTS
from dataflows.messages.events import EventJson, EventRecord, decode_event
from dataflows.messages.items import decode_item
from dataflows.messages.raw import EVENTS, ITEMS, Raw, Reason, Reject
from dataflows.serve.answers import NotAnsweredHereError, NotReadyError
from dataflows.serve.api_types import MOST_EVENTS, EventsAnswer, ListAnswer, Receipt
from dataflows.serve.http.call import Backend, Call, NoQuery, Operation
from dataflows.serve.http.item_routes import ITEM, item_of
from dataflows.serve.http.problems import ProblemError
from dataflows.serve.http.requests import decode_body
from dataflows.serve.http.tokens import READ, WRITE, Caller, check_scope
from dataflows.serve.intake.destination import Destination, NotTakenError, Record, Written
from dataflows.serve.intake.merge_patch import merged

NOT_CONFIRMED = "not_confirmed"
"""The reason of an event that nobody confirmed in time; sent again it is learnt once."""


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is waited for."""

    wait: Annotated[
        Literal["list"] | None,
        Meta(description="`list`: answer with the list of the last event's user, once learnt."),
    ] = None


class ItemBody(msgspec.Struct):
    """An item as on the topic `items`; its id stands in the path."""

    title: Annotated[int | float | str, Meta(description="What people call it. May be blank.")]
    item_id: int | str | None = None
    text: int | float | str | None = None
    categories: Annotated[list[int | str] | int | str | None, Meta(description="At most 100.")] = (
        None
    )
    attributes: dict[str, Any] | None = None
    available: bool | None = None


class ItemPatch(msgspec.Struct):
    """A JSON merge patch (RFC 7386) of an item: null takes a field out."""

    title: int | float | str | None = None
    text: int | float | str | None = None
    categories: list[int | str] | int | str | None = None
    attributes: dict[str, Any] | None = None
    available: bool | None = None


def _destination(backend: Backend) -> Destination:
    if backend.intake is None:
        raise NotAnsweredHereError(
            "events and items are not taken in here; send them to where this process reads"
        )
    return backend.intake


def _events(backend: Backend, call: Call) -> object:
    to, wants_list = _destination(backend), call.query.wait == "list"
    if wants_list:
        check_scope(Caller(b"", call.scopes), READ)
    values = _split(call.body)
    found = [_checked(value, backend) for value in values]
    good = [one for one in found if not isinstance(one, Receipt)]
    if not good:
        _refuse_all([one for one in found if isinstance(one, Receipt)])
    records = [Record(event.user_id.encode(), value) for event, value in good]
    taken = to.put_events(records, backend.settings.answer_seconds)
    failed = [one for one in taken if isinstance(one, NotTakenError)]
    if len(failed) == len(taken):
        raise ProblemError(
            503, f"no event is confirmed: {failed[0]}", "send them again: each is learnt once"
        )
    left = iter(taken)
    receipts = tuple(one if isinstance(one, Receipt) else _receipt(next(left)) for one in found)
    number = len(taken) - len(failed)
    answer = EventsAnswer(taken=number, refused=len(found) - number, events=receipts)
    if not wants_list:
        return answer
    last = [
        (event.user_id, place)
        for (event, _), place in zip(good, taken, strict=True)
        if isinstance(place, Written)
    ][-1]
    listed, missing = _list_after(backend, *last)
    return msgspec.structs.replace(answer, list=listed, list_missing=missing)


def _list_after(
    backend: Backend, user_id: str, place: Written
) -> tuple[ListAnswer | None, str | None]:
    try:
        seconds = backend.settings.wait_seconds
        return backend.source.wait_for(user_id, (place.partition, place.offset), seconds), None
    except (NotReadyError, NotAnsweredHereError) as error:
        return None, str(error)


def _split(body: bytes) -> list[bytes]:
    """Return the bytes of each event of a body: one object, or an array of them."""
    if not body.lstrip().startswith(b"["):
        return [body]
    parts = decode_body(body, list[msgspec.Raw])
    if not 0 < len(parts) <= MOST_EVENTS:
        raise ProblemError(
            400, f"the array has {len(parts)} events; from 1 to {MOST_EVENTS} are taken at once"
        )
    return [bytes(part) for part in parts]


def _checked(value: bytes, backend: Backend) -> tuple[EventRecord, bytes] | Receipt:
    """Return an event with its bytes in one line, or why it is refused."""
    event = decode_event(Raw(EVENTS, "", 0, 0, None, value), backend.events)
    if isinstance(event, Reject):
        return Receipt(reason=event.reason, detail=event.detail)
    if event.type == INTENTS:
        return Receipt(reason=Reason.DECISION_IN_EVENTS, detail=IN_EVENTS)
    # Within strings JSON has no bare line break, and elsewhere one is a blank.
    return event, value.replace(b"\n", b" ").replace(b"\r", b" ").strip()


def _refuse_all(refused: list[Receipt]) -> None:
    first = refused[0]
    what = "the event is" if len(refused) == 1 else f"all {len(refused)} events are"
    raise ProblemError(
        413 if {one.reason for one in refused} == {Reason.TOO_LARGE} else 400,
        f"{what} refused: {first.reason}: {first.detail}",
        "docs/reference/messages.md has what an event is",
        errors=tuple(refused),
    )


def _receipt(taken: Written | NotTakenError) -> Receipt:
    if isinstance(taken, NotTakenError):
        return Receipt(reason=NOT_CONFIRMED, detail=str(taken))
    return Receipt(partition=taken.partition, offset=taken.offset)


def _put(backend: Backend, call: Call) -> object:
    return _write_item(backend, item_of(backend, call), decode_body(call.body, dict[str, Any]))


def _patch(backend: Backend, call: Call) -> object:
    _destination(backend)
    item_id = item_of(backend, call)
    known = backend.source.item(item_id)
    before: dict[str, Any] = {
        "title": known.title,
        "text": known.text,
        "categories": list(known.categories),
        "attributes": known.attributes,
        "available": known.is_available,
    }
    after = merged(before, decode_body(call.body, dict[str, Any]))
    return _write_item(backend, item_id, after)


def _delete(backend: Backend, call: Call) -> object:
    item_id = item_of(backend, call)
    return _taken(backend, Record(item_id.encode(), None))


def _write_item(backend: Backend, item_id: str, body: dict[str, Any]) -> object:
    told = body.get("item_id", item_id)
    if str(told) != item_id:
        raise ProblemError(
            400, "item_id in the body is not the one in the path", "leave it out of the body"
        )
    value = msgspec.json.encode(body | {"item_id": item_id})
    found = decode_item(Raw(ITEMS, "", 0, 0, item_id.encode(), value), backend.events)
    if isinstance(found, Reject):
        raise ProblemError(
            413 if found.reason == Reason.TOO_LARGE else 400,
            f"{found.reason}: {found.detail}",
            "docs/reference/messages.md has what an item is",
        )
    return _taken(backend, Record(item_id.encode(), value))


def _taken(backend: Backend, record: Record) -> Receipt:
    try:
        taken = _destination(backend).put_item(record, backend.settings.answer_seconds)
    except NotTakenError as error:
        raise ProblemError(503, f"the item is not confirmed: {error}", "send it again") from None
    return Receipt(partition=taken.partition, offset=taken.offset)


OPERATIONS = (
    Operation(
        name="send_events",
        method="POST",
        template="/v1/events",
        summary="Take in one event, or an array of them; each id is learnt once",
        answer=_events,
        returns=EventsAnswer,
        scope=WRITE,
        query=EventsQuery,
        body=bytes,
        body_schema=EventJson | list[EventJson],
        status=202,
        pool="intake",
        problems=(501,),
    ),
    Operation(
        name="put_item",
        method="PUT",
        template=ITEM,
        summary="Take in an item, whole",
        answer=_put,
        returns=Receipt,
        scope=WRITE,
        query=NoQuery,
        body=bytes,
        body_schema=ItemBody,
        status=202,
        pool="intake",
        problems=(501,),
    ),
    Operation(
        name="patch_item",
        method="PATCH",
        template=ITEM,
        summary="Change fields of an item, by a JSON merge patch",
        answer=_patch,
        returns=Receipt,
        scope=WRITE,
        body=bytes,
        body_schema=ItemPatch,
        media_types=("application/merge-patch+json", "application/json"),
        status=202,
        pool="intake",
        problems=(404, 501),
    ),
    Operation(
        name="delete_item",
        method="DELETE",
        template=ITEM,
        summary="Take an item out of the catalogue",
        answer=_delete,
        returns=Receipt,
        scope=WRITE,
        status=202,
        pool="intake",
        problems=(501,),
    ),
)
