"""Events that take earlier ones back: read, carried out once, counted, and safe over a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataflows.config.config import load_config
from dataflows.config.event_types import OUR_OWN
from dataflows.config.events import EventSettings
from dataflows.errors import InputError
from dataflows.evaluation.replay import replay
from dataflows.finetune.window.window import WindowEvent, standing, write_log
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.raw import Raw, Reject
from dataflows.messages.retractions import Retracts
from learners.types import Item
from tests.dataflows.lines import ENCODER, Line

TYPES = {"unsave": "save", "refund": "buy", "undislike": "dislike", "clear": "search"}
SETTINGS = {"events.retracts": TYPES, "clean.weights": {"save": 3.0, "buy": 10.0, "dislike": -1.0}}
ITEMS = "abcdefgh"


def shop(**settings: Any) -> Line:
    """A few users have taken most things; `u1` has taken `a` and `b`."""
    line = Line(**SETTINGS, repeats="off", **settings)
    for number in range(24):
        line(user_id=f"v{number % 4}", type="view", item_id=ITEMS[number // 4 + number % 2])
    for item in "ab":
        line(event_id=f"first-{item}", type="save", item_id=item)
    return line


def test_an_event_is_taken_back_by_its_id_and_a_fresh_list_is_sent_at_once() -> None:
    line = shop()
    learnt = line.engine.learnt
    offered = line.lists["u1"]
    assert "b" not in offered
    line(type="retract", context={"event_id": "first-b"})
    assert set(line.lists["u1"]) == {"b", *offered}
    assert line.engine.learnt == learnt  # it is no interaction
    ledger = line.engine.ledger.as_dict()
    assert ledger["reasons"] == {"learnt": {"retraction": 1}}
    assert line.engine.counts["retractions"] == 1


def test_what_becomes_of_each_retraction_is_counted() -> None:
    line = shop()
    for what in ("first-a", "first-a", "never-there"):
        line(type="retract", context={"event_id": what})
    line(event_id="again", type="unsave", item_id="b")
    line(event_id="again", type="unsave", item_id="b")  # delivered twice
    line(type="unsave", item_id="b")  # nothing left to take back
    line(user_id="v0", type="retract", context={"event_id": "first-b"})
    line(type="refund", item_id="c")
    line(type="clear")
    ledger = line.engine.ledger.as_dict()
    assert ledger["reasons"]["learnt"] == {"retraction": 2}
    assert ledger["reasons"]["observed"] == {"retraction_unmatched": 6}
    assert ledger["duplicate"] == 1
    assert line.engine.counts["retractions"] == 2
    assert line.engine.counts["retractions_unmatched"] == 6
    assert {"a", "b"} <= set(line.lists["u1"])


@pytest.mark.parametrize("named", ["first-a", "told"])
def test_nobody_takes_back_the_event_of_another_user(named: str) -> None:
    """Neither one that counts for an item, nor one that waits for its label."""

    def told(how: dict[str, Any]) -> list[Any]:
        line = shop()
        line(event_id="told", text="red shoes", session_id="s")
        line(type="view", item_id="h", user_id="v0")  # so that v0 is known in both
        if how:
            line(type="retract", user_id="v0", session_id="s", **how)
        line.engine.commit()
        records = line.store.records
        kinds = [kind for kind in records if kind.startswith("learner:")]
        assert kinds
        return [line.lists["u1"], {kind: records[kind] for kind in kinds}]

    assert told({"context": {"event_id": named}}) == told({})


def test_of_an_old_event_the_item_may_be_listed_again() -> None:
    line = shop(recent=2, window=2)
    for number in range(80):
        line(type="view", item_id="cdefg"[number % 5])
    assert "a" not in line.lists["u1"]
    line(type="unsave", item_id="a")
    assert "a" in line.lists["u1"]
    assert line.engine.ledger.as_dict()["reasons"]["learnt"] == {"retraction_of_old": 1}
    assert line.engine.counts["retractions_of_old"] == 1


def test_a_dislike_is_taken_back() -> None:
    line = shop()
    line(type="dislike", item_id="c")
    assert "c" not in line.lists["u1"]
    line(type="undislike", item_id="c")
    assert "c" in line.lists["u1"]


@pytest.mark.parametrize(
    "how", [{"type": "clear"}, {"type": "retract", "context": {"event_id": "asked"}}]
)
def test_a_search_is_taken_back(how: dict[str, Any]) -> None:
    line = shop()
    model = line.engine.model
    for item, words in zip(ITEMS, ("red shoes", "blue hat", "green tea") * 3, strict=False):
        (vector,) = ENCODER.encode([words])
        model.put_item(Item(item, words, vector=vector))
    line(event_id="asked", type="search", text="red shoes")
    user = model.users.get("u1", model.position)
    assert user.search is not None
    assert user.intent.trail[-1].event_id == "asked"
    line(**how)
    user = model.users.get("u1", model.position)
    assert user.search is None
    assert "asked" not in {step.event_id for step in user.intent.trail}
    line(**how)
    assert line.engine.ledger.as_dict()["reasons"] == {
        "learnt": {"retraction": 1},
        "observed": {"retraction_unmatched": 1},
    }


def test_a_retract_that_names_nothing_is_a_dead_letter() -> None:
    line = shop()
    before = line.engine.learnt
    line(type="retract", item_id="c")
    line(type="retract", context={"event_id": 4.5})
    line(type="retract", context={"event_id": ""})
    line(type="retract", context={"event_id": False})
    line(type="retract", context={"event_id": " "})
    line(type="view", item_id="c")
    assert line.buried == ["missing_field"] * 5
    assert line.engine.learnt == before + 1
    assert "c" not in line.lists["u1"]


def told(line: Line, stops: Any) -> list[Any]:
    """Let a user take things back, over restarts; return what their list says then."""
    for number in range(12):
        item, event_id = ITEMS[number % 8], f"e{number}"
        line(event_id=event_id, type="save", item_id=item, text=f"words {number}", value=2.0)
        if number in stops:
            line.restart()
        if number % 3 == 2:
            line(type="retract", context={"event_id": f"e{number - 1}"})
            line(type="unsave", item_id=item)
        if number in stops:
            line.restart()
    return [line.lists, line.engine.model.recommend("u1"), line.engine.ledger.as_dict()]


@pytest.mark.parametrize("stops", [{3}, {2, 5}, set(range(12))])
def test_a_restart_changes_nothing(stops: set[int]) -> None:
    assert told(shop(), stops) == told(shop(), set())


def read(record: dict[str, Any], **settings: Any) -> EventRecord | Reject:
    line = {"event_id": "e1", "user_id": "u1", "ts": 1.7e9} | record
    raw = Raw("events", "p", 0, 1, None, json.dumps(line).encode())
    return decode_event(raw, EventSettings(**settings))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"type": "view", "context": {"event_id": "x"}}, None),
        ({"type": "unsave", "item_id": "a"}, Retracts(None, "save")),
        ({"type": "unsave", "item_id": "a", "context": {"event_id": 7}}, Retracts("7", "save")),
        ({"type": "unsave", "context": {"event_id": True}}, Retracts(None, "save")),
        ({"type": "retract", "context": {"event_id": "007"}}, Retracts("007", None)),
        ({"type": "retract", "context": {"event_id": 1}}, Retracts("1", None)),
    ],
)
def test_what_takes_an_event_back(record: dict[str, Any], expected: Retracts | None) -> None:
    event = read(record, retracts={"unsave": "save"})
    assert isinstance(event, EventRecord)
    assert event.retracts == expected


def test_settings_that_cannot_be_meant_are_refused() -> None:
    ours = [*({"a": own} for own in OUR_OWN), *({own: "a"} for own in OUR_OWN)]
    for types in ({"unsave": ""}, {"a": "b", "b": "c"}, {"a": "a"}, *ours):
        with pytest.raises(InputError, match=r"retracts.*name a type of event"):
            load_config(None, {"events.retracts": types}, {})
    found = load_config(None, {}, {"PENCHANT_EVENTS__RETRACTS": '{unsave = "save"}'})
    assert found.events.retracts == {"unsave": "save"}


def test_it_is_not_encoded() -> None:
    line, seen = shop(), []
    encode = line.encode._encoder.encode

    class Spy:
        def __getattr__(self, name: str) -> Any:
            return getattr(line.engine.space.encoder, name)

        def encode(self, texts: Any) -> Any:
            seen.extend(texts)
            return encode(texts)

    line.encode._encoder = Spy()
    line(type="save", item_id="h", text="a word")
    line(type="unsave", item_id="h", text="another")
    assert len(seen) == 1
    assert "a word" in seen[0]


def window(*events: tuple[str, str, str | None, Retracts | None]) -> list[WindowEvent]:
    return [
        WindowEvent(event_id, "u1", kind, 1e9 + place, item, retracts=what)
        for place, (event_id, kind, item, what) in enumerate(events)
    ]


def test_a_window_of_fine_tuning_holds_nothing_that_was_taken_back(tmp_path: Path) -> None:
    events = window(
        ("a1", "save", "a", None),
        ("a2", "save", "a", None),
        ("v", "view", "a", None),
        ("r1", "unsave", "a", Retracts(None, "save")),
        ("r2", "retract", None, Retracts("v", None)),
        ("r3", "retract", None, Retracts("v", None)),
        ("r4", "unsave", "a", Retracts(None, "save")),
        ("r5", "unsave", "a", Retracts(None, "save")),
        ("a3", "save", "a", None),
    )
    assert standing(events) == [*[False] * 8, True]
    assert standing(events[:5]) == [True, *[False] * 4]
    others = [msgspec.structs.replace(event, user_id=event.event_id) for event in events]
    assert standing(others) == [event.retracts is None for event in events]  # of others, nothing
    paths = write_log(tmp_path, [e for e, s in zip(events, standing(events), strict=True) if s], {})
    assert [json.loads(line)["event_id"] for line in paths[0].read_bytes().splitlines()] == ["a3"]


def test_a_replay_carries_them_out_and_ranks_for_none_of_them(tmp_path: Path) -> None:
    lines, ts = [], 1.7e9
    for number in range(400):
        ts += 10
        item = f"i{(number * 7 + number // 3) % 40}"
        user = f"u{number % 11}"
        line = {"event_id": f"e{number}", "user_id": user, "type": "save", "ts": ts}
        lines.append({**line, "item_id": item})
        if number % 8 == 5:
            lines.append({**lines[-1], "event_id": f"r{number}", "type": "unsave", "ts": ts + 1})
    log = tmp_path / "events.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = load_config(None, {"events.retracts": {"unsave": "save"}}, {})
    found = replay(config, log, encoder=ENCODER).report
    assert found["events"]["reasons"]["learnt"] == {"retraction": 50}
    assert found["counts"]["retractions"] == 50
    assert found["events"]["in"] == found["events"]["learnt"] == 450
    plain = tmp_path / "plain.jsonl"
    plain.write_text("".join(json.dumps(line) + "\n" for line in lines if line["type"] == "save"))
    without = replay(config, plain, encoder=ENCODER).report
    assert without["events"]["in"] == 400
    assert found["scored"] == without["scored"] == 320
    assert found["tie_safe"] != without["tie_safe"]
