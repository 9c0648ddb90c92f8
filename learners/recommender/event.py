"""What somebody who uses the library hands in: events and items, as they are checked.

Nothing of a call is learnt where one of its events or items is refused.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

import msgspec

from learners.drift import Alarm
from learners.intent.event_buffer import LateLabel, Source
from learners.recommender import checks
from learners.recommender.vectors import unit_vector
from learners.types import Interaction, Item, Retraction, Vector

EARLIEST, LATEST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
LARGEST_WEIGHT = 1_000
LARGEST_VALUE = 1e300
LONGEST_REST = 10_000_000_000

_TIME = "seconds since 1970; divide milliseconds by 1000, and call timestamp() of a datetime"
_WEIGHT = "1 counts once, 0 is seen only, below 0 speaks against the item"
_VALUE = "leave it out where there is none"
_REST = "seconds until the item may be listed again"
_EVENT = "make it by Event(user_id, item_id, ts); many go to learn_many"
_ITEM = "make it by Item(item_id, title); many go to put_items"


class Event(msgspec.Struct, frozen=True):
    """Something that a user did at a moment. It is checked when it is learnt.

    Arguments:
        user_id: who did it.
        item_id: with which item; None for a search, and for what only says what they are after.
        ts: when, in seconds since 1970.
        type: what was done, such as "view", "buy" or "search".
        text: what the user wrote, such as the words of a search.
        weight: what it counts for, as against 1: from -1000 to 1000. At 0 the user has the item
            and nothing is counted; below 0 it speaks against the item.
        value: a number that it carries, such as a rating.
        event_id: by which it can be retracted or labelled later; given out where it is None.
        session_id: of events that belong together.
        intent: what the user was after, where that is known.
        vector: of its text, (dim,), where there is no encoder; taken as of length 1.
        rest: seconds until its item may be listed again for the user, where repeats are on.
        position: its number, 0, 1, 2, ...; given out where it is None, else held against the next.
    """

    user_id: str
    item_id: str | None
    ts: float
    type: str = "view"
    text: str | None = None
    weight: float = 1.0
    value: float | None = None
    event_id: str | None = None
    session_id: str | None = None
    intent: str | None = None
    vector: Vector | None = None
    rest: float | None = None
    position: int | None = None


class LearntEvent(NamedTuple):
    """The position and the id of an event that was learnt, and the drift alarms it raised."""

    position: int
    event_id: str
    alarms: tuple[Alarm, ...]


def checked_event(event: Event, position: int, dim: int, where: str) -> Interaction:
    """Return an event as an interaction at `position`, without a text to be encoded.

    `dim` is the size that its vector must have, 0 for any. Raises TypeError and ValueError that
    begin with `where`.
    """
    event = checks.instance(where, event, Event, _EVENT)
    if event.position is not None:
        _check_position(event.position, position, where)
    event_id = checks.optional_identifier(f"{where}: event_id", event.event_id)
    return Interaction(
        position,
        event_id or f"#{position}",
        checks.identifier(f"{where}: user_id", event.user_id),
        checks.optional_identifier(f"{where}: item_id", event.item_id),
        checks.identifier(f"{where}: type", event.type),
        checks.number(f"{where}: ts", event.ts, EARLIEST, LATEST, _TIME),
        checks.number(f"{where}: weight", event.weight, -LARGEST_WEIGHT, LARGEST_WEIGHT, _WEIGHT),
        unit_vector(f"{where}: vector", event.vector, dim),
        checks.optional_identifier(f"{where}: intent", event.intent),
        checks.optional_identifier(f"{where}: session_id", event.session_id),
        _optional(f"{where}: value", event.value, -LARGEST_VALUE, LARGEST_VALUE, _VALUE),
        checks.optional_text(f"{where}: text", event.text),
        None,
        _optional(f"{where}: rest", event.rest, 0, LONGEST_REST, _REST),
    )


def checked_item(item: Item, dim: int, where: str) -> Item:
    """Return an item as it is kept. `dim` and errors as of `checked_event`."""
    item = checks.instance(where, item, Item, _ITEM)
    if not isinstance(item.available, bool):
        raise TypeError(
            f"{where}: available is {checks.shown(item.available)}; it must be True or False"
        )
    return Item(
        checks.identifier(f"{where}: item_id", item.item_id),
        checks.optional_text(f"{where}: title", item.title) or "",
        checks.names(f"{where}: categories", item.categories),
        item.available,
        unit_vector(f"{where}: vector", item.vector, dim),
        checks.optional_text(f"{where}: text", item.text),
    )


def event_text(kind: str, title: str | None, text: str | None) -> str | None:
    """Write an event as the text that is encoded, such as "view: Toy Story"; None for no words."""
    words = _joined(title, text)
    return f"{kind}: {words}" if words else None


def item_text(item: Item) -> str | None:
    """Write an item as the text that is encoded: title, text, categories; None for no words."""
    return _joined(item.title, item.text, ", ".join(item.categories))


def words_of(title: str | None, text: str | None) -> str | None:
    """Write what is kept of the words of an event."""
    return _joined(title, text)


def checked_retraction(
    user_id: str, event_id: str | None, kind: str | None, item_id: str | None
) -> Retraction:
    """Return a retraction: of an event by its id, or by its type. Raises as `checked_event`."""
    user_id = checks.identifier("user_id", user_id)
    event_id = checks.optional_identifier("event_id", event_id)
    kind = checks.optional_identifier("type", kind)
    item_id = checks.optional_identifier("item_id", item_id)
    if (event_id is None) == (kind is None):
        raise ValueError(f"event_id is {event_id!r} and type {kind!r}: give one of the two")
    return Retraction(user_id, event_id, kind, item_id)


def checked_label(
    user_id: str, intent: str, event_id: str | None, session_id: str | None, source: Source
) -> LateLabel:
    """Return a label of an event or of a session. Raises as `checked_event`."""
    user_id, intent = checks.identifier("user_id", user_id), checks.identifier("intent", intent)
    event_id = checks.optional_identifier("event_id", event_id)
    session_id = checks.optional_identifier("session_id", session_id)
    if (event_id is None) == (session_id is None):
        raise ValueError(
            f"event_id is {event_id!r} and session_id {session_id!r}: give one of the two"
        )
    if source not in get_args(Source):
        raise ValueError(f"source is {checks.shown(source)}; it must be of {get_args(Source)}")
    return LateLabel(user_id, intent, source, event_id, session_id)


def _joined(*parts: str | None) -> str | None:
    return ". ".join(filter(None, parts)) or None


def _optional(name: str, value: object, least: float, most: float, remedy: str) -> float | None:
    return None if value is None else checks.number(name, value, least, most, remedy)


def _check_position(given: object, wanted: int, where: str) -> None:
    remedy = "leave it out, and it is given out"
    position = checks.whole(f"{where}: position", given, 0, 2**62, remedy)
    if position != wanted:
        how = "was learnt already" if position < wanted else "leaves some out"
        raise ValueError(
            f"{where}: position is {position}, which {how}; the next is {wanted}: {remedy}"
        )
