"""A caller of the API that waits for each answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from dataflows.client import stream
from dataflows.client.attempts import LATER, answer_of, asked_to_wait, check_attempts, waits
from dataflows.client.calls import ApiCall
from dataflows.client.connection import connection, unreachable
from dataflows.client.errors import error_of

T = TypeVar("T")


class Client:
    """Asks `penchant serve` or `penchant run` over HTTP; one may be shared by threads.

    Arguments:
        url: such as `http://127.0.0.1:8080`.
        token: a bearer token with the scopes that are needed; None on loopback without tokens.
        seconds: how long one answer may take.
        attempts: how often a request is made at most, where nobody answers or the API asks for
            patience (429, 503). All requests may be made twice without harm.
        transport: what carries requests in place of sockets, for tests.

    >>> from dataflows.client import Client, recommendations
    >>> with Client("http://127.0.0.1:8080") as shop:  # doctest: +SKIP
    ...     [place.item_id for place in shop.ask(recommendations("ada")).items]
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        seconds: float = 10.0,
        attempts: int = 3,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._attempts = check_attempts(attempts)
        self._http = httpx2.Client(transport=transport, **connection(url, token, seconds))

    def ask(self, call: ApiCall[T]) -> T:
        """Make a request (`dataflows.client.calls`) and return the answer. Raises `ClientError`."""
        for wait in waits(self._attempts):
            pause = wait or 0.0
            try:
                response = self._http.request(**call.for_http())
            except httpx2.HTTPError as error:
                if wait is None:
                    raise unreachable(self._http, error) from None
            else:
                if wait is None or response.status_code not in LATER:
                    url = str(response.request.url)
                    return answer_of(call, response.status_code, response.content, url)
                pause = asked_to_wait(response.headers, wait)
            time.sleep(pause)
        raise AssertionError  # the last wait is None

    def stream(
        self, user_id: str | None = None, after: str | None = None
    ) -> Iterator[stream.StreamedList]:
        """Yield lists as they change, of one user or of all, from now on or behind a place.

        Ends where the other side ends it. Raises `ClientError` where it breaks off: begin again
        behind the last place.
        """
        with self._http.stream(
            **stream.for_http(user_id, after, self._http.timeout.connect)
        ) as response:
            if response.status_code >= 400:
                raise error_of(response.status_code, response.read(), str(response.request.url))
            try:
                for event in httpx2.EventSource(response):
                    change = stream.change_of(event)
                    if change is not None:
                        yield change
            except httpx2.HTTPError as error:
                raise unreachable(self._http, error) from None

    def close(self) -> None:
        """Close what is open."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return this one."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what is open."""
        self.close()
