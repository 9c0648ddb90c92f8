"""Rules in a process: of lists that are sent and asked for, read anew, the same after a kill."""

from __future__ import annotations

import json
import signal

import pytest

from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door, port_of

SETTINGS = """
[rules]
file = "{folder}/rules.toml"
[learner]
k = 5
[serve]
enabled = true
port = 0
"""
RULES = """
[[rule]]
name = "sold out"
kind = "block"
where = {items = ["i0", "i5"]}
[[rule]]
name = "one of a kind"
kind = "at_most"
most = 1
of = "category"
[[rule]]
name = "new ones"
kind = "unseen"
[[rule]]
name = "ended"
kind = "on_offer"
[lists]
sent = ["sold out", "ended"]
asked = ["sold out"]
[scenario.mail]
k = 3
rules = ["one of a kind"]
[scenario.again]
k = 4
rules = ["new ones"]
[scenario.today]
rules = ["ended"]
"""
PAST, FUTURE = 1.7e9 - 10, 4e9


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path, settings=SETTINGS.format(folder=tmp_path))
    items = tmp_path / "items.jsonl"
    with items.open("w") as file:
        for number in range(23):
            more = {"expires": PAST if number == 7 else FUTURE, "price": number}
            if number == 9:
                more = {"expires": "2024-01-01"}  # between the events and the clock
            fields = {"item_id": f"i{number}", "title": f"thing {number}", "attributes": more}
            file.write(json.dumps(fields | {"categories": [f"kind{number % 4}"]}) + "\n")
    text = made.config.read_text()
    made.config.write_text(text.replace("[files]", f"[files]\nitems = '{items}'"))
    (tmp_path / "rules.toml").write_text(RULES)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def ids(answer):
    return [one["item_id"] for one in answer["items"]]


def sent(run) -> list[dict]:
    text = (run.output / "recommendations.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_lists_go_by_rules_wherever_they_are_made(run):
    run.write(80)
    run.start()
    with Door(port_of(run)) as door:
        door.until_learnt(run)
        lists = "/v1/users/new/recommendations"
        asked = door.ask("GET", f"{lists}?explain=true&k=20")
        assert not {"i0", "i5"} & {*ids(asked)}
        assert asked["rules"] == ["sold out"]
        assert "i7" in ids(asked)  # another rule's, which lists that are asked for do not have
        mail = door.ask("GET", f"{lists}?scenario=mail&explain=true")
        assert mail["scenario"] == "mail"
        assert len(mail["items"]) == len({one["categories"][0] for one in mail["items"]}) == 3
        first = door.ask("GET", f"{lists}?scenario=again")
        second = door.ask("GET", f"{lists}?scenario=again&explain=true")
        assert len(ids(first)) == len(ids(second)) == 4
        assert not {*ids(first)} & {*ids(second)}
        assert second["rules"] == ["new ones"]
        today = door.ask("GET", f"{lists}?scenario=today&k=20")
        assert not {"i7", "i9"} & {*ids(today)}  # by the clock
        cheap = {"name": "cheap", "kind": "block", "where": {"attribute": "price", "at_least": 12}}
        first = {"name": "first", "kind": "pin", "item": ids(asked)[3], "place": 1}
        body = {"rules": [cheap, first], "explain": True, "scenario": "mail", "k": 4}
        own = door.ask("POST", lists, body)
        assert all(int(i[1:]) < 12 for i in ids(own))
        assert set(own["rules"]) >= {"cheap"}
        nobody = door.ask("POST", "/v1/recommendations", {"rules": [cheap], "k": 10})
        assert all(int(i[1:]) < 12 for i in ids(nobody))
        status, told = door.answer("GET", f"{lists}?scenario=home")
        assert (status, "known are again, mail, today" in told["detail"]) == (400, True)
        status, told = door.answer("POST", lists, {"rules": [cheap, cheap]})
        assert (status, "two rules are named 'cheap'" in told["detail"]) == (400, True)
        status, told = door.answer("POST", lists, {"rules": [{"kind": "blok", "name": "x"}]})
        assert status == 400
    for message in sent(run):
        found = {place["item_id"] for place in message["items"]}
        assert not {"i0", "i5", "i7"} & found
    assert any("i9" in {p["item_id"] for p in one["items"]} for one in sent(run))  # by event time
    assert {name for one in sent(run) for name in one.get("rules", ())} == {"sold out", "ended"}


def test_rules_are_read_anew_whole_or_not_at_all(run):
    run.write(60)
    run.start()
    rules = run.folder / "rules.toml"
    with Door(port_of(run)) as door:
        door.until_learnt(run)
        lists = "/v1/users/new/recommendations?k=20"
        assert "i0" not in ids(door.ask("GET", lists))
        rules.write_text(RULES.replace('["i0", "i5"]', '["i1"]'))
        run.until_said("is in force from now on: for lists sent sold out, ended")
        after = ids(door.ask("GET", lists))
        assert "i1" not in after
        rules.write_text(RULES + "[scenario.worse]\nrules = ['nothing']\n")
        run.until_said("the ones of before stay in force")
        assert "scenario.worse.rules names 'nothing'" in run.said
        assert ids(door.ask("GET", lists)) == after
        count = len(sent(run))
        run.write(7)
        run.until(lambda: len(sent(run)) > count, "a list")
        door.until_learnt(run)
        assert not any("i1" in {p["item_id"] for p in one["items"]} for one in sent(run)[count:])
        rules.write_text(RULES)
        run.until_said("is in force from now on", 2)
        run.process.send_signal(signal.SIGHUP)
        run.until_said("says what was in force before")
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(60) == 0, run.said


def test_a_process_that_was_killed_makes_the_same_lists(run, tmp_path):
    run.write(120)
    run.start()
    with Door(port_of(run)) as door:
        door.until_learnt(run)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(60) == 0
    whole = [(one["user_id"], one["sequence"], ids(one), one.get("rules")) for one in sent(run)]
    other = tmp_path / "other"
    other.mkdir()
    second = Run(other, settings=SETTINGS.format(folder=tmp_path))
    text = second.config.read_text()
    second.config.write_text(text.replace("[files]", f"[files]\nitems = '{tmp_path}/items.jsonl'"))
    second.write(70)
    second.start()
    try:
        with Door(port_of(second)) as door:
            door.until_learnt(second)
        second.process.kill()
        second.process.wait()
        second.write(50)
        second.start()
        second.until(
            lambda: {(o["user_id"], o["sequence"]) for o in sent(second)} >= {w[:2] for w in whole},
            "all lists",
        )
    finally:
        second.process.kill()
        second.process.wait()
    found = {(o["user_id"], o["sequence"]): (ids(o), o.get("rules")) for o in sent(second)}
    for user, sequence, items, names in whole:
        assert found[user, sequence] == (items, names)


def test_a_file_that_is_none_ends_the_start(run):
    (run.folder / "rules.toml").write_text("[[rule]]\nname = 'x'\n")
    run.start()
    assert run.process.wait(60) == 2
    assert "rules.toml: rule 1 ('x')" in run.said
    assert "Traceback" not in run.said
