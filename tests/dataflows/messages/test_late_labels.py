"""Labels that come after their event: joined, learnt once, counted, and safe over a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataflows.engine.event_learner import outcome_of_label
from dataflows.messages.events import EventRecord
from dataflows.messages.special_events import late_label
from learners.intent.event_buffer import LateLabel
from tests.dataflows.lines import Line

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "messages.md"
TEXTS = {"card": "my card is stuck", "rate": "what is the exchange rate", "fee": "an extra fee"}


def ask(line: Line, what: str, number: int, **more: Any) -> Any:
    text = f"{TEXTS[what]} {number % 3}"
    return line(event_id=f"{what}-{number}", user_id=f"u-{what}-{number}", text=text, **more)


def label(line: Line, what: str, number: int, **more: Any) -> None:
    event_id = f"{what}-{number}"
    fields = {"user_id": f"u-{what}-{number}", "type": "label", "intent": what}
    line(**{**fields, "context": {"event_id": event_id}, **more})


@pytest.mark.parametrize("restart", [False, True])
def test_a_label_that_comes_hours_later_is_joined_to_its_event(restart: bool) -> None:
    line = Line()
    for number in range(30):
        for intent in TEXTS:
            ask(line, intent, number)
    if restart:
        line.restart()
    assert line.engine.model.tracker.stated.labels == []
    for number in range(30):
        for intent in TEXTS:
            label(line, intent, number, ts=1.7e9 + 20_000 + number)
    assert line.engine.counts["labels_late"] == 90
    told = ask(line, "fee", 99, ts=1.7e9 + 30_000)
    assert told["top"] == next(iter(told["belief"])) == "fee"
    assert set(told["intent"]) <= set(TEXTS)
    assert line.engine.learnt == 91  # a label is no interaction


def test_a_label_is_learnt_once_and_all_are_counted() -> None:
    line = Line()
    ask(line, "card", 0)
    ask(line, "rate", 0, intent="rate")
    label(line, "card", 0)
    label(line, "card", 0)
    label(line, "rate", 0)  # its event carried one
    label(line, "fee", 7)  # nobody asked that
    tracker = line.engine.model.tracker
    assert tracker.stated.learnt == 2
    counts = line.engine.counts
    assert [counts[f"labels_{how}"] for how in ("late", "duplicate", "unmatched")] == [1, 2, 1]
    ledger = line.engine.ledger.as_dict()
    assert ledger["reasons"]["observed"] == {"label_duplicate": 2, "label_unmatched": 1}
    assert ledger["reasons"]["learnt"] == {"late_label": 1}
    assert ledger["in"] == 6


def test_a_teacher_counts_less_and_the_truth_has_the_last_word() -> None:
    line = Line()
    ask(line, "card", 0)
    label(line, "card", 0, context={"event_id": "card-0", "source": "teacher"}, intent="fee")
    label(line, "card", 0, context={"event_id": "card-0", "source": "teacher"}, intent="fee")
    label(line, "card", 0)
    assert line.engine.model.tracker.stated.labels == ["fee", "card"]
    assert line.engine.counts["labels_late"] == 2
    silent = Line(intent_teacher=0.0)
    ask(silent, "card", 0)
    label(silent, "card", 0, context={"event_id": "card-0", "source": "teacher"})
    assert silent.engine.model.tracker.stated.labels == []


@pytest.mark.parametrize("source", ["label", "teacher"])
def test_nobody_labels_the_event_of_another_user(source: str) -> None:
    line = Line()
    ask(line, "card", 0)
    context = {"event_id": "card-0", "source": source}
    label(line, "card", 0, user_id="somebody-else", intent="fee", context=context)
    assert line.engine.model.tracker.stated.labels == []
    assert line.engine.counts["labels_unmatched"] == 1
    label(line, "card", 0, context=context)
    assert line.engine.model.tracker.stated.labels == ["card"]
    assert line.engine.ledger.as_dict()["reasons"]["observed"] == {"label_unmatched": 1}


def test_a_label_of_a_session_is_learnt_for_each_of_its_events() -> None:
    line = Line()
    for number in range(3):
        line(text=f"{TEXTS['card']} {number}", session_id="s1")
    line(text=TEXTS["fee"], session_id="s2")
    line(type="label", intent="card", session_id="s1")
    assert line.engine.model.tracker.stated.learnt == 3
    line(type="label", intent="card", session_id="s1")
    line(type="label", intent="card", session_id="s1", user_id="u2")
    assert line.engine.counts["labels_duplicate"] == 1
    assert line.engine.counts["labels_unmatched"] == 1


def test_an_event_may_carry_the_label_of_its_session() -> None:
    line = Line()
    for number in range(3):
        line(text=f"{TEXTS['card']} {number}", session_id="s1")
    line(text=TEXTS["card"], session_id="s1", intent="card", context={"label_of": "session"})
    assert line.engine.model.tracker.stated.learnt == 4
    assert line.engine.learnt == 4
    assert line.engine.counts["labels_late"] == 1
    assert line.engine.ledger.as_dict()["learnt"] == 4
    line(text=TEXTS["fee"], session_id="s2", intent="fee", context={"label_of": "event"})
    assert line.engine.model.tracker.stated.learnt == 5


def test_a_restart_in_between_changes_nothing() -> None:
    def records(restarts: bool) -> Any:
        line = Line(intent_pending=70)
        for number in range(100):
            for intent in TEXTS:
                ask(line, intent, number)
            if number > 10:
                label(line, "card", number - 10, context={"event_id": f"card-{number - 10}"})
                label(line, "fee", number - 1, session_id="s")
            if restarts and number % 7 == 3:
                line.restart()
        line.engine.close()
        return {at: blob for at, blob in line.store.records.items() if at.startswith("learner:")}

    assert records(restarts=True) == records(restarts=False)


def test_the_page_tells_what_becomes_of_a_label() -> None:
    page = PAGE.read_text("utf-8")
    for how in ("learn", "unmatched", "duplicate"):
        for word in outcome_of_label(how):
            assert f"`{word}`" in page


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"context": {"event_id": "e1"}}, LateLabel("u", "fee", "label", "e1")),
        ({"context": {"event_id": 42}}, LateLabel("u", "fee", "label", "42")),
        ({"session_id": "s"}, LateLabel("u", "fee", "label", None, "s")),
        (
            {"session_id": "s", "context": {"event_id": "e1", "source": "teacher"}},
            LateLabel("u", "fee", "teacher", "e1"),
        ),
        ({"context": {"event_id": ["e1"]}}, None),
        ({"context": {"event_id": True}}, None),
        ({"context": {"event_id": 1.5}}, None),
        ({"context": {"event_id": ""}}, None),
        ({}, None),
        ({"intent": None, "session_id": "s"}, None),
        ({"type": "view", "session_id": "s"}, None),
        ({"item_id": "i", "session_id": "s"}, None),
        ({"text": "a word", "session_id": "s"}, None),
    ],
)
def test_what_is_a_late_label(fields: dict[str, Any], expected: LateLabel | None) -> None:
    event = EventRecord("l1", "u", "label", 1.7e9, intent="fee")
    assert late_label(msgspec.structs.replace(event, **fields)) == expected
