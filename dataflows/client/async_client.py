"""A caller of the API for programs that `await`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from dataflows.client import stream
from dataflows.client.attempts import LATER, answer_of, asked_to_wait, check_attempts, waits
from dataflows.client.calls import ApiCall
from dataflows.client.connection import connection, unreachable
from dataflows.client.errors import error_of

T = TypeVar("T")


class AsyncClient:
    """Asks `penchant serve` or `penchant run` over HTTP; for the tasks of one event loop.

    Arguments are those of `dataflows.client.client.Client`.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        seconds: float = 10.0,
        attempts: int = 3,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._attempts = check_attempts(attempts)
        self._http = httpx2.AsyncClient(transport=transport, **connection(url, token, seconds))

    async def ask(self, call: ApiCall[T]) -> T:
        """Make a request (`dataflows.client.calls`) and return the answer. Raises `ClientError`."""
        for wait in waits(self._attempts):
            pause = wait or 0.0
            try:
                response = await self._http.request(**call.for_http())
            except httpx2.HTTPError as error:
                if wait is None:
                    raise unreachable(self._http, error) from None
            else:
                if wait is None or response.status_code not in LATER:
                    url = str(response.request.url)
                    return answer_of(call, response.status_code, response.content, url)
                pause = asked_to_wait(response.headers, wait)
            await asyncio.sleep(pause)
        raise AssertionError  # the last wait is None

    async def stream(
        self, user_id: str | None = None, after: str | None = None
    ) -> AsyncIterator[stream.StreamedList]:
        """Yield lists as they change, as `Client.stream` does."""
        async with self._http.stream(
            **stream.for_http(user_id, after, self._http.timeout.connect)
        ) as response:
            if response.status_code >= 400:
                body = await response.aread()
                raise error_of(response.status_code, body, str(response.request.url))
            try:
                async for event in httpx2.EventSource(response):
                    change = stream.change_of(event)
                    if change is not None:
                        yield change
            except httpx2.HTTPError as error:
                raise unreachable(self._http, error) from None

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Return this one."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what is open."""
        await self.close()
