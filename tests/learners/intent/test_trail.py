"""Why a need is believed in: the events that spoke for it, and their words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.intent.explanation import likeliest_first
from learners.intent.record import IntentRecord
from learners.intent.tracker import IntentTracker
from learners.testing import unit
from learners.types import Interaction

DIM = 16
SAYS = {"card": "the machine swallowed my card", "rate": "what is the exchange rate today"}
PLACE = {"card": 1, "rate": 2, "other": 3}


class Talk:
    """A user's session in a world where each need has its own sentence."""

    def __init__(self) -> None:
        self.tracker, self.user, self.count = IntentTracker(DIM), IntentRecord(), 0
        for turn in range(80):
            need = ("card", "rate")[turn % 2]
            self.say(need, IntentRecord(), intent=need, user_id=f"u{turn}")

    def say(self, what: str, user: IntentRecord | None = None, **more: Any) -> str:
        self.count += 1
        event_id, text = f"e{self.count}", SAYS.get(what, "a word or two")
        vector = unit(self.count, near=unit(PLACE[what], dim=DIM), dim=DIM)
        given = {"user_id": "u", "item_id": None, "type": "say", "ts": 1e6 + self.count, **more}
        event = Interaction(self.count, event_id, vector=vector, text=text, **given)
        self.tracker.learn(event, user or self.user, None)
        return event_id


def test_a_need_names_the_events_and_words_that_carried_it() -> None:
    talk = Talk()
    first, second = talk.say("card"), talk.say("card")
    report = talk.tracker.report(talk.user)
    why = report.because[0]
    assert why.need == next(iter(report.belief)) == "card"
    assert first in {event for event, _, _ in why.events} <= {first, second}
    assert {"machine", "swallowed", "card"} <= set(why.words)
    assert not set(why.words) & {"exchange", "rate"}
    gains = [gain for _, _, gain in why.events]
    assert gains == sorted(gains, reverse=True)
    assert gains[-1] > 0


@given(st.dictionaries(st.text(max_size=3), st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=9))
def test_needs_are_put_in_one_order_also_where_they_are_equal(shares: dict[str, float]) -> None:
    by_hand = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    assert list(likeliest_first(shares).items()) == by_hand


def test_an_event_that_spoke_against_a_need_does_not_explain_it() -> None:
    talk = Talk()
    card = [talk.say("card") for _ in range(4)]
    rate = talk.say("rate")
    report = talk.tracker.report(talk.user)
    why = {why.need: why for why in report.because}
    assert next(iter(report.belief)) == "card"  # one odd event
    assert rate not in {event for event, _, _ in why["card"].events}
    assert {event for event, _, _ in why["rate"].events} == {rate}
    assert {event for event, _, _ in why["card"].events} <= set(card)


def test_without_an_event_the_belief_would_be_lower() -> None:
    """Leaving out the event that is named first costs the need most."""
    talk, events = Talk(), ["card", "other", "card"]
    told_by = {talk.say(what): what for what in events}
    why = talk.tracker.report(talk.user).because[0]
    named = why.events[0][0]
    assert told_by[named] == "card"
    posteriors = [
        talk.tracker.stated.predict(unit(PLACE[what], dim=DIM)) for what in events
    ]  # fmt: skip
    slot = talk.tracker.stated.labels.index("card")

    def belief(left_out: int | None) -> float:
        held = None
        for place, posterior in enumerate(posteriors):
            if place != left_out:
                held = talk.tracker.session_filter.look(held, posterior, talk.tracker.edition, 2)
        assert held is not None
        return float(held.shares[slot])

    cost = [belief(None) - belief(place) for place in range(3)]
    assert cost[1] < max(cost[0], cost[2])


def test_a_new_session_begins_a_new_account_and_memory_is_bounded() -> None:
    talk = Talk()
    for _ in range(30):
        talk.say("card")
    assert len(talk.user.trail) == 8
    late = talk.say("rate", ts=1e9)
    report = talk.tracker.report(talk.user)
    assert [step.event_id for step in talk.user.trail] == [late]
    assert report.because[0].events[0][0] == late
    assert len(report.because) <= 3


def test_a_long_text_is_cut() -> None:
    talk = Talk()
    event = Interaction(
        1, "long", "u", None, "say", 1e6 + 99, vector=unit(1, dim=DIM), text="card " * 1_000
    )
    talk.tracker.learn(event, talk.user, None)
    assert len(talk.user.trail[-1].text) == 100


@pytest.mark.parametrize("n", [1, 2, 5])
def test_gains_are_what_the_filter_did(n: int) -> None:
    talk = Talk()
    for _ in range(n):
        talk.say("card")
    belief, step = talk.user.belief, talk.user.trail[-1]
    assert belief is not None
    slot = talk.tracker.stated.labels.index("card")
    grown = np.log(belief.shares[slot] / belief.prior[slot])
    if grown > 0.1:
        assert step.gains["card"] == pytest.approx(grown, abs=2e-3)
    else:
        assert "card" not in step.gains
