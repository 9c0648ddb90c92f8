"""What a format hands over: events whose time is apart, and items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


class Draft(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event as it is written, but for `ts`; what is not given is left out of the line."""

    event_id: str
    user_id: str
    type: str
    item_id: str | None = None
    text: str | None = None
    value: float | None = None
    session_id: str | None = None
    intent: str | None = None
    context: dict[str, Any] | None = None


class ItemLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item as it is written."""

    item_id: str
    title: str
    text: str | None = None
    categories: tuple[str, ...] = ()
    attributes: dict[str, Any] | None = None


Timed = tuple[float | None, Draft]
"""Seconds since 1970 UTC (None: the set has no times) and the event."""


class Log(msgspec.Struct, frozen=True):
    """A data set about to be read. `items` is read after `events` has ended.

    `unread` says why files that may lie beside are not read, by their names. `made_times`, where
    the set has no times and the format makes them, says in a sentence how.
    """

    events: Iterator[Timed]
    items: Iterator[ItemLine]
    remarks: tuple[str, ...] = ()
    unread: Mapping[str, str] = {}
    made_times: str = ""
