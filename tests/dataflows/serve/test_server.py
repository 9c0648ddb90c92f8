"""The server in a thread: bound, asked, abused, and stopped."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from dataflows.config.serve import ServeSettings
from dataflows.errors import InputError
from dataflows.serve import protocol
from dataflows.serve.changes import ChangeHub
from dataflows.serve.http.app import DoorApp
from dataflows.serve.http.call import Backend
from dataflows.serve.server import Server
from tests.dataflows.serve.fake_source import STORED, FakeSource

SETTINGS = ServeSettings(port=0, stop_seconds=2, heartbeat_seconds=0.1, stream_clients=3)


class Served:
    """An application behind a port of its own."""

    def __init__(self, *, is_alone: bool = False) -> None:
        self.source, self.hub = FakeSource(), ChangeHub(kept=50, queued=5, clients=3)
        self.app = DoorApp(Backend(self.source, settings=SETTINGS, hub=self.hub))
        self.server = Server(self.app, SETTINGS, is_alone=is_alone)
        self.host, self.port = self.server.start()

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=10)

    def say(self, text: bytes) -> bytes:
        """Send bytes and return all that comes until the other side closes."""
        with closing(self.connect()) as line:
            line.sendall(text)
            return read_all(line)

    def get(self, path: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=10)) as line:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read()


def read_all(line: socket.socket) -> bytes:
    found = b""
    while piece := line.recv(65536):
        found += piece
    return found


def read_until(line: socket.socket, wanted: bytes) -> bytes:
    found = b""
    while wanted not in found:
        piece = line.recv(65536)
        assert piece, found
        found += piece
    return found


def wait_until(is_so) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(params=[False, True], ids=["beside", "alone"])
def served(request) -> Iterator[Served]:
    made = Served(is_alone=request.param)
    yield made
    made.server.close()


@pytest.fixture
def plain() -> Iterator[Served]:
    made = Served()
    yield made
    made.server.close()


def test_it_answers_at_the_address_that_it_tells(served):
    served.source.stored["u1"] = STORED
    assert served.get("/v1/users/u1/recommendations") == (200, STORED)
    assert served.get("/v1/users/%2e%2e%2f/intent")[0] == 200
    assert served.source.asked[-1] == ("intent", "../")
    assert served.server.url == f"http://127.0.0.1:{served.port}"


def test_many_requests_go_over_one_connection_also_sent_at_once(plain):
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert plain.say(request * 4 + last).count(b'{"status":"ok"}') == 5


def test_a_taken_port_is_told_in_one_line(plain):
    taken = ServeSettings(port=plain.port)
    with pytest.raises(InputError, match=rf"127\.0\.0\.1:{plain.port} cannot be listened at.*port"):
        Server(plain.app, taken)
    with pytest.raises(InputError, match="cannot be listened at"):
        Server(plain.app, ServeSettings(host="192.0.2.1", port=0))


def test_several_may_share_a_port():
    first = Server(DoorApp(Backend(FakeSource())), SETTINGS, shared=True)
    port = first.address[1]
    second = Server(DoorApp(Backend(FakeSource())), ServeSettings(port=port), shared=True)
    assert second.address == first.address
    first.close()
    second.close()


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/popular\xff\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/rank HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"CONNECT example.org:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_problem_and_ends_the_connection(plain, text):
    answer = plain.say(text)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"application/problem+json" in answer
    assert plain.get("/healthz")[0] == 200


def test_a_head_that_is_too_long_is_refused(plain):
    answer = plain.say(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000)
    assert b" 431 " in answer.partition(b"\r\n")[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 431
    # What comes piece by piece is counted as well.
    line = b"X: " + b"x" * 1000 + b"\r\n"
    assert b" 431 " in plain.say(b"GET /healthz HTTP/1.1\r\n" + line * 70)


def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(plain, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    for text in (b"", b"GET /healthz HTTP/1.1\r\nHos"):
        answer = plain.say(text)
        assert b" 408 " in answer.partition(b"\r\n")[0]


def test_half_a_body_is_no_event(plain):
    with closing(plain.connect()) as line:
        line.sendall(
            b"POST /v1/rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"item_ids":["a"]}'
        )
    assert plain.get("/healthz")[0] == 200
    assert plain.source.asked == []


def test_a_stream_tells_changes_as_they_come_and_beats_between(served):
    with closing(served.connect()) as line:
        line.sendall(b"GET /v1/stream?user=u1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = read_until(line, b": still here\n\n")
        assert b"text/event-stream" in head
        served.hub.publish("u2", b'{"user_id":"u2"}')
        served.hub.publish("u1", b'{"user_id":"u1"}')
        told = read_until(line, b'{"user_id":"u1"}\n\n')
        assert b"u2" not in told
        assert f"id: {served.hub.place(2)}\nevent: list\ndata: ".encode() in told
    wait_until(lambda: len(served.hub) == 0)


def test_a_stream_goes_on_where_it_was(plain):
    for number in range(1, 5):
        plain.hub.publish("u1", b'{"n":%d}' % number)
    place = plain.hub.place(2).encode()
    with closing(plain.connect()) as line:
        line.sendall(
            b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %s\r\n\r\n" % place
        )
        told = read_until(line, b'{"n":4}\n\n')
        assert b'{"n":3}' in told
        assert b'{"n":2}' not in told
        assert b"event: reset" not in told
    with closing(plain.connect()) as line:
        line.sendall(b"GET /v1/stream?after=other-3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"event: reset\n" in read_until(line, b"event: reset\n")


def test_only_so_many_follow_at_once(plain):
    lines = [plain.connect() for _ in range(3)]
    for line in lines:
        line.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_until(line, b"retry:")
    status, body = plain.get("/v1/stream")
    assert status == 503
    assert b"serve.stream_clients" in body
    lines.pop().close()
    wait_until(lambda: len(plain.hub) == 2)
    for line in lines:
        line.close()


def test_a_reader_that_takes_nothing_is_dropped_and_holds_nobody_up(plain):
    with closing(socket.socket()) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(20)
        line.connect((plain.host, plain.port))
        line.sendall(b"GET /v1/stream?user=u1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: len(plain.hub) == 1)
        message = b'"' + b"x" * 500_000 + b'"'
        while len(plain.hub):
            plain.hub.publish("u1", message)
            time.sleep(0.01)
        assert plain.hub.dropped == 1
        assert plain.get("/healthz")[0] == 200


def test_a_reader_of_all_that_takes_nothing_is_dropped_after_a_while(plain, caplog):
    caplog.set_level("INFO", "dataflows.serve")
    with closing(socket.socket()) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((plain.host, plain.port))
        line.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: len(plain.hub) == 1)
        for _ in range(30):  # fewer than are kept, and more than lies in any buffer
            plain.hub.publish("u1", b'"' + b"x" * 500_000 + b'"')
        wait_until(lambda: len(plain.hub) == 0)
    assert plain.hub.dropped == 1
    assert "nothing was taken for 0.2 s" in caplog.text


def test_a_reader_that_fell_behind_is_told_so(plain):
    with closing(plain.connect()) as line:
        line.sendall(b"GET /v1/stream?user=u1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_until(line, b"retry:")
        is_held, held = threading.Event(), threading.Event()
        loop = plain.app._streams._loop
        loop.call_soon_threadsafe(lambda: is_held.set() or held.wait(10))
        assert is_held.wait(10)
        for _ in range(7):
            plain.hub.publish("u1", b"{}")
        held.set()
        told = read_all_of_stream(line)
    assert b"event: dropped\ndata: " in told
    assert b"more than 5 changes behind" in told


def read_all_of_stream(line: socket.socket) -> bytes:
    return read_until(line, b"\r\n0\r\n\r\n")


def test_a_stop_answers_what_is_under_way_and_ends_streams():
    served = Served()
    served.source.waits = True
    go_on, is_asked = threading.Event(), threading.Event()

    def hold() -> None:
        is_asked.set()
        go_on.wait(10)

    served.source.hold = hold
    found = []
    asking = threading.Thread(target=lambda: found.append(served.get("/v1/popular")))
    asking.start()
    with closing(served.connect()) as line:
        line.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_until(line, b"retry:")
        assert is_asked.wait(10)
        stopping = threading.Thread(target=served.server.close)
        stopping.start()
        assert read_all_of_stream(line).endswith(b"0\r\n\r\n")
        go_on.set()
        stopping.join(20)
        asking.join(20)
    assert [status for status, _ in found] == [200]
    assert len(served.hub) == 0
    with pytest.raises(ConnectionError):
        served.connect()


def test_a_stop_does_not_wait_for_ever():
    served = Served()
    served.source.waits = True
    go_on, is_asked = threading.Event(), threading.Event()

    def hold() -> None:
        is_asked.set()
        go_on.wait(60)

    served.source.hold = hold
    asking = threading.Thread(
        target=lambda: served.say(b"GET /v1/popular HTTP/1.1\r\nHost: localhost\r\n\r\n")
    )
    asking.start()
    assert is_asked.wait(10)
    served.server.close()
    asking.join(20)
    assert not asking.is_alive()
    go_on.set()
