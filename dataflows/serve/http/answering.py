"""Answers, made: an operation found by the router, checked, asked in its thread, and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
from starlette.types import Receive, Scope, Send

from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.http.call import Backend, Call, Content, Operation
from dataflows.serve.http.limits import AtOnce
from dataflows.serve.http.problems import MEDIA_TYPE, ProblemError
from dataflows.serve.http.requests import (
    check_accepted,
    check_media_type,
    decode_body,
    header,
    read_body,
    read_query,
)
from dataflows.serve.http.tokens import Caller, check_scope
from dataflows.serve.stored.live_process import LiveProcess

JSON = "application/json"
INTAKE_THREADS = 32
"""Threads in which is waited until events are safe, or learnt."""

SLACK_SECONDS = 2.0

_encode = msgspec.json.Encoder().encode


class Answering:
    """Asks operations, each in its place, and never more at once than may be."""

    def __init__(self, backend: Backend) -> None:
        settings = backend.settings
        self.at_once = AtOnce(settings.answers_at_once)
        self._backend = backend
        self._pools = {
            "source": ThreadPoolExecutor(settings.answer_threads, "http-answer"),
            "intake": ThreadPoolExecutor(INTAKE_THREADS, "http-intake"),
        }

    async def leave(self) -> None:
        """Let go of what belongs to the loop."""
        if self._backend.live is not None:
            await self._backend.live.close()

    def close(self) -> None:
        """Begin no more answers."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    async def answer(
        self, operation: Operation, scope: Scope, receive: Receive, send: Send, caller: Caller
    ) -> tuple[int, int]:
        """Answer one request; return status and bytes. Raises what `problem_of` knows."""
        settings = self._backend.settings
        if operation.scope is not None:
            check_scope(caller, operation.scope)
        if operation.returns is not None:
            check_accepted(scope, JSON)
        query = read_query(scope, operation.query)
        body, content_type, raw = None, "", None
        if operation.body is not None:
            content_type = check_media_type(scope, operation.media_types)
            raw = await read_body(scope, receive, settings.max_body_bytes, settings.body_seconds)
            body = raw if operation.body is bytes else decode_body(raw, operation.body)
        call = Call(
            scope["path_params"],
            query,
            body,
            content_type,
            caller.scopes,
            (scope.get("client") or ("", 0))[0],
            header(scope, b"accept") or "",
        )
        live = self._backend.live
        if live is not None and getattr(query, "wait", None) is not None:
            # Who follows a run does not learn: events go to it together with the wish to wait.
            found: object = await _passed_on(live, scope, raw)
        else:
            try:
                found = await self._ask(operation, call)
            except NotAnsweredHereError:
                if live is None or operation.pool != "source":
                    raise
                found = await _passed_on(live, scope, raw)
        return await send_answer(found, operation.status, send)

    async def _ask(self, operation: Operation, call: Call) -> object:
        backend = self._backend
        pool = operation.pool
        waits = backend.source.waits or operation.takes_long
        if pool == "inline" or (pool == "source" and not waits):
            return operation.answer(backend, call)
        seconds = backend.settings.answer_seconds
        if pool == "intake":
            # Each part keeps its own time; this one is for what keeps none.
            seconds += backend.settings.wait_seconds + SLACK_SECONDS
        self.at_once.enter()
        try:
            future: Future[object] = self._pools[pool].submit(operation.answer, backend, call)
        except RuntimeError:  # it is closed
            self.at_once.leave()
            raise ProblemError(503, "this process is stopping", "ask another one") from None
        future.add_done_callback(lambda _: self.at_once.leave())
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise ProblemError(
                503,
                f"no answer within {seconds:g} s (serve.answer_seconds)",
                "ask again, or raise the limit",
            ) from None


async def _passed_on(live: LiveProcess, scope: Scope, body: bytes | None) -> Content:
    """Return what a process with the live model answers to the same request."""
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    found = await live.ask(scope["method"], target, body, headers)
    return Content(found.media_type, found.body, found.headers, found.status)


async def send_answer(found: object, status: int, send: Send) -> tuple[int, int]:
    """Send an answer as JSON, or as what it is; return status and bytes."""
    if isinstance(found, Content):
        headers = {"content-type": found.media_type, **found.headers}
        return await send_bytes(found.status, found.body, headers, send)
    return await send_bytes(status, _encode(found), {"content-type": JSON}, send)


async def send_problem(problem: ProblemError, send: Send) -> tuple[int, int]:
    """Send a problem; return status and bytes."""
    headers = {"content-type": MEDIA_TYPE.decode(), **problem.headers}
    return await send_bytes(problem.status, problem.body, headers, send)


async def send_bytes(
    status: int, body: bytes, headers: Mapping[str, str], send: Send
) -> tuple[int, int]:
    """Send an answer whole; return status and bytes."""
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    lines.append((b"x-content-type-options", b"nosniff"))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
    return status, len(body)
