"""Events posted to a running process: learnt once each, and the list is as of them."""

from __future__ import annotations

import pytest

from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door, port_of


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path, settings="[serve]\nenabled = true\nport = 0\nwait_seconds = 30\n")
    made.write(60)
    made.start()
    yield made
    made.process.kill()
    made.process.wait()


def event(number: int, **more) -> dict:
    fields = {"event_id": f"posted-{number}", "user_id": "ann", "type": "view"}
    return fields | {"item_id": f"i{number % 23}", "ts": 1.7e9 + 100 + number} | more


def test_what_is_posted_is_learnt_once_and_the_list_is_as_of_it(run):
    with Door(port_of(run)) as door:
        door.until_learnt(run)
        before = door.ask("GET", "/v1/status")["ledger"]
        bad = event(2, ts="soon")
        answer = door.ask("POST", "/v1/events?wait=list", [event(1), bad, event(1), event(3)])
        assert (answer["taken"], answer["refused"]) == (3, 1)
        assert answer["events"][1]["reason"] == "bad_time"
        last = answer["events"][3]
        made = answer["list"]
        assert (made["user_id"], made["is_known"]) == ("ann", True)
        assert made["as_of"][last["partition"]] > last["offset"]
        again = door.ask("POST", "/v1/events?wait=list", event(3))
        places = [place["item_id"] for place in made["items"]]
        assert [place["item_id"] for place in again["list"]["items"]] == places
        after = door.ask("GET", "/v1/status")["ledger"]
        grown = {name: after[name] - before[name] for name in ("learnt", "duplicate", "arrived")}
        assert grown == {"learnt": 2, "duplicate": 2, "arrived": 4}
        history = door.ask("GET", "/v1/users/ann/history")["events"]
        assert [each["item_id"] for each in history] == ["i3", "i1"]


def test_lists_that_were_asked_for_are_joined_to_what_is_made_of_them_page_by_page(run):
    number = 0

    def post(kind: str, list_id: str, item_id: str | None = None) -> None:
        nonlocal number
        number += 1
        named = event(number, type=kind, context={"list_id": list_id}, item_id=item_id)
        door.ask("POST", "/v1/events?wait=list", named)

    with Door(port_of(run)) as door:
        door.until_learnt(run)
        path = "/v1/users/ann/recommendations?k=3"
        first = door.ask("GET", path)
        after = door.ask("GET", f"{path}&after={first['list_id']}")
        beyond = door.ask("GET", f"{path}&offset=6")
        for page in (first, after, beyond):
            post("exposed", page["list_id"])
        post("view", after["list_id"], after["items"][1]["item_id"])
        told = door.ask("GET", "/v1/status")["feedback"]
        shown = [(place["exposed"], place["taken"]) for place in told["places"]]
        assert shown == [*[(1, 0)] * 4, (1, 1), *[(1, 0)] * 4]
        assert (told["lists"], told["foreign"], told["unseen"]) == (3, 0, 0)


BOARDS = """
[serve.leaderboards.bought]
score = 'count("buy")'
where = 'count("buy") > 0 and age < 1'
"""


def test_a_leaderboard_counts_what_is_posted_and_goes_on_after_a_kill(tmp_path):
    settings = f"[serve]\nenabled = true\nport = 0\nwait_seconds = 30\n{BOARDS}"
    run = Run(tmp_path, settings=settings)
    run.write(30)
    run.start()
    try:
        with Door(port_of(run)) as door:
            assert door.ask("GET", "/v1/leaderboards") == {
                "leaderboards": [
                    {
                        "name": "bought",
                        "score": 'count("buy")',
                        "where": 'count("buy") > 0 and age < 1',
                    }
                ]
            }
            bought = [event(n, type="buy", item_id=f"i{n // 2}") for n in range(2, 7)]
            bought.append(
                {"event_id": "back", "user_id": "ann", "type": "retract", "ts": 1.7e9 + 200}
            )
            bought[-1]["context"] = {"event_id": "posted-6"}
            door.ask("POST", "/v1/events?wait=list", bought)
            found = door.ask("GET", "/v1/leaderboards/bought")["items"]
            assert [(one["item_id"], one["score"]) for one in found] == [("i2", 2), ("i1", 2)]
            assert door.answer("GET", "/v1/leaderboards/sold")[0] == 404
        run.process.kill()
        run.process.wait()
        run.start()
        run.until(lambda: run.said.count("answers at ") == 2, "the second start")
        with Door(port_of(run)) as door:
            door.until_learnt(run)
            assert door.ask("GET", "/v1/leaderboards/bought")["items"] == found
    finally:
        run.process.kill()
        run.process.wait()
