"""Names, merges, promotions and retirements of intents, and what comes after them."""

from __future__ import annotations

from typing import Any

import pytest

from learners.intent.decisions import Control, ControlError
from learners.intent.event_buffer import LateLabel
from learners.intent.record import IntentRecord
from learners.intent.tracker import IntentTracker
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.testing import Feed, RecordTable, small, unit
from learners.types import Interaction

DIM = 16
TOPICS = {"card": 1, "rate": 2, "fee": 3, "pin": 4, "lost": 5}


class Desk:
    """Labelled and unlabelled sentences, each topic with its own place in space."""

    def __init__(self) -> None:
        self.tracker, self.count = IntentTracker(DIM, LearnerSettings(intent_new=0.3)), 0

    def hear(
        self, topic: str, label: str | None = None, user: IntentRecord | None = None
    ) -> IntentRecord:
        self.count += 1
        vector = unit(self.count, near=unit(100 + TOPICS[topic], dim=DIM), dim=DIM)
        text = f"something about a {topic} thing {self.count}"
        user = user or IntentRecord()
        self.tracker.learn(
            Interaction(
                self.count, f"e{self.count}", f"u{self.count}", None, "say", 1e6 + self.count,
                vector=vector, intent=label, text=text,
            ),
            user,
            None,
        )  # fmt: skip
        return user

    def believes(self, topic: str) -> str:
        return next(iter(self.tracker.report(self.hear(topic)).belief))


def taught(turns: int = 40) -> Desk:
    desk = Desk()
    for turn in range(turns * 3):
        topic = ("card", "rate", "fee")[turn % 3]
        desk.hear(topic, topic)
    return desk


def test_a_label_is_renamed_and_labels_under_the_old_name_follow() -> None:
    desk = taught()
    desk.tracker.control(Control("name", "card", "card stuck"))
    assert desk.believes("card") == "card stuck"
    desk.hear("card", "card")
    assert desk.tracker.stated.labels == ["card stuck", "rate", "fee"]
    assert desk.tracker.typical.typical("card stuck", 1) == ["card"]
    desk.tracker.control(Control("name", "card stuck", "swallowed"))
    desk.hear("card", "card")
    assert "card" not in desk.tracker.stated.labels
    assert desk.believes("card") == "swallowed"


def test_a_belief_keeps_its_meaning_over_a_rename_and_begins_anew_after_a_removal() -> None:
    desk, user = taught(), IntentRecord()
    for _ in range(3):
        desk.hear("fee", user=user)
    desk.tracker.control(Control("name", "card", "stuck"))
    assert next(iter(desk.tracker.report(user).belief)) == "fee"
    desk.tracker.control(Control("retire", "rate"))  # the slot of "fee" moves up
    report = desk.tracker.report(user)
    assert next(iter(report.belief)) == "fee"
    assert set(report.belief) <= {"stuck", "fee"}
    assert desk.believes("fee") == "fee"


def test_labels_are_merged() -> None:
    desk = taught()
    desk.tracker.control(Control("merge", "fee", "rate"))
    assert desk.tracker.stated.labels == ["card", "rate"]
    assert desk.believes("fee") == desk.believes("rate") == "rate"
    desk.hear("fee", "fee")
    assert desk.tracker.stated.labels == ["card", "rate"]
    assert {"fee", "rate"} <= set(desk.tracker.typical.typical("rate", 2))


def test_a_retired_label_is_not_learnt_again_until_it_is_named() -> None:
    desk = taught()
    desk.tracker.control(Control("retire", "fee"))
    assert desk.tracker.learn(
        Interaction(9_000, "x", "u", None, "say", 2e6, intent="fee"), IntentRecord(), None
    ) is None  # fmt: skip
    assert desk.tracker.stated.labels == ["card", "rate"]
    desk.hear("fee")
    late = LateLabel(f"u{desk.count}", "fee", event_id=f"e{desk.count}")
    desk.tracker.label(late)
    assert desk.tracker.stated.labels == ["card", "rate"]
    desk.tracker.control(Control("name", "rate", "fee"))
    assert desk.tracker.stated.labels == ["card", "fee"]
    desk.hear("fee", "fee")
    assert desk.tracker.stated.labels == ["card", "fee"]


def test_a_need_that_nobody_named_emerges_and_is_promoted() -> None:
    desk = taught()
    for _ in range(40):
        desk.hear("pin")
        desk.hear("card")
    (cluster, *more) = desk.tracker.discovery.proposed()
    assert more == []
    assert desk.tracker.typical.apart(cluster.words, 1) == ["pin"]
    assert all("pin" in example.text for example in cluster.examples)
    desk.tracker.control(Control("promote", "forgotten pin", cluster=cluster.number))
    assert "forgotten pin" in desk.tracker.stated.labels
    assert desk.believes("pin") == "forgotten pin"
    assert desk.believes("card") == "card"
    assert desk.tracker.discovery.proposed() == []


def test_what_is_labelled_and_fits_does_not_gather() -> None:
    desk = taught(100)
    count = desk.tracker.discovery.clock
    for topic in ("card", "rate", "fee") * 10:
        desk.hear(topic, topic)
    assert desk.tracker.discovery.clock == count == 0


@pytest.mark.parametrize(
    ("control", "report"),
    [
        (Control("name", "nothing", "x"), "nothing"),
        (Control("name", "card", "rate"), "merge"),
        (Control("name", "card", ""), "name"),
        (Control("merge", "card", "card"), "itself"),
        (Control("merge", "card", "nothing"), "nothing"),
        (Control("retire", "nothing"), "nothing"),
        (Control("promote", "pin", cluster=77), "no cluster 77"),
        (Control("promote", "pin"), "no cluster"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(control: Control, report: str) -> None:
    desk = taught(5)
    before = list(desk.tracker.stated.labels)
    with pytest.raises(ControlError, match=report):
        desk.tracker.control(control)
    assert desk.tracker.stated.labels == before
    assert (desk.tracker.aliases, desk.tracker.retired) == ({}, {})


def test_decisions_survive_a_restart() -> None:
    def run(restarts: bool) -> Any:
        shelf = RecordTable()
        model = OnlineModel(small(dim=DIM, intent_new=0.3), shelf.get)
        feed = Feed(model)
        for turn in range(240):
            topic = ("card", "rate", "fee", "pin")[turn % 4]
            vector = unit(turn, near=unit(100 + TOPICS[topic], dim=DIM), dim=DIM)
            label = None if topic == "pin" else topic
            feed(f"u{turn % 9}", None, vector=vector, intent=label, text=f"a {topic} thing")
            if turn == 120:
                model.control(Control("name", "card", "stuck"))
                model.control(Control("retire", "fee"))
            if turn == 180:
                number = model.tracker.discovery.proposed()[0].number
                model.control(Control("promote", "forgotten pin", cluster=number))
            if restarts and turn % 30 == 7:
                shelf.keep(model.changed())
                model = feed.model = OnlineModel(small(dim=DIM, intent_new=0.3), shelf.get)
                model.restore(shelf.scan)
        shelf.keep(model.changed())
        return shelf.records, model.recommend("u1")

    whole, broken = run(restarts=False), run(restarts=True)
    assert whole[0] == broken[0]
    assert whole[1] == broken[1]
    assert set(whole[1].belief) == {"stuck", "rate", "forgotten pin"}
