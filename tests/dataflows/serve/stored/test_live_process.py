"""What is passed on to a live process, over real sockets."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dataflows.config.config import load_config
from dataflows.serve.answers import NotReadyError
from dataflows.serve.stored.live_process import TOKEN, LiveProcess, open_live


class Live(BaseHTTPRequestHandler):
    """Answers with what it was asked, as bytes that no JSON writer would write so."""

    protocol_version = "HTTP/1.1"

    def _answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        answer = b'{ "k" :1.0e0 }'
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Retry-After", "7")
        self.send_header("Set-Cookie", "a=b")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _answer  # noqa: N815 - the library's names

    def log_message(self, *_):
        pass


@contextmanager
def serving(status=200):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Live)
    server.status, server.seen = status, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(live, *request):
    async def once():
        try:
            return await live.ask(*request)
        finally:
            await live.close()

    return asyncio.run(once())


@pytest.mark.parametrize("status", [200, 404, 503])
def test_request_and_answer_pass_byte_for_byte(status):
    with serving(status) as (server, url):
        config = load_config(None, {"serve.run_url": url + "/"}, {})
        live = open_live(config, {TOKEN: "sesame-open"})
        headers = {
            "content-type": "application/json",
            "authorization": "Bearer the-caller",
            "cookie": "c=d",
            "traceparent": "00-1-2-03",
        }
        target = "/v1/users/a%2Fb%20%C3%A9/why/i%3F?x=%20y&x=z"
        found = ask(live, "POST", target, b'{"a":  1}', headers)
        assert (found.status, found.body) == (status, b'{ "k" :1.0e0 }')
        assert found.media_type == "application/problem+json"
        assert found.headers == {"penchant-answered-by": "run", "retry-after": "7"}
        ((method, path, sent, body),) = server.seen
        assert (method, path, body) == ("POST", target, b'{"a":  1}')
        sent = {name.lower(): value for name, value in sent.items()}
        assert sent["authorization"] == "Bearer sesame-open"
        assert sent["traceparent"] == "00-1-2-03"
        assert sent["penchant-passed-on"] == "1"
        assert "cookie" not in sent


def test_who_does_not_answer_is_told_with_what_can_be_asked_meanwhile():
    with serving() as (_, url):
        pass
    with pytest.raises(NotReadyError, match=r"does not answer .*what is stored can be asked"):
        ask(LiveProcess(url, 5.0), "GET", "/v1/rank", None, {})


def test_who_breaks_off_is_told():
    with serving() as (server, url):
        server.seen = None  # it fails, and closes the connection
        with pytest.raises(NotReadyError, match="does not answer"):
            ask(LiveProcess(url, 5.0), "GET", "/v1/rank", None, {})


def test_what_was_passed_on_is_not_passed_further():
    with serving() as (server, url):
        with pytest.raises(NotReadyError, match="passed on once already"):
            ask(LiveProcess(url, 5.0), "GET", "/v1/rank", None, {"penchant-passed-on": "1"})
        assert server.seen == []


def test_nobody_is_asked_where_nobody_is_named():
    assert open_live(load_config(None, {}, {}), {}) is None
