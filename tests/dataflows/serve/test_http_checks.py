"""What does not fit is refused with its value and its limit; nothing in an id leads elsewhere."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.config.serve import ServeSettings
from dataflows.serve.http.app import DoorApp
from dataflows.serve.http.call import Backend
from dataflows.serve.http.limits import AtOnce, RateLimit
from dataflows.serve.http.problems import ProblemError
from dataflows.serve.http.tokens import Tokens
from tests.dataflows.serve.fake_source import FakeSource
from tests.dataflows.serve.test_http_routes import problem

READER, WRITER, ADMIN = "r" * 20, "w" * 20, "a" * 20
TOKENS = Tokens(
    [
        (frozenset({"read"}), READER),
        (frozenset({"write"}), WRITER),
        (frozenset({"read", "write", "admin"}), ADMIN),
    ]
)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/users/u1/recommendations?k=0", ["k is '0'", ">= 1"]),
        ("/v1/users/u1/recommendations?k=1001", ["k is '1001'", "<= 1000"]),
        ("/v1/users/u1/recommendations?k=x", ["k is 'x'", "int"]),
        ("/v1/users/u1/recommendations?k=1&k=2", ["k is given twice"]),
        ("/v1/users/u1/recommendations?offset=-1", ["offset is '-1'", ">= 0"]),
        ("/v1/users/u1/recommendations?explain=perhaps", ["explain is 'perhaps'", "bool"]),
        ("/v1/users/u1/recommendations?at=nan&n=1", ["no parameter 'n'"]),
        ("/v1/users/u1/recommendations?categories=", ["categories[0] is ''"]),
        ("/v1/users/u1/recommendations?exclude=%ff", ["not UTF-8"]),
        ("/v1/search", ["missing required field `q`"]),
        ("/v1/search?q=", ["q is ''", "length >= 1"]),
        ("/v1/search?q=" + 1001 * "x", ["characters)", "<= 1000"]),
        ("/v1/search?q=x&user=%00", ["user", "control character"]),
        ("/v1/users/%ff/intent", ["not UTF-8"]),
        ("/v1/users/%00/intent", ["user_id", "control character"]),
        ("/v1/users/a%0Ab/intent", ["control character"]),
        ("/v1/users/%20/intent", ["user_id is blank"]),
        ("/v1/users/" + 257 * "x" + "/intent", ["257 characters", "256"]),
        ("/v1/items/" + 257 * "x", ["257 characters", "256"]),
    ],
)
def test_what_does_not_fit_is_told_with_value_and_limit(door, source, path, words):
    found = problem(door().get(path), 400)
    for word in words:
        assert word in found.detail
    assert source.asked == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"k": 0}', ["k is 0", ">= 1"]),
        (b'{"k": "x"}', ["k is 'x'", "int"]),
        (b'{"kk": 1}', ["unknown field `kk`"]),
        (b'{"context": {"items": ["a", 3]}}', ["context.items[1] is 3"]),
        (b"[]", ["Expected `object`"]),
        (b"", ["not JSON"]),
        (b'{"k": NaN}', ["not JSON"]),
        (b'{"after": "\xff"}', ["not JSON"]),
        (b'{"k": 1} {}', ["not JSON"]),
        (b'{"exclude": ' + b"[" * 100_000, ["exclude", ""]),
    ],
)
def test_a_body_that_does_not_fit_is_told_with_place_and_value(door, source, body, words):
    headers = {"content-type": "application/json"}
    found = problem(door().post("/v1/users/u/recommendations", content=body, headers=headers), 400)
    for word in words:
        assert word in found.detail
    assert source.asked == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a%2Fb", "a/b"),
        ("..", ".."),
        ("%2e%2e", ".."),
        ("..%2F..%2Fstatus", "../../status"),
        ("%2Fetc%2Fpasswd", "/etc/passwd"),
        ("a%3Fk=1", "a?k=1"),
        ("a%23b", "a#b"),
        ("a%252Fb", "a%2Fb"),
        ("a;b=1", "a;b=1"),
        ("%E8%8C%B6", "茶"),
        ("recommendations", "recommendations"),
    ],
)
def test_tricks_in_an_id_are_an_id_and_never_another_path(source, written, meant):
    status, _ = raw(source, f"/v1/users/{written}/intent".encode())
    assert status == 200
    assert source.asked == [("intent", meant)]


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/users/a/../b/intent",
        b"/v1/users/a/b/intent",
        b"/v1//users/a/intent",
        b"//v1/users/a/intent",
        b"/v1/users/a/intent/",
        b"/V1/users/a/intent",
        b"/v1/users/\xff/intent",
        b"/v1\\users\\a\\intent",
        b"/%2e%2e/%2e%2e/etc/passwd",
        b"",
        b"*",
    ],
)
def test_a_crooked_path_is_no_path(source, path):
    status, _ = raw(source, path)
    assert status in (400, 404)
    assert source.asked == []


def raw(source: FakeSource, path: bytes, query: bytes = b"", **more) -> tuple[int, bytes]:
    """Ask as a server does, with the bytes as they came."""
    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        **more,
    }
    asyncio.run(DoorApp(Backend(source))(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=40),
    st.one_of(st.binary(max_size=40), st.sampled_from([b"k=1", b"user=%zz", b"q=%00"])),
    st.sampled_from([b"/v1/users/", b"/v1/items/", b"/v1/search", b"/v1/", b"/"]),
    st.sampled_from([b"/intent", b"/recommendations", b"/similar", b""]),
)
def test_whatever_bytes_come_there_is_an_answer_and_no_fault(middle, query, before, after):
    status, body = raw(FakeSource(), before + middle + after, query)
    assert status in (200, 400, 403, 404, 405, 501), body


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"localhost:8080", 200),
        (b"127.0.0.1:8080", 200),
        (b"[::1]:8080", 200),
        (b"evil.example", 421),
        (b"localhost.evil.example", 421),
        (b"10.0.0.1", 421),
        (b"[", 421),
    ],
)
def test_without_tokens_a_browser_cannot_be_led_here_under_another_name(source, host, status):
    assert raw(source, b"/v1/popular", headers=[(b"host", host)])[0] == status


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({}, 401, "a token is required"),
        (bearer("x" * 20), 401, "not known"),
        (bearer(READER[:-1]), 401, "not known"),
        ({"authorization": "Basic abc"}, 401, "not `Bearer TOKEN`"),
        (bearer(WRITER), 403, "read is required"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/users/u1/recommendations", "/v1/popular", "/v1/stream"])
def test_without_its_scope_nothing_is_told(door, source, path, headers, status, words):
    source.stored["u1"] = b"{}"
    answer = door(tokens=TOKENS).get(path, headers=headers)
    assert words in problem(answer, status).detail
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert source.asked == []


def test_with_its_scope_all_is_told_and_what_is_open_needs_none(door, source):
    client = door(tokens=TOKENS)
    source.stored["u1"] = b"{}"
    assert client.get("/v1/users/u1/recommendations", headers=bearer(READER)).content == b"{}"
    assert client.get("/v1/popular", headers=bearer(READER)).status_code == 200
    assert client.get("/v1/dead-letters", headers=bearer(READER)).status_code == 403
    assert client.get("/v1/dead-letters", headers=bearer(ADMIN)).json()["dead_letters"][0]["raw"]
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert client.get(path).status_code == 200


def test_the_bytes_of_a_dead_letter_are_for_admins_alone(door):
    client = door(tokens=TOKENS)
    (letter,) = client.get("/v1/status", headers=bearer(READER)).json()["dead_letters"]
    assert "raw" not in letter
    assert letter["reason"] == "bad_json"
    (letter,) = client.get("/v1/status", headers=bearer(ADMIN)).json()["dead_letters"]
    assert letter["raw"] == "c2VjcmV0"


def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(door, source):
    client = door(settings=ServeSettings(max_body_bytes=1024))
    headers = {"content-type": "application/json"}
    answer = client.post("/v1/rank", content=b" " * 1025, headers=headers)
    assert "1025 bytes; the limit is 1024 (serve.max_body_bytes)" in problem(answer, 413).detail
    assert answer.headers["connection"] == "close"

    async def pieces():
        for _ in range(20):
            yield b" " * 100

    answer = client.post("/v1/rank", content=pieces(), headers=headers)
    assert "more bytes" in problem(answer, 413).detail
    assert source.asked == []


def test_a_body_that_is_too_slow_is_refused(door):
    async def pieces():
        yield b"{"
        await asyncio.sleep(60)

    client = door(settings=ServeSettings(body_seconds=0.05))
    headers = {"content-type": "application/json"}
    answer = client.post("/v1/rank", content=pieces(), headers=headers)
    assert "serve.body_seconds" in problem(answer, 408).detail


def test_a_body_of_another_type_and_an_answer_that_is_not_taken(door, source):
    client = door()
    body = b'{"item_ids": ["a"]}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post("/v1/rank", content=body, headers={"content-type": kind})
        assert "application/json" in problem(answer, 415).detail
    kind = "application/json; charset=utf-8"
    assert client.post("/v1/rank", content=body, headers={"content-type": kind}).status_code == 200
    for accept in ("text/html", "application/json;q=0", "image/*, text/*"):
        problem(client.get("/v1/popular", headers={"accept": accept}), 406)
    for accept in ("*/*", "text/html, application/*;q=0.1", "APPLICATION/JSON"):
        assert client.get("/v1/popular", headers={"accept": accept}).status_code == 200


def test_who_asks_too_fast_is_told_when_to_come_back(door, source):
    client = door(settings=ServeSettings(requests_per_second=0.01, requests_burst=2))
    source.stored["u1"] = b"{}"
    assert client.get("/v1/users/u1/recommendations").status_code == 200
    assert client.get("/v1/popular").status_code == 200
    answer = client.get("/v1/users/u1/recommendations")
    assert "serve.requests_per_second" in problem(answer, 429).detail
    assert int(answer.headers["retry-after"]) > 50


def test_guessing_tokens_is_counted_too(door):
    client = door(tokens=TOKENS, settings=ServeSettings(requests_per_second=0.01, requests_burst=2))
    found = [client.get("/v1/popular", headers=bearer("x" * 20)).status_code for _ in range(3)]
    assert found == [401, 401, 429]
    assert client.get("/v1/popular", headers=bearer(READER)).status_code == 200


def test_a_bucket_fills_again_and_the_oldest_caller_is_forgotten():
    now = 0.0
    limit = RateLimit(2.0, 3, 2, lambda: now)
    for _ in range(3):
        limit.take(b"a")
    with pytest.raises(ProblemError):
        limit.take(b"a")
    now = 0.5
    limit.take(b"a")
    with pytest.raises(ProblemError):
        limit.take(b"a")
    limit.take(b"b")
    limit.take(b"c")
    assert len(limit) == 2
    limit.take(b"a")  # forgotten, and so free again


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 2), max_size=60), st.floats(0.5, 20), st.integers(1, 10))
def test_never_more_than_the_rate_and_the_burst_pass(pauses, rate, burst):
    now, passed = 0.0, []
    limit = RateLimit(rate, burst, 10, lambda: now)
    for pause in pauses:
        now += pause
        try:
            limit.take(b"a")
            passed.append(now)
        except ProblemError:
            continue
    for number, first in enumerate(passed):
        for later, last in enumerate(passed[number:], 1):
            assert later <= burst + rate * (last - first) + 1e-6


def test_more_at_once_than_may_be_are_turned_away_and_one_that_takes_too_long_is_left(door, source):
    source.waits = True
    client = door(settings=ServeSettings(answer_seconds=0.05, answers_at_once=1, answer_threads=1))
    import threading

    go_on = threading.Event()
    source.hold = go_on.wait
    answer = client.get("/v1/popular")
    assert "serve.answer_seconds" in problem(answer, 503).detail
    assert answer.headers["retry-after"] == "1"
    answer = client.get("/v1/popular")
    assert "serve.answers_at_once" in problem(answer, 503).detail
    assert client.get("/healthz").status_code == 200
    go_on.set()
    while client.get("/v1/popular").status_code == 503:
        pass


def test_who_is_at_work_is_counted():
    at_once = AtOnce(1)
    at_once.enter()
    with pytest.raises(ProblemError):
        at_once.enter()
    at_once.leave()
    at_once.enter()
    assert (at_once.used, at_once.refused) == (1, 1)
