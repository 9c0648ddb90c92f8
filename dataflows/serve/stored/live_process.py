"""Passes on to a `penchant run` what only the live model can answer, and its answer back.

What comes back is handed out byte for byte, whatever its status, with a header that says whose it
is. A process that was itself passed a request passes it no further: two that name each other would
ask for ever.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import httpx2
import msgspec

from dataflows.config.config import Config
from dataflows.serve.answers import NotReadyError

TOKEN = "PENCHANT_SERVE_RUN_TOKEN"  # noqa: S105 - the name of the variable, no token
"""The variable that holds the token for the process that is asked."""
PASSED = "penchant-passed-on"
"""The header of a request that was passed on."""
BY = {"penchant-answered-by": "run"}
"""The header of an answer that came from there."""
CONNECT_SECONDS = 2.0


class LiveAnswer(msgspec.Struct, frozen=True):
    """What the process answered, as it stands; `headers` are those to hand on."""

    status: int
    media_type: str
    body: bytes
    headers: dict[str, str]


class LiveProcess:
    """Asks a `penchant run` at `url`, in the event loop in which it is first used.

    `seconds` is how long its answer may take in all.
    """

    def __init__(self, url: str, seconds: float, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._seconds = seconds
        self._token = token
        self._client: httpx2.AsyncClient | None = None

    async def ask(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> LiveAnswer:
        """Return its answer to a request; `target` is path and query as they came, still encoded.

        Of `headers`, names in small letters, those of content and tracing go along, and nobody's
        token. Raises NotReadyError where it does not answer, or was asked by another already.
        """
        if PASSED in headers:
            raise NotReadyError(
                "this was passed on once already, to a process that has no model either; name a "
                "`penchant run` in serve.run_url"
            )
        names = "content-type", "accept", "traceparent", "tracestate"
        sent = {name: headers[name] for name in names if name in headers} | {PASSED: "1"}
        if self._token is not None:
            sent["authorization"] = f"Bearer {self._token}"
        try:
            found = await self._opened().request(
                method, self._url + target, content=body, headers=sent
            )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise NotReadyError(
                f"the live model at {self._url} does not answer ({_words(error)}); what is stored "
                "can be asked meanwhile: lists without a context or an `at`, up to the places they "
                "have, intents, profiles, items, popular, trending and latest"
            ) from error
        return LiveAnswer(
            found.status_code,
            found.headers.get("content-type", "application/octet-stream"),
            found.content,
            _handed_on(found.headers),
        )

    async def close(self) -> None:
        """Close its connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            connect = min(CONNECT_SECONDS, self._seconds)
            self._client = httpx2.AsyncClient(
                timeout=httpx2.Timeout(self._seconds, connect=connect),
                limits=httpx2.Limits(max_connections=64, max_keepalive_connections=16),
                trust_env=False,  # a proxy of the environment is for other places than this one
                follow_redirects=False,
            )
        return self._client


def open_live(config: Config, environ: Mapping[str, str] = os.environ) -> LiveProcess | None:
    """Return who is asked what the store cannot answer; None where `serve.run_url` names nobody."""
    url = config.serve.run_url
    if url is None:
        return None
    return LiveProcess(url, config.serve.answer_seconds, environ.get(TOKEN))


def _handed_on(headers: httpx2.Headers) -> dict[str, str]:
    return BY | {name: headers[name] for name in ("retry-after", "etag") if name in headers}


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(": ")
