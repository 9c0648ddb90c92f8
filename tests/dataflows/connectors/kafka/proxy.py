"""A TCP proxy that can cut a broker off: what it does to its connections is all it knows."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Listens on a free local port and passes bytes to `target` and back.

    `cut()` closes every connection and refuses new ones; `heal()` lets them in again.
    The port stays bound all the time, so that nobody else can take it.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._server.getsockname()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for pair in self._pairs:
                _shut(pair)

    def heal(self) -> None:
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self._closing = True
        self.cut()
        for thread in list(self._threads):
            thread.join(5)
        self._server.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            ready, _, _ = select.select([self._server], [], [], 0.05)
            if not ready:
                continue
            client, _ = self._server.accept()
            with self._lock:
                pair = None if self._is_cut else self._join(client)
                if pair is None:
                    client.close()
                    continue
                self._pairs.add(pair)
            self._start(self._pump, pair)

    def _join(self, client: socket.socket) -> tuple[socket.socket, socket.socket] | None:
        try:
            broker = socket.create_connection(self._target, timeout=2)
        except OSError:
            return None
        for end in (client, broker):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, broker

    def _pump(self, pair: tuple[socket.socket, socket.socket]) -> None:
        other = {pair[0]: pair[1], pair[1]: pair[0]}
        with contextlib.suppress(OSError):
            while not self._closing:
                ready, _, _ = select.select(pair, [], [], 0.2)
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        raise OSError("closed")
                    other[end].sendall(data)
        with self._lock:
            self._pairs.discard(pair)
            _shut(pair)
            for end in pair:
                end.close()


def _shut(pair: tuple[socket.socket, socket.socket]) -> None:
    for end in pair:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
