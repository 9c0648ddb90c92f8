from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.kafka.oversize import fit, size
from dataflows.messages.outgoing import Position, Versions
from dataflows.messages.outgoing_json import (
    render_dead_letter,
    render_intents,
    render_recommendation,
)
from dataflows.messages.raw import Raw, Reject
from dataflows.state.outbox import Out
from learners.types import Entry, Leaning, RecommendationList

AT = Position("events-3", 41)
BY = Versions("hashing-8-0", "1")


def list_of(count: int, title: str = "t", number: int = 7) -> Out:
    entries = tuple(Entry(f"i{n}", 1.0 - n / 100, ("popular",), title=title) for n in range(count))
    offered = RecommendationList("u", entries, {}, (), 1, 1)
    value = render_recommendation(offered, AT, BY, 1.7e9)
    return Out("recommendations", b"u", value, number)


def items(out: Out) -> list[str]:
    return [place["item_id"] for place in json.loads(out.value)["items"]]


def test_what_fits_is_left_as_it_is():
    counts = Counter()
    out = list_of(10)
    assert fit(out, size(out), counts.update) is out
    assert not counts


@given(st.integers(2, 12), st.integers(1, 200), st.data())
def test_a_list_keeps_as_many_first_places_as_fit(count, width, data):
    out = list_of(count, "x" * width)
    limit = data.draw(st.integers(size(list_of(1, "x" * width)), size(out) - 1))
    counts = Counter()
    cut = fit(out, limit, lambda word: counts.update([word]))
    most = max(n for n in range(1, count) if size(list_of(n, "x" * width)) <= limit)
    assert cut == list_of(most, "x" * width)
    assert counts == {"cut": 1}


def test_a_list_of_which_one_place_is_too_big_becomes_a_dead_letter():
    counts = Counter()
    out = list_of(3, "x" * 5000)
    letter = fit(out, 2000, lambda word: counts.update([word]))
    assert counts == {"too_large": 1}
    assert letter.topic == "dead-letters"
    assert letter.key == b"events-3:41"
    assert letter.number == out.number
    assert size(letter) <= 2000
    told = json.loads(letter.value)
    assert told["reason"] == "output_too_large"
    assert told["topic"] == "recommendations"
    assert (told["partition"], told["offset"]) == ("events-3", 41)
    assert told["raw_bytes"] == len(out.value)
    assert str(size(out)) in told["detail"]
    assert "2000" in told["detail"]
    assert out.value.startswith(b64decode(told["raw"]))
    assert len(told["raw"]) > 500  # as much as there is room for


def test_intents_are_not_cut_in_half():
    leanings = tuple(Leaning(f"category {n}", 0.5, 0.5) for n in range(100))
    value = render_intents(RecommendationList("u", (), {}, leanings, 1, 1), AT, BY, 1.7e9)
    letter = fit(Out("intents", b"u", value, 1), 1500, lambda _: None)
    assert json.loads(letter.value)["topic"] == "intents"
    assert size(letter) <= 1500


@pytest.mark.parametrize("value", [None, b"", b"x" * 60_000, b"x" * 200_000])
@pytest.mark.parametrize("limit", [1000, 5000, 1_000_000])
def test_a_dead_letter_is_made_small_enough_and_keeps_its_place(value, limit):
    raw = Raw("events", "events-0", 5, 6, b"k" * 3000, value)
    reject = Reject(raw, "bad_json", "d" * 3000)
    out = Out("dead-letters", b"events-0:5", render_dead_letter(reject, 1.7e9), 9)
    letter = fit(out, limit, lambda _: None)
    assert size(letter) <= limit
    assert (letter.topic, letter.key, letter.number) == (out.topic, out.key, out.number)
    told = json.loads(letter.value)
    assert (told["reason"], told["offset"], told["raw_bytes"]) == ("bad_json", 5, len(value or b""))
    if told["raw"] is not None and value is not None:
        assert value.startswith(b64decode(told["raw"]))


def test_a_message_of_another_program_is_dead_lettered_too():
    letter = fit(Out("intents", b"u", b"\xff" * 5000, 1), 2000, lambda _: None)
    assert json.loads(letter.value)["partition"] == "unknown"
