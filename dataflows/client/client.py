"""A caller of the API that waits for each answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from dataflows.client import stream
from dataflows.client.attempts import LATER, answer_of, asked_to_wait, waits
from dataflows.client.calls import ApiCall
from dataflows.client.errors import UnreachableError, error_of

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
        if attempts < 1:
            raise ValueError(f"attempts is {attempts}; it must be at least 1")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(
            base_url=url, headers=headers, timeout=seconds, transport=transport, trust_env=False
        )
        self._attempts = attempts

    def ask(self, call: ApiCall[T]) -> T:
        """Make a request (`dataflows.client.calls`) and return the answer. Raises `ClientError`."""
        for wait in waits(self._attempts):
            pause = wait or 0.0
            try:
                response = self._http.request(
                    call.method,
                    call.path,
                    params=list(call.params),
                    content=call.body,
                    headers={} if call.body is None else {"Content-Type": call.media_type},
                )
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
        quiet = httpx2.Timeout(self._http.timeout.connect, read=None)
        with self._http.stream(
            "GET",
            stream.PATH,
            params=stream.params(user_id),
            headers=stream.headers(after),
            timeout=quiet,
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


def unreachable(http: httpx2.Client | httpx2.AsyncClient, error: Exception) -> UnreachableError:
    """Return the error that nobody answers."""
    return UnreachableError(
        f"{http.base_url} does not answer: {str(error) or type(error).__name__}; see that "
        "`penchant serve` or `penchant run` is there, and that the address is right"
    )
