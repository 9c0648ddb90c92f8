"""The header that carries the context of a trace, as the W3C writes it (Trace Context, 2021)."""

from __future__ import annotations

import re

from confluent_kafka import Message

TRACEPARENT = "traceparent"
_CONTEXT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent(message: Message) -> str | None:
    """Return the context that a message came with, None where it has none, or what is none."""
    found = dict(message.headers() or ()).get(TRACEPARENT)
    if isinstance(found, bytes) and _CONTEXT.fullmatch(found):
        return found.decode()
    return None


def headers_of(context: str | None) -> list[tuple[str, str | bytes | None]] | None:
    """Return the headers of a message that hands a context on, None where there is none."""
    return None if context is None else [(TRACEPARENT, context.encode())]
