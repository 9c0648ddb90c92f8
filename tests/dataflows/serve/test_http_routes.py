"""Each path asks the source what it says, and answers with what the source says."""

from __future__ import annotations

import logging

import msgspec
import pytest

from dataflows.config.serve import ServeSettings
from dataflows.serve.answers import (
    BadRequestError,
    NotAnsweredHereError,
    NotReadyError,
    UnknownError,
)
from dataflows.serve.api_types import (
    GivenContext,
    ListAnswer,
    ListRequest,
    Problem,
    RankRequest,
    Readiness,
)
from dataflows.serve.http.static import StaticFile
from dataflows.serve.stored.live_process import LiveAnswer
from tests.dataflows.serve.fake_source import STORED


def problem(answer, status: int) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = msgspec.json.decode(answer.content, type=Problem)
    assert found.status == status
    return found


def test_a_list_is_made_as_it_is_asked_for(door, source):
    answer = door().get(
        "/v1/users/u1/recommendations?k=3&offset=2&after=3.abc&categories=a&categories=b"
        "&exclude=i9&context=i7&context=i8&search=tea&at=12.5&scenario=home&explain=true"
        "&signals=true"
        "&fields=price"
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found = msgspec.json.decode(answer.content, type=ListAnswer)
    assert [place.item_id for place in found.items] == ["i1", "i2", "i3"]
    wanted = ListRequest(
        k=3,
        offset=2,
        after="3.abc",
        categories=("a", "b"),
        exclude=("i9",),
        context=GivenContext(items=("i7", "i8"), search="tea"),
        at=12.5,
        scenario="home",
        explain=True,
        signals=True,
        fields=("price",),
    )
    assert source.asked == [("recommend", "u1", wanted)]


def test_a_list_that_is_kept_goes_out_as_it_is_and_only_where_nothing_special_is_asked(
    door, source
):
    source.stored["u1"] = STORED
    client = door()
    assert client.get("/v1/users/u1/recommendations").content == STORED
    assert client.get("/v1/users/%75%31/recommendations").content == STORED
    assert source.asked == [("recommend_stored", "u1")] * 2
    assert client.get("/v1/users/u1/recommendations?k=2").content != STORED
    assert client.get("/v1/users/u2/recommendations").json()["user_id"] == "u2"


def test_a_body_can_ask_for_all_that_a_query_can_and_is_anonymous_without_a_user(door, source):
    client, asked = door(), ListRequest(k=2, context=GivenContext(items=("i7",)))
    body = msgspec.to_builtins(asked)
    assert client.post("/v1/users/u1/recommendations", json=body).status_code == 200
    assert client.post("/v1/recommendations", json=body).json()["user_id"] is None
    ranked = client.post("/v1/rank", json={"user_id": "u1", "item_ids": ["b", "a"]}).json()
    assert [place["item_id"] for place in ranked["items"]] == ["b", "a"]
    assert source.asked == [
        ("recommend", "u1", asked),
        ("recommend_anonymous", asked),
        ("rank", RankRequest(user_id="u1", item_ids=("b", "a"))),
    ]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/users/u1/neighbours?k=3", ("neighbours", "u1", 3)),
        ("/v1/users/u1/intent", ("intent", "u1")),
        ("/v1/users/u1/profile", ("profile", "u1")),
        ("/v1/users/u1/history", ("history", "u1", 10)),
        ("/v1/users/u1/why/i1", ("why", "u1", "i1")),
        ("/v1/items/i1", ("item", "i1")),
        ("/v1/items/i1/similar?k=4&category=a", ("similar", "i1", 4, ("a",))),
        ("/v1/items/i1/together", ("together", "i1", 10, ())),
        ("/v1/items/i1/next", ("next", "i1", 10, ())),
        ("/v1/popular?category=a&category=b", ("popular", 10, ("a", "b"))),
        ("/v1/trending?k=1", ("trending", 1, ())),
        ("/v1/falling?category=a", ("falling", 10, ("a",))),
        ("/v1/users?k=3", ("active_users", 3)),
        ("/v1/users/u1/beliefs", ("beliefs", "u1")),
        ("/v1/latest", ("latest", 10, ())),
        ("/v1/leaderboards/new?k=2&category=a", ("leaderboard", "new", 2, ("a",))),
        ("/v1/search?q=green+tea&user=u1&k=2", ("search", "green tea", "u1", 2, ())),
        ("/v1/search?q=tea", ("search", "tea", None, 10, ())),
    ],
)
def test_each_question_reaches_the_source(door, source, path, asked):
    answer = door().get(path)
    assert answer.status_code == 200, answer.text
    assert source.asked == [asked]
    assert "as_of" in answer.json()


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (BadRequestError("k is 0; at least 1"), 400),
        (UnknownError("there is no item 'x'"), 404),
        (NotAnsweredHereError("ask a run"), 501),
        (NotReadyError("still reading"), 503),
    ],
)
def test_what_a_source_raises_becomes_a_problem(door, source, raised, status):
    source.fails = raised
    answer = door().get("/v1/users/u1/intent")
    assert problem(answer, status).detail == str(raised)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_fault_of_ours_is_a_problem_without_its_inside_and_one_line_in_the_log(
    door, source, caplog
):
    source.fails = RuntimeError("secret inside")
    answer = door().get("/v1/users/u1/intent")
    assert "secret" not in problem(answer, 500).detail
    # How much is logged besides depends on what ran before.
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
    (line,) = [each.getMessage() for each in errors]
    assert "RuntimeError: secret inside" in line
    assert "\n" not in line


def test_a_source_that_waits_is_asked_in_a_thread_of_its_own(door, source):
    client = door()
    client.get("/v1/users/u1/intent")
    source.waits = True
    client.get("/v1/users/u1/intent")
    assert not source.threads[0].startswith("http-answer")
    assert source.threads[1].startswith("http-answer")


@pytest.mark.parametrize("user_id", ["u1", "user-1_A", "0b5f6a1e-7c1d-4a57-9d0e-2f1f6b7f9b1c"])
def test_a_kept_list_is_answered_without_the_router(door, source, user_id):
    source.stored[user_id] = b'{"kept":true}'
    client = door()
    client.app._router = None
    answer = client.get(f"/v1/users/{user_id}/recommendations")
    assert (answer.status_code, answer.content) == (200, b'{"kept":true}')


def test_what_takes_long_is_asked_in_a_thread_in_any_case(door, source):
    client = door()
    client.get("/v1/search?q=shoes")
    client.get("/v1/items/i1/similar")
    client.get("/v1/items/i1/together")
    assert [name.startswith("http-answer") for name in source.threads] == [True, True, False]


def test_health_and_readiness_are_told_without_a_token(door, source):
    client = door()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["is_ready"]
    source.is_ready = False
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"input": "read"}


def test_metrics_are_told_to_this_machine_alone_unless_set(door):
    parts = {"metrics": lambda accept: (b"x 1\n", "text/plain; version=0.0.4")}
    answer = door(**parts).get("/metrics")
    assert answer.text == "x 1\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"
    assert door("::ffff:127.0.0.1", **parts).get("/metrics").status_code == 200
    assert "serve.metrics_public" in problem(door("10.0.0.9", **parts).get("/metrics"), 403).detail
    settings = ServeSettings(metrics_public=True)
    assert door("10.0.0.9", settings=settings, **parts).get("/metrics").status_code == 200


def test_a_path_that_there_is_not_and_a_method_that_does_not_fit_are_problems(door):
    client = door()
    for path in ("/nothing", "/v1/users/u1", "/v1/items", "/v1/users//recommendations", "/v1/"):
        assert problem(client.get(path), 404).remedy == "/openapi.json has all that there are"
    answer = client.post("/v1/users/u1/intent", json={})
    problem(answer, 405)
    assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD"]
    allowed = client.ask("OPTIONS", "/v1/items/i1").headers["allow"].split(", ")
    assert sorted(allowed) == ["DELETE", "GET", "HEAD", "PATCH", "PUT"]


def test_a_head_is_told_like_its_get(door):
    client = door()
    asked = client.get("/v1/popular")
    told = client.ask("HEAD", "/v1/popular")
    assert told.status_code == 200
    assert told.headers["content-length"] == asked.headers["content-length"]


def test_a_static_file_is_sent_once_and_then_known_by_its_tag(door, source):
    files = {"/": StaticFile(b"<!doctype html>", "text/html; charset=utf-8")}
    client = door(files=files)
    answer = client.get("/")
    assert answer.text == "<!doctype html>"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    tag = answer.headers["etag"]
    again = client.get("/", headers={"if-none-match": f'"other", W/{tag}'})
    assert again.status_code == 304
    assert again.content == b""
    assert client.get("/", headers={"if-none-match": '"other"'}).status_code == 200
    assert client.get("/../app.py").status_code == 404
    assert source.asked == []


def test_what_was_asked_is_told_by_route_and_never_with_a_name(door, source, caplog):
    told = []
    caplog.set_level("INFO", "dataflows.serve")
    settings = ServeSettings(access_log="all")
    client = door(settings=settings, observe=lambda *each: told.append(each[:3]))
    source.stored["secretuser"] = STORED
    client.get("/v1/users/secretuser/recommendations")
    client.get("/v1/users/secretuser/why/secretitem")
    client.get("/v1/search?q=secretwords")
    client.get("/secretpath")
    client.ask("BREW", "/v1/popular")
    client.post("/v1/events", content=b"secrettext", headers={"content-type": "application/json"})
    assert told == [
        ("GET", "/v1/users/{user_id}/recommendations", 200),
        ("GET", "/v1/users/{user_id}/why/{item_id}", 200),
        ("GET", "/v1/search", 200),
        ("GET", None, 404),
        ("OTHER", None, 405),
        ("POST", "/v1/events", 501),
    ]
    assert len(caplog.records) == 6
    assert "secret" not in caplog.text


def test_only_what_failed_is_logged_unless_all_is_wanted(door, caplog):
    caplog.set_level("INFO", "dataflows.serve")
    client = door()
    client.get("/healthz")
    assert caplog.records == []
    client.get("/nothing")
    assert len(caplog.records) == 1
    door(settings=ServeSettings(access_log="off")).get("/nothing")
    assert len(caplog.records) == 1


def test_a_poll_of_readiness_is_logged_only_where_all_is_wanted(door, source, caplog, monkeypatch):
    caplog.set_level("INFO", "dataflows.serve")
    waits = Readiness(is_ready=False, checks={"input": "behind"}, age_seconds=None, as_of={})
    monkeypatch.setattr(source, "readiness", lambda: waits)
    assert door().get("/readyz").status_code == 503
    assert caplog.records == []
    door(settings=ServeSettings(access_log="all")).get("/readyz")
    assert len(caplog.records) == 1


class Run:
    """A process with the live model, as it is asked by one that has none."""

    def __init__(self) -> None:
        self.asked = []

    async def ask(self, method, target, body, headers) -> LiveAnswer:
        self.asked.append((method, target, body, headers.get("content-type")))
        return LiveAnswer(418, "application/json", b'{"by":"run"}', {"penchant-answered-by": "run"})

    async def close(self) -> None:
        pass


def test_what_only_a_live_model_can_answer_is_passed_on_as_it_came(door, source):
    source.fails = NotAnsweredHereError("ask a run")
    run = Run()
    client = door(live=run)
    answer = client.post("/v1/rank", json={"item_ids": ["a"]})
    assert (answer.status_code, answer.json()) == (418, {"by": "run"})
    assert answer.headers["penchant-answered-by"] == "run"
    client.get("/v1/users/a%2Fb/why/%2e%2e?")
    client.get("/v1/search?q=t%C3%A9")
    client.post("/v1/events?wait=list", json={"event_id": "e"})
    assert run.asked == [
        ("POST", "/v1/rank", b'{"item_ids":["a"]}', "application/json"),
        ("GET", "/v1/users/a%2Fb/why/%2e%2e", None, None),
        ("GET", "/v1/search?q=t%C3%A9", None, None),
        ("POST", "/v1/events?wait=list", b'{"event_id":"e"}', "application/json"),
    ]


def test_what_can_be_answered_here_and_what_is_wrong_is_not_passed_on(door, source):
    run = Run()
    client = door(live=run)
    assert client.get("/v1/popular").status_code == 200
    source.fails = NotAnsweredHereError("ask a run")
    assert client.get("/v1/popular?k=0").status_code == 400
    assert client.post("/v1/events", json={}).status_code == 501
    assert run.asked == []
