"""The ASGI application: the short way, the router, and what is told of each request."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from dataflows.serve.changes import Subscription
from dataflows.serve.http.answering import (
    JSON,
    Answering,
    send_bytes,
    send_problem,
)
from dataflows.serve.http.call import Backend, Call, Operation
from dataflows.serve.http.limits import RateLimit
from dataflows.serve.http.openapi import document, path_of
from dataflows.serve.http.operations import OPENAPI, OPERATIONS, STREAM
from dataflows.serve.http.problems import ProblemError, problem_of
from dataflows.serve.http.process_routes import is_loopback
from dataflows.serve.http.requests import header, read_query
from dataflows.serve.http.stream import HEADERS, Streams
from dataflows.serve.http.tokens import READ, Caller, check_scope

USERS = b"/v1/users/"
LIST = b"/recommendations"
LIST_ROUTE = "/v1/users/{user_id}/recommendations"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"
"""The route of a path that there is not."""
FILE_ROUTE = "/"

_PLAIN_ID = re.compile(rb"[A-Za-z0-9_-]+")
"""Ids that stand in a path as they are; others go the long way."""

READY = "/readyz"
_log = logging.getLogger(__name__)

Endpoint = Callable[[Scope, Receive, Send], Awaitable[None]]


class DoorApp:
    """Answers HTTP from a `Backend`, as ASGI wants it.

    A list that is kept is answered in a few calls; all else goes by the router. Whatever fails is
    answered by a problem.
    """

    def __init__(self, backend: Backend) -> None:
        settings = backend.settings
        self._backend = backend
        self._rate = RateLimit(
            settings.requests_per_second, settings.requests_burst, settings.rate_clients
        )
        self._answering = Answering(backend)
        self._streams = Streams(backend.hub, settings.heartbeat_seconds)
        self._document = document()
        self._router = Router(self._routes(), redirect_slashes=False)
        self._is_open = not backend.tokens
        self._log_from = {"off": 1000, "errors": 400, "all": 0}[settings.access_log]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the server."""
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        began = time.perf_counter()
        route: str | None = None
        method = scope["method"]
        try:
            caller = self._caller(scope)
            self._rate.take(caller.name)
            path: bytes = scope["raw_path"]
            if method == "GET" and path.startswith(USERS) and path.endswith(LIST):
                route = LIST_ROUTE
                kept = self._kept(path, scope, caller)
                if kept is not None:
                    head = [
                        (b"content-type", b"application/json"),
                        (b"content-length", b"%d" % len(kept)),
                    ]
                    await send({"type": "http.response.start", "status": 200, "headers": head})
                    await send({"type": "http.response.body", "body": kept})
                    self._told(route, method, 200, len(kept), began)
                    return
            scope["path"], scope["app"], scope["caller"] = path.decode("latin-1"), self, caller
            await self._router(scope, receive, send)
            status, size = scope["sent"]
        except Exception as error:  # noqa: BLE001 - it becomes an answer
            status, size = await self._fail(error, scope, send)
        self._told(scope.get("template", route), method, status, size, began)

    def stop(self) -> None:
        """End what would never end by itself, from within the loop."""
        self._streams.stop()

    def close(self) -> None:
        """Answer nothing more that takes a thread."""
        self._streams.close()
        self._answering.close()

    def _kept(self, path: bytes, scope: Scope, caller: Caller) -> bytes | None:
        """Return the list that is kept for a request that asks for nothing special."""
        user = path[len(USERS) : -len(LIST)]
        if scope["query_string"] or _PLAIN_ID.fullmatch(user) is None:
            return None
        check_scope(caller, READ)
        return self._backend.source.recommend_stored(user.decode())

    def _caller(self, scope: Scope) -> Caller:
        """Return who asks. Raises ProblemError."""
        address = (scope.get("client") or ("", 0))[0]
        authorization = host = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"host":
                host = value
        if self._is_open:
            _check_host(host, self._backend.settings.host)
        try:
            return self._backend.tokens.caller(authorization, address)
        except ProblemError:
            self._rate.take(address.encode())
            raise

    def _told(self, route: str | None, method: str, status: int, size: int, began: float) -> None:
        seconds = time.perf_counter() - began
        method = method if method in METHODS else "OTHER"
        self._backend.observe(method, route, status, seconds)
        is_poll = route == READY and self._log_from > 0  # what is not ready is asked time and again
        if status >= self._log_from and not is_poll:
            parts = method, route or NO_ROUTE, status, seconds * 1000, size
            _log.info("%s %s %d %.1f ms %d bytes", *parts)

    async def _fail(self, error: Exception, scope: Scope, send: Send) -> tuple[int, int]:
        problem = problem_of(error)
        try:
            return await send_problem(problem, send)
        except RuntimeError:  # the answer had begun: nothing more can be said in it
            abort = scope.get("penchant.abort")
            if abort is not None:
                abort()
            return problem.status, 0

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follow the life of the server."""
        if scope["type"] != "lifespan":
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._streams.open()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._answering.leave()
                self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _routes(self) -> list[Route]:
        by_template: dict[str, dict[str, Operation]] = {}
        for one in OPERATIONS:
            by_template.setdefault(one.template, {})[one.method] = one
        return [
            Route(template, _Endpoint(self._endpoint(template, methods)), methods=list(methods))
            for template, methods in by_template.items()
        ] + [
            Route(path, _Endpoint(self._file(path)), methods=["GET"])
            for path in self._backend.files
        ]

    def _endpoint(self, template: str, methods: dict[str, Operation]) -> Endpoint:
        shown = path_of(template)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            scope["template"] = shown
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            operation = methods[method]
            if operation.name == STREAM:
                scope["sent"] = await self._stream(operation, scope, receive, send)
            elif operation.name == OPENAPI:
                scope["sent"] = await send_bytes(200, self._document, {"content-type": JSON}, send)
            else:
                scope["sent"] = await self._answering.answer(
                    operation, scope, receive, send, scope["caller"]
                )

        return answer

    async def _stream(
        self, operation: Operation, scope: Scope, receive: Receive, send: Send
    ) -> tuple[int, int]:
        check_scope(scope["caller"], READ)
        query = read_query(scope, operation.query)
        after = header(scope, b"last-event-id") or getattr(query, "after", None)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
            return 200, 0
        call = Call({}, msgspec.structs.replace(query, after=after))
        reader = operation.answer(self._backend, call)
        assert isinstance(reader, Subscription)  # noqa: S101 - what this operation returns
        try:
            return 200, await self._streams.serve(reader, after, scope, receive, send)
        finally:
            reader.close()

    def _file(self, path: str) -> Endpoint:
        file = self._backend.files[path]

        async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
            scope["template"] = FILE_ROUTE
            known = header(scope, b"if-none-match")
            if known is not None and file.is_known_as(known):
                scope["sent"] = await send_bytes(304, b"", file.headers, send)
                return
            headers = {"content-type": file.media_type, **file.headers}
            scope["sent"] = await send_bytes(200, file.body, headers, send)

        return answer


class _Endpoint:
    """An endpoint as the router takes it: an object is ASGI, a function would be something else."""

    def __init__(self, answer: Endpoint) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


def _check_host(host: bytes | None, own: str) -> None:
    """Raise ProblemError where a browser was led here under another name (DNS rebinding).

    Without tokens it is the address alone that keeps others out.
    """
    try:
        text = urlsplit("//" + (host or b"localhost").decode("latin-1")).hostname or ""
    except ValueError:  # brackets that are none of an address
        text = "?"
    if text in ("localhost", own.lower()) or is_loopback(text):
        return
    raise ProblemError(
        421,
        f"without tokens this is {own} alone, not {text[:100]!r}",
        "ask for it as localhost, or set tokens",
    )
