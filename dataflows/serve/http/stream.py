"""Lists as they change, as server-sent events: `GET /v1/stream`.

    id: 5f3a91c0-17          what to send as Last-Event-ID to go on behind it
    event: list              the list of a user, as on the topic `recommendations`
    event: reset             changes since Last-Event-ID are lost: ask for the list anew
    event: dropped           you read too slowly; the connection ends

Between them a comment is sent now and then, so that connections stay open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import msgspec
from starlette.types import Receive, Scope, Send

from dataflows.serve.changes import ChangeHub, ListChange, Subscription

_log = logging.getLogger(__name__)

AT_ONCE = 100
"""Changes in one piece."""
RETRY_MILLISECONDS = 2_000
"""After how long a browser comes back."""

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Streams:
    """Those who follow the changes of a hub, in the loop that serves them."""

    def __init__(self, hub: ChangeHub, heartbeat: float) -> None:
        self._hub = hub
        self._heartbeat = heartbeat
        self._waiting: dict[Subscription, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._undo: Callable[[], None] | None = None
        self._is_woken = False
        self._is_stopping = False

    def open(self) -> None:
        """Begin, in the loop that is running."""
        self._loop = asyncio.get_running_loop()
        self._undo = self._hub.wake_by(self._wake)

    def stop(self) -> None:
        """End all streams, from within the loop."""
        self._is_stopping = True
        for event in self._waiting.values():
            event.set()

    def close(self) -> None:
        """Follow the hub no more."""
        if self._undo is not None:
            self._undo()
            self._undo = None

    async def serve(
        self, reader: Subscription, after: str | None, scope: Scope, receive: Receive, send: Send
    ) -> int:
        """Send what `reader` has until it leaves, is too slow, or all ends; return the bytes."""
        awake = self._waiting[reader] = asyncio.Event()
        gone = asyncio.create_task(_left(receive, awake))
        sent = 0
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            text = b"retry: %d\n\n" % RETRY_MILLISECONDS
            if after is not None and not reader.is_resumed:
                text += b"event: reset\ndata: {}\n\n"
            while True:
                async with asyncio.timeout(2 * self._heartbeat):
                    await send({"type": "http.response.body", "body": text, "more_body": True})
                sent += len(text)
                if gone.done() or self._is_stopping or reader.dropped is not None:
                    break
                text = await self._next(reader, awake)
        except TimeoutError:
            # It takes nothing any more: what lies in its way is not waited for.
            self._hub.drop(reader, f"too slow: nothing was taken for {2 * self._heartbeat:g} s")
            _log.info("a stream of changes was dropped: %s", reader.dropped)
            abort = scope.get("penchant.abort")
            if abort is not None:
                abort()
            await gone
            return sent
        finally:
            del self._waiting[reader]
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
        await send({"type": "http.response.body", "body": b""})
        return sent

    async def _next(self, reader: Subscription, awake: asyncio.Event) -> bytes:
        """Return what there is to send, waiting for it; a comment where nothing comes."""
        if not reader:
            awake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._heartbeat):
                    await awake.wait()
        found = [self._framed(each) for each in reader.drain(AT_ONCE)]
        if reader.dropped is not None:
            return b"event: dropped\ndata: %s\n\n" % msgspec.json.encode({"why": reader.dropped})
        return b"".join(found) or b": still here\n\n"

    def _framed(self, change: ListChange) -> bytes:
        place = self._hub.place(change.number).encode()
        return b"id: %s\nevent: list\ndata: %s\n\n" % (place, change.message)

    def _wake(self) -> None:
        """Wake those who wait, from any thread; many changes at once wake them once."""
        if self._is_woken or self._loop is None:
            return
        self._is_woken = True
        try:
            self._loop.call_soon_threadsafe(self._tell)
        except RuntimeError:  # the loop has ended
            self._is_woken = False

    def _tell(self) -> None:
        self._is_woken = False
        for reader, event in self._waiting.items():
            if reader:
                event.set()


async def _left(receive: Receive, awake: asyncio.Event) -> None:
    """Wait until the other side has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    awake.set()
