"""A thousand who follow the changes at once: each is told all, and nothing grows with time."""

from __future__ import annotations

import resource
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dataflows.config.serve import ServeSettings
from dataflows.serve.changes import ChangeHub
from dataflows.serve.http.app import DoorApp
from dataflows.serve.http.call import Backend
from dataflows.serve.server import Server
from tests.dataflows.serve.fake_source import FakeSource
from tests.dataflows.serve.test_server import wait_until

pytestmark = pytest.mark.slow

CLIENTS = 1_000
MESSAGE = b'{"user_id":"u","items":"' + b"x" * 1_000 + b'"}'


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CLIENTS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{hard} open files are the limit here; {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()


def test_a_thousand_are_told_each_change_and_nothing_grows(many_files):
    settings = ServeSettings(port=0, stream_clients=CLIENTS, heartbeat_seconds=1)
    hub = ChangeHub(kept=400, queued=400, clients=CLIENTS)
    server = Server(DoorApp(Backend(FakeSource(), settings=settings, hub=hub)), settings)
    address = server.start()
    with ExitStack() as closing:
        closing.callback(server.close)
        readers = selectors.DefaultSelector()
        closing.callback(readers.close)
        told = dict.fromkeys(range(CLIENTS), 0)
        for number in range(CLIENTS):
            line = closing.enter_context(socket.create_connection(address, timeout=30))
            line.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            line.setblocking(False)
            readers.register(line, selectors.EVENT_READ, number)
        wait_until(lambda: len(hub) == CLIENTS)

        def publish(changes: int) -> None:
            for _ in range(changes):
                hub.publish("u", MESSAGE)
                wanted = hub.newest
                while min(told.values()) < wanted:
                    for key, _ in readers.select(1):
                        # A piece may end within a line: its mark is then counted with the next.
                        left[key.data] += key.fileobj.recv(1 << 16)
                        told[key.data] += left[key.data].count(b"event: list\n")
                        left[key.data] = left[key.data][-11:]

        left = dict.fromkeys(range(CLIENTS), b"")
        publish(20)
        before = resident()
        publish(60)
        assert resident() - before < 30_000_000
        assert set(told.values()) == {80}
        assert len(hub) == CLIENTS
    assert len(hub) == 0
