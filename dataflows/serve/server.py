"""The server: an application behind a port, in a thread of a process.

It is uvicorn with httptools. Beside a thread that is at work in Python it answered twenty times
sooner than granian, and by itself it took as long for a request.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol

import uvicorn

from dataflows.config.serve import ServeSettings
from dataflows.errors import InputError
from dataflows.serve.protocol import GuardedProtocol, JoiningProtocol

BACKLOG = 2048
START_SECONDS = 30.0
IDLE_SECONDS = 15
"""After how long without a request a connection is closed."""

_log = logging.getLogger(__name__)


class Application(Protocol):
    """An ASGI application that can be told to end what would never end by itself."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        ...

    def stop(self) -> None:
        """End streams, from within the loop."""
        ...


class Server:
    """Serves an application at `settings.host` and `settings.port`.

    `shared` lets several processes listen at one port. `is_alone` says that no other thread of the
    process is at work in Python. Raises InputError, in one line, where the address is taken or is
    none of this machine.
    """

    def __init__(
        self,
        app: Application,
        settings: ServeSettings,
        *,
        shared: bool = False,
        is_alone: bool = False,
    ) -> None:
        self._app = app
        self._is_alone = is_alone
        self._settings = settings
        self._socket = bind(settings, shared=shared)
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None
        self._is_up = threading.Event()

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port that it listens at."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def url(self) -> str:
        """Return where a browser finds it."""
        host, port = self.address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> tuple[str, int]:
        """Serve from a thread; return the bound address once requests are answered."""
        found = self.address
        self._server = self._made()
        run = self._server.run
        self._thread = threading.Thread(
            target=run, args=([self._socket],), name="http", daemon=True
        )
        self._thread.start()
        if not self._is_up.wait(START_SECONDS):
            raise InputError(f"{self.url}: the server did not start within {START_SECONDS:g} s")
        return found

    def close(self) -> None:
        """Answer what is under way, within `settings.stop_seconds`, and end the thread."""
        if self._server is None or self._thread is None:
            self._socket.close()
            return
        self._server.should_exit = True
        self._thread.join(self._settings.stop_seconds + 5)
        if self._thread.is_alive():
            _log.warning("the server did not stop within its time; it is left")

    def _made(self) -> _Uvicorn:
        loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
        if self._is_alone:
            # It is quicker, but takes Python's lock anew for each step: slow beside other threads.
            import uvloop

            loop = uvloop.new_event_loop
        config = uvicorn.Config(
            self._app,
            http=GuardedProtocol if self._is_alone else JoiningProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=max(1, round(self._settings.stop_seconds)),
        )
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        return _Uvicorn(config, loop, self._app, self._is_up.set)


class _Uvicorn(uvicorn.Server):
    """Uvicorn, with a loop that is handed in, and a word when it is up and when it ends."""

    def __init__(
        self,
        config: uvicorn.Config,
        loop: Callable[[], asyncio.AbstractEventLoop],
        app: Application,
        is_up: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._new_loop = loop
        self._app = app
        self._is_up = is_up

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.run(self.serve(sockets=sockets))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets=sockets)
        self._is_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: first what would never end by itself, then what is under way."""
        self._app.stop()
        await super().shutdown(sockets=sockets)


def bind(settings: ServeSettings, *, shared: bool = False) -> socket.socket:
    """Return a socket at the address of the settings, not yet listening. Raises InputError."""
    host, port = settings.host, settings.port
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, number)
    except OSError as error:
        raise InputError(f"serve.host {host!r} cannot be listened at ({error.strerror})") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        remedy = "give serve.port another, or stop what listens there"
        if error.errno != errno.EADDRINUSE:
            remedy = "give serve.host an address of this machine, and serve.port one it may use"
        raise InputError(
            f"{host}:{port} cannot be listened at ({error.strerror}); {remedy}"
        ) from error
    found.set_inheritable(False)
    return found
