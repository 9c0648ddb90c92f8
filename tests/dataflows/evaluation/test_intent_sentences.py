"""A session of real sentences: one odd question does not turn it, a real change shows soon."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pytest

from encoders.load import load_encoder
from encoders.text import render_event
from learners.intent.explanation import IntentReport
from learners.intent.record import IntentRecord
from learners.intent.tracker import IntentTracker
from learners.settings import LearnerSettings
from learners.types import Interaction

pytestmark = pytest.mark.slow

LABELS = ("card_arrival", "exchange_rate", "pin_blocked", "top_up_failed", "age_limit")


class Desk:
    """An intent tracker taught with sentences of a few labels of banking77, and one user."""

    def __init__(self, folder: Path, examples: int = 60) -> None:
        self.encoder = load_encoder("packaged")
        self.tracker = IntentTracker(384, LearnerSettings(dim=384, intent_next=0.0))
        self.user, self.count = IntentRecord(), 0
        with (folder / "train.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["category"] in LABELS]
        random.Random(0).shuffle(rows)
        for row in [row for name in LABELS for row in self._of(rows, name)[:examples]]:
            self.hear(row["text"], IntentRecord(), intent=row["category"])

    @staticmethod
    def _of(rows: list[dict[str, str]], name: str) -> list[dict[str, str]]:
        return [row for row in rows if row["category"] == name]

    def hear(self, text: str, user: IntentRecord | None = None, **more: Any) -> IntentReport:
        self.count += 1
        (vector,) = self.encoder.encode([render_event("query", None, text) or ""])
        event = Interaction(
            self.count, f"e{self.count}", "u", None, "query", 1e6 + self.count,
            vector=vector, text=text, **more,
        )  # fmt: skip
        user = user or self.user
        self.tracker.learn(event, user, None)
        return self.tracker.report(user)

    def reads(self, text: str) -> tuple[str, str]:
        """Give what is told of the sentence alone, and of the session after it."""
        report = self.hear(text)
        return next(iter(report.intent)), next(iter(report.belief))


def test_a_session_of_real_sentences(shared: Path) -> None:
    desk = Desk(shared / "data/intents/banking77")
    for text in ("Where is my new card, it has been a week", "My card has still not arrived"):
        assert desk.reads(text) == ("card_arrival", "card_arrival")
    assert desk.reads("Can I track the card that you sent")[1] == "card_arrival"
    # One odd question, and back.
    assert desk.reads("What is the exchange rate today") == ("exchange_rate", "card_arrival")
    assert desk.reads("The card has not come in the mail yet")[1] == "card_arrival"
    # A change: it shows at the third event at the latest.
    assert desk.reads("I entered a wrong PIN and now it is blocked")[0] == "pin_blocked"
    desk.reads("How do I unblock my PIN")
    report = desk.hear("My PIN is blocked, what can I do")
    assert next(iter(report.belief)) == "pin_blocked"
    why = {why.need: why for why in report.because}["pin_blocked"]
    assert {"pin", "blocked"} & set(why.words)
    assert all("PIN" in text for _, text, _ in why.events)


def test_what_no_label_means_looks_new(shared: Path) -> None:
    desk = Desk(shared / "data/intents/banking77")
    known = desk.hear("What is the exchange rate for euros", IntentRecord()).novelty
    new = desk.hear("Please recommend a restaurant with a view of the sea", IntentRecord()).novelty
    assert known is not None
    assert new is not None
    assert new > known + 0.2
