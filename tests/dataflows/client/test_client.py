"""Callers of the API against what speaks HTTP as the API does; the API itself is tried elsewhere.

`MockTransport` stands for sockets: what is sent is seen as it would go out.
"""

from __future__ import annotations

import asyncio
import json

import httpx2
import msgspec
import pytest

from dataflows.client import (
    ApiError,
    AsyncClient,
    Client,
    ClientError,
    GivenContext,
    ListRequest,
    UnreachableError,
    anonymous,
    events,
    patch_item,
    recommendations,
    related,
    search,
    why,
)

URL = "http://shop.test"
LIST = {
    "user_id": "ada",
    "list_id": "7",
    "items": [{"item_id": "pot", "title": "Teapot", "score": 1.5, "place": 1}],
    "source": "live",
    "is_known": True,
    "as_of": {"events-0": 12},
    "versions": {"encoder": "e", "model": "m"},
    "time": "2026-12-01T00:00:00.000Z",
}


def asked(call, answer=LIST, status=200, **given):
    """Make a call; return the answer and the request that went out."""
    seen = []

    def answers(request):
        seen.append(request)
        return httpx2.Response(status, json=answer)

    with Client(URL, transport=httpx2.MockTransport(answers), **given) as client:
        return client.ask(call), seen[0]


def test_a_list_comes_back_as_its_type():
    answer, request = asked(recommendations("ada"), token="secret")
    assert answer.items[0].title == "Teapot"
    assert (request.method, request.url.path) == ("GET", "/v1/users/ada/recommendations")
    assert request.headers["authorization"] == "Bearer secret"


def test_what_is_new_in_an_answer_is_passed_over():
    answer, _ = asked(recommendations("ada"), {**LIST, "later": 1})
    assert answer.list_id == "7"


def test_only_what_differs_from_the_default_is_sent():
    request = asked(recommendations("ada", ListRequest(k=3, explain=True)))[1]
    assert request.method == "POST"
    assert json.loads(request.content) == {"k": 3, "explain": True}
    request = asked(anonymous(ListRequest(context=GivenContext(("pot",)))))[1]
    assert json.loads(request.content)["context"]["items"] == ["pot"]


@pytest.mark.parametrize("user_id", ["a/b", "../ready", "..", ".", "a?b#c", "é 犬", "%2e%2e"])
def test_an_id_is_one_segment_of_the_path_whatever_it_holds(user_id):
    request = asked(recommendations(user_id))[1]
    raw = request.url.raw_path.decode()
    assert raw.startswith("/v1/users/")
    assert raw.endswith("/recommendations")
    assert raw.count("/") == 4
    assert "?" not in raw


def test_parameters_are_written_as_the_api_reads_them():
    page = {"items": [], "as_of": {}}
    request = asked(related("pot", "next", 5, ["tea", "a&b"]), page)[1]
    assert request.url.path == "/v1/items/pot/next"
    assert request.url.params.multi_items() == [
        ("k", "5"),
        ("category", "tea"),
        ("category", "a&b"),
    ]
    request = asked(search("green tea", "ada"), page)[1]
    assert dict(request.url.params) == {"q": "green tea", "k": "10", "user": "ada"}


def test_a_patch_says_that_it_is_one():
    request = asked(patch_item("pot", {"title": None}), {"partition": "items-0", "offset": 1})[1]
    assert request.headers["content-type"] == "application/merge-patch+json"
    assert json.loads(request.content) == {"title": None}


def test_a_refusal_has_status_words_and_remedy():
    problem = {"title": "Bad Request", "status": 400, "detail": "k is 0", "remedy": "ask for 1"}
    with pytest.raises(ApiError, match=r"400 Bad Request: k is 0 \(ask for 1\)") as caught:
        asked(recommendations("ada"), problem, 400)
    assert caught.value.problem.remedy == "ask for 1"


def test_what_is_no_answer_of_the_api_is_told_as_such():
    with pytest.raises(UnreachableError, match="not as the API does"):
        asked(recommendations("ada"), "nginx", 404)
    with pytest.raises(UnreachableError, match="answered what the API does not"):
        asked(recommendations("ada"), {"hello": 1})


class Flaky:
    """Answers after some failures, each of which is a status or an error of the connection."""

    def __init__(self, *failures):
        self.left, self.bodies = list(failures), []

    def __call__(self, request):
        self.bodies.append(request.content)
        if not self.left:
            return httpx2.Response(202, json={"taken": 1, "refused": 0, "events": [{}]})
        failure = self.left.pop(0)
        if isinstance(failure, int):
            problem = {"title": "later", "status": failure, "detail": "not now"}
            return httpx2.Response(failure, json=problem, headers={"Retry-After": "0"})
        raise failure


def test_what_passes_is_waited_for_and_the_same_is_sent_again():
    flaky = Flaky(503, httpx2.ConnectError("refused"))
    with Client(URL, transport=httpx2.MockTransport(flaky)) as client:
        assert client.ask(events([{"event_id": "1"}])).taken == 1
    assert len(flaky.bodies) == 3
    assert set(flaky.bodies) == {b'[{"event_id":"1"}]'}


def test_what_does_not_pass_is_told_after_the_last_attempt():
    with (
        Client(URL, attempts=2, transport=httpx2.MockTransport(Flaky(503, 503, 503))) as client,
        pytest.raises(ApiError, match="503"),
    ):
        client.ask(events([{}]))
    broken = Flaky(*[httpx2.ConnectError("refused")] * 3)
    with (
        Client(URL, attempts=2, transport=httpx2.MockTransport(broken)) as client,
        pytest.raises(UnreachableError, match=r"shop\.test does not answer: refused"),
    ):
        client.ask(events([{}]))


def test_a_refusal_is_not_asked_again():
    flaky = Flaky(400)
    with (
        Client(URL, transport=httpx2.MockTransport(flaky)) as client,
        pytest.raises(ApiError, match="400"),
    ):
        client.ask(events([{}]))
    assert len(flaky.bodies) == 1


MESSAGE = {
    "user_id": "ada",
    "items": [],
    "intent": {},
    "sequence": 3,
    "position": {"partition": "events-0", "offset": 4},
    "versions": {"encoder": "e", "model": "m"},
    "time": "2026-12-01T00:00:00.000Z",
}
STREAM = (
    "retry: 2000\n\nevent: reset\ndata: {}\n\n: still here\n\n"
    f"id: run-1\nevent: list\ndata: {json.dumps(MESSAGE)}\n\n"
)


def streamed(body):
    def answers(request):
        assert dict(request.url.params) == {"user": "ada"}
        assert request.headers["last-event-id"] == "run-0"
        return httpx2.Response(
            200, text=body, headers={"content-type": "text/event-stream; charset=utf-8"}
        )

    return httpx2.MockTransport(answers)


def test_lists_come_as_they_change_with_the_place_to_go_on_behind():
    with Client(URL, transport=streamed(STREAM)) as client:
        reset, change = client.stream("ada", after="run-0")
    assert reset.message is None
    assert (change.place, change.message.sequence) == ("run-1", 3)


def test_who_is_dropped_is_told_why():
    body = STREAM + 'event: dropped\ndata: {"why":"too slow"}\n\n'
    with (
        Client(URL, transport=streamed(body)) as client,
        pytest.raises(ClientError, match="too slow"),
    ):
        list(client.stream("ada", after="run-0"))


def test_who_awaits_gets_the_same():
    async def main():
        flaky = Flaky(503)
        async with AsyncClient(URL, transport=httpx2.MockTransport(flaky)) as client:
            taken = await client.ask(events([{"event_id": "1"}], wait=True))
        async with AsyncClient(URL, transport=streamed(STREAM)) as client:
            changes = [change async for change in client.stream("ada", after="run-0")]
        problem = {"title": "Not Found", "status": 404, "detail": "never heard of"}
        refusing = httpx2.MockTransport(lambda _: httpx2.Response(404, json=problem))
        async with AsyncClient(URL, transport=refusing) as client:
            with pytest.raises(ApiError, match="never heard of"):
                await client.ask(why("ada", "pot"))
        return taken, changes

    taken, changes = asyncio.run(main())
    assert taken.taken == 1
    assert [change.place for change in changes] == ["", "run-1"]


def test_at_least_one_attempt_is_made():
    with pytest.raises(ValueError, match="attempts is 0"):
        Client(URL, attempts=0)


def test_every_request_names_a_type_that_can_be_read():
    assert msgspec.json.decode(json.dumps(LIST), type=recommendations("ada").answer)
