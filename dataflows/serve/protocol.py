"""HTTP/1.1 of one connection, with limits that uvicorn's own protocol lacks.

A head that is too long or too slow ends the connection, a line that is no HTTP is answered by a
problem, and an application can break off an answer that nobody takes.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dataflows.serve.api_types import Problem

LONGEST_HEAD = 64 * 1024
"""Bytes of a request's first line and headers, and of what is pipelined behind it."""
HEAD_SECONDS = 10.0
"""How long the head of a request may take to arrive."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._head = 0
        self._too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin, and wait for a head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; what is no body counts as head."""
        self._head += len(data)
        super().data_received(data)
        if self._head > LONGEST_HEAD and not self.transport.is_closing():
            self._refuse(431, f"the head has more than {LONGEST_HEAD} bytes", "send less of it")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["penchant.abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]
        if self._too_slow is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Hand the request over."""
        self._stop_waiting()
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, which has limits of its own."""
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request's body."""
        self._head = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, "this is no request of HTTP/1.1", msg)

    def _wait_for_head(self) -> None:
        self._too_slow = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _give_up(self) -> None:
        self._refuse(408, f"the head took longer than {HEAD_SECONDS:g} s", "send it faster")

    def _refuse(self, status: int, detail: str, remedy: str) -> None:
        """Answer with a problem and end the connection; nothing where an answer is under way."""
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self.transport.close()
            return
        phrase = HTTPStatus(status).phrase
        body = msgspec.json.encode(
            Problem(title=phrase, status=status, detail=detail, remedy=remedy)
        )
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class JoiningProtocol(GuardedProtocol):
    """One connection, on whose way out what is written in one turn of the loop is sent together.

    A system call lets another thread have Python's lock, and beside one that computes it takes a
    while to get it back: once for head and body, not once for each. uvloop does this by itself.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin."""
        super().connection_made(_Joining(transport, self.loop))  # type: ignore[arg-type]  # what is used of one


class _Joining:
    """What uvicorn uses of a transport."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.abort = transport.abort

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        written, self._written = self._written, []
        if written:
            self._transport.write(b"".join(written))
