"""Messages out: strict JSON that the published schemas accept, and documents that are true."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.engine.cleaning.cleaner import Note
from dataflows.messages import json_schemas
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import decode_item
from dataflows.messages.outgoing import Position, Refreshed, Versions
from dataflows.messages.outgoing_json import (
    RAW_LIMIT,
    MessageError,
    dead_letter_key,
    render_dead_letter,
    render_intents,
    render_recommendation,
    user_key,
)
from dataflows.messages.raw import Raw, Reason, Reject
from dataflows.state.ledger import OUTCOMES
from learners.types import Entry, IntentEvidence, Leaning, RecommendationList

DOCS = Path(__file__).resolve().parents[3] / "docs"
NOW = 1_769_903_940.1234
POSITION = Position("events-0", 4711)
VERSIONS = Versions("hashing-256-1f3a", "1-9c2e")

LIST = RecommendationList(
    user_id="u-196",
    entries=(
        Entry("242", 1.73, ("often seen together with Antonia's Line",), title="Kolya (1996)"),
        Entry("302", 0.5, ("popular now", "similar in meaning"), 0.25),
    ),
    intent={"comedy": 0.61, "drama": 0.2, "horror": 0.1, "war": 0.04, "crime": 0.03, "sci": 0.02},
    profile=(Leaning("Comedy", 0.8, 0.6), Leaning("War", 0.1, 0.0)),
    sequence=17,
    position=3,
    belief={"comedy": 0.9, "war": 0.0995},
    novelty=0.25,
    because=(IntentEvidence("comedy", ("funny",), (("e-81", "a funny film", 1.92),)),),
)
NEW_USER = RecommendationList("u-new", (), {}, (), 0, 0)


def strict(message: bytes) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in a message")

    return json.loads(message.decode("utf-8"), parse_constant=refuse)


def recommendation(offered: RecommendationList = LIST, **more: Any) -> Any:
    given = {"position": POSITION, "versions": VERSIONS, "time": NOW, **more}
    return strict(render_recommendation(offered, **given))


def intents(offered: RecommendationList = LIST) -> Any:
    return strict(render_intents(offered, POSITION, VERSIONS, NOW))


def letter(value: bytes | None, key: bytes | None = None, reason: str = "bad_json") -> Any:
    record = Raw("events", "events-0", 4712, 4713, key, value)
    return strict(render_dead_letter(Reject(record, reason, "why it is so"), NOW))


def valid(name: str, message: Any) -> bool:
    schema = json.loads((DOCS / "reference" / "schemas" / f"{name}.json").read_text("utf-8"))
    return bool(jsonschema.Draft202012Validator(schema).is_valid(message))


# What the messages hold.


def test_a_list_holds_all_that_a_service_needs() -> None:
    assert recommendation() == {
        "user_id": "u-196",
        "items": [
            {
                "item_id": "242",
                "title": "Kolya (1996)",
                "score": 1.73,
                "reasons": ["often seen together with Antonia's Line"],
                "propensity": 1.0,
            },
            {
                "item_id": "302",
                "title": "",
                "score": 0.5,
                "reasons": ["popular now", "similar in meaning"],
                "propensity": 0.25,
            },
        ],
        "intent": {"comedy": 0.61, "drama": 0.2, "horror": 0.1, "war": 0.04, "crime": 0.03},
        "sequence": 17,
        "position": {"partition": "events-0", "offset": 4711},
        "versions": {"encoder": "hashing-256-1f3a", "model": "1-9c2e"},
        "time": "2026-01-31T23:59:00.123Z",
    }
    assert list(recommendation()["intent"]) == ["comedy", "drama", "horror", "war", "crime"]


def test_a_list_that_no_event_made_says_why_and_others_say_nothing() -> None:
    why = Refreshed("removed", "302", Position("items-0", 9))
    found = recommendation(refreshed=why)
    assert found.pop("refreshed") == {
        "why": "removed",
        "item_id": "302",
        "position": {"partition": "items-0", "offset": 9},
    }
    assert found == recommendation()
    assert valid("recommendation", recommendation(refreshed=why))
    assert not valid("recommendation", {**found, "refreshed": {"why": "sold"}})


def test_an_intents_message_holds_what_both_learners_know() -> None:
    found = intents()
    assert next(iter(found["intent"].items())) == ("comedy", 0.61)
    assert found["intent"] == LIST.intent
    assert found["top"] == "comedy"
    assert found["intent_rest"] == 0.0
    assert found["belief"] == {"comedy": 0.9, "war": 0.0995}
    assert found["belief_rest"] == 0.0005
    assert found["novelty"] == 0.25
    spoke = {"event_id": "e-81", "text": "a funny film", "gain": 1.92}
    assert found["reasons"] == [{"need": "comedy", "words": ["funny"], "events": [spoke]}]
    assert found["profile"] == [
        {"category": "Comedy", "liking": 0.8, "certainty": 0.6},
        {"category": "War", "liking": 0.1, "certainty": 0.0},
    ]
    assert (found["user_id"], found["sequence"]) == ("u-196", 17)
    assert found["position"] == {"partition": "events-0", "offset": 4711}
    assert found["time"] == "2026-01-31T23:59:00.123Z"


def test_a_dead_letter_holds_the_bytes_the_place_and_the_reason() -> None:
    assert letter(b"\xff\xfe\x83", b"u1", "not_utf8") == {
        "topic": "events",
        "partition": "events-0",
        "offset": 4712,
        "reason": "not_utf8",
        "detail": "why it is so",
        "key": "dTE=",
        "raw": "//6D",
        "raw_bytes": 3,
        "time": "2026-01-31T23:59:00.123Z",
    }


def test_a_huge_record_is_cut_in_its_dead_letter_with_its_true_size_told() -> None:
    value = bytes(range(256)) * 4_000
    found = letter(value, value)
    assert b64decode(found["raw"]) == b64decode(found["key"]) == value[:RAW_LIMIT]
    assert found["raw_bytes"] == 1_024_000


def test_a_null_value_stays_null_and_empty_bytes_stay_empty() -> None:
    assert (letter(None)["raw"], letter(None)["raw_bytes"]) == (None, 0)
    assert (letter(b"")["raw"], letter(b"")["raw_bytes"]) == ("", 0)


def test_keys_are_the_user_and_the_place_of_the_record() -> None:
    assert user_key("u-\u00e9") == "u-\u00e9".encode()
    record = Raw("events", "events-3", 12, 13, b"u1", b"")
    assert dead_letter_key(Reject(record, "bad_json", "")) == b"events-3:12"


def test_a_user_of_whom_nothing_is_known_has_whole_messages_too() -> None:
    assert recommendation(NEW_USER)["items"] == []
    assert (intents(NEW_USER)["top"], intents(NEW_USER)["intent"]) == (None, {})
    assert valid("recommendation", recommendation(NEW_USER))
    assert valid("intents", intents(NEW_USER))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_ids_and_titles_come_out_as_they_are(text: str) -> None:
    offered = RecommendationList(
        text, (Entry(text, 1.0, (text,), title=text),), {text: 1.0}, (), 1, 1
    )
    found = recommendation(offered)
    assert found["user_id"] == text
    assert (found["items"][0]["item_id"], found["items"][0]["title"]) == (text, text)
    assert found["intent"] == {text: 1.0}


# Strict JSON, or an error.

BAD_FIGURES = [float("nan"), float("inf"), float("-inf"), np.float64("nan")]


@pytest.mark.parametrize("bad", BAD_FIGURES, ids=["nan", "inf", "-inf", "numpy nan"])
@pytest.mark.parametrize("place", ["score", "propensity", "intent", "liking", "certainty"])
def test_a_figure_that_is_not_finite_is_refused(place: str, bad: float) -> None:
    entry, leaning = Entry("242", 1.0, ()), Leaning("Comedy", 0.5, 0.5)
    if place in {"score", "propensity"}:
        entry = msgspec.structs.replace(entry, **{place: bad})
    elif place != "intent":
        leaning = msgspec.structs.replace(leaning, **{place: bad})
    intent = {"comedy": bad if place == "intent" else 0.5, "drama": 0.25}
    offered = RecommendationList("u1", (Entry("1", 2.0, ()), entry), intent, (leaning,), 1, 1)
    if place not in {"liking", "certainty"}:
        with pytest.raises(MessageError, match="u1"):
            recommendation(offered)
    if place not in {"score", "propensity"}:
        with pytest.raises(MessageError, match="u1"):
            intents(offered)


def test_infinities_of_both_signs_do_not_cancel_out() -> None:
    entries = (Entry("1", float("inf"), ()), Entry("2", float("-inf"), ()))
    with pytest.raises(MessageError):
        recommendation(RecommendationList("u1", entries, {}, (), 1, 1))


def test_figures_of_numpy_are_written_as_numbers() -> None:
    score, share = np.float64(1.5), np.float64(0.5)
    leaning = Leaning("Comedy", np.float32(0.5), share)
    offered = RecommendationList("u1", (Entry("1", score, ()),), {"a": share}, (leaning,), 1, 1)
    assert recommendation(offered)["items"][0]["score"] == 1.5
    assert intents(offered)["profile"][0] == {"category": "Comedy", "liking": 0.5, "certainty": 0.5}


def test_what_is_not_unicode_is_refused() -> None:
    with pytest.raises(MessageError):
        recommendation(RecommendationList("\ud800", (), {}, (), 1, 1))


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1e18])
def test_a_time_that_is_no_date_is_refused(time: float) -> None:
    with pytest.raises(MessageError):
        recommendation(time=time)


# The published schemas.


@pytest.mark.parametrize("name", sorted(json_schemas.TYPES))
def test_the_published_schema_is_the_one_of_the_code(name: str) -> None:
    published = json.loads((DOCS / "reference" / "schemas" / f"{name}.json").read_text("utf-8"))
    assert published == json.loads(json.dumps(json_schemas.schema(name))), (
        "run python -m dataflows.messages.json_schemas docs/reference/schemas"
    )
    jsonschema.Draft202012Validator.check_schema(published)


def test_schemas_are_written_one_file_each(tmp_path: Path) -> None:
    json_schemas.write(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {
        path.name: path.read_bytes() for path in (DOCS / "reference" / "schemas").iterdir()
    }


def test_real_messages_fit_their_schemas() -> None:
    assert valid("recommendation", recommendation())
    assert valid("intents", intents())
    for reason in Reason:
        assert valid("dead-letter", letter(b"x", b"y", reason))
        assert valid("dead-letter", letter(None, None, reason.value))


MESSAGES = {
    "recommendation": recommendation(),
    "intents": intents(),
    "dead-letter": letter(b"x", b"y"),
}
WRONG: dict[str, list[dict[str, Any]]] = {
    "recommendation": [
        {"user_id": 42},
        {"user_id": ""},
        {"items": None},
        {"items": [{"item_id": "1", "title": "t", "score": 1.0, "reasons": []}]},
        {"items": [{**recommendation()["items"][0], "score": None}]},
        {"items": [{**recommendation()["items"][0], "propensity": 1.5}]},
        {"intent": {"comedy": None}},
        {"intent": {"comedy": -0.1}},
        {"sequence": -1},
        {"sequence": 1.5},
        {"position": {"events-0": 3}},
        {"versions": {"encoder": "a"}},
        {"time": 1_700_000_000},
        {"time": "2026-01-31 23:59:00"},
        {"time": "2026-01-31T23:59:00.123+00:00"},
    ],
    "intents": [
        {"top": 3},
        {"intent": [0.5]},
        {"profile": {"Comedy": 0.5}},
        {"profile": [{"category": "Comedy", "liking": 2, "certainty": 0.5}]},
    ],
    "dead-letter": [
        {"reason": "because"},
        {"raw": 3},
        {"offset": -1},
        {"offset": "12"},
        {"raw_bytes": None},
    ],
}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [(name, wrong) for name, all_wrong in WRONG.items() for wrong in all_wrong],
    ids=str,
)
def test_wrong_messages_do_not_fit(name: str, wrong: dict[str, Any]) -> None:
    assert valid(name, MESSAGES[name])
    assert not valid(name, {**MESSAGES[name], **wrong})


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_no_field_may_be_left_out_and_new_ones_may_come(name: str) -> None:
    for field in MESSAGES[name]:
        assert not valid(name, {key: MESSAGES[name][key] for key in MESSAGES[name] if key != field})
    assert valid(name, {**MESSAGES[name], "new": 1})


SOME = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2_000_000_000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "12", "2020-01-01"]),
    st.lists(st.sampled_from(["a", 1, None]), max_size=2),
    st.dictionaries(st.just("k"), st.integers(), max_size=1),
)
GOOD_EVENT = {"event_id": "e", "user_id": 1, "type": "view", "ts": 1_700_000_000}


@given(st.dictionaries(st.sampled_from(EventRecord.__struct_fields__[:10]), SOME))
def test_what_is_read_as_an_event_fits_the_schema(fields: dict[str, Any]) -> None:
    message = {**GOOD_EVENT, **fields}
    record = Raw("events", "events-0", 0, 1, None, json.dumps(message).encode())
    if isinstance(decode_event(record, EventSettings()), EventRecord):
        assert valid("event", message)


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": 1.5},
        {"user_id": True},
        {"user_id": None},
        {"ts": True},
        {"text": []},
        {"value": {}},
        {"context": []},
    ],
    ids=str,
)
def test_what_the_schema_of_events_refuses_is_refused(wrong: dict[str, Any]) -> None:
    message = {**GOOD_EVENT, **wrong}
    assert valid("event", GOOD_EVENT)
    assert not valid("event", message)
    record = Raw("events", "events-0", 0, 1, None, json.dumps(message).encode())
    assert isinstance(decode_event(record, EventSettings()), Reject)


# The page for people.

PAGE = (DOCS / "reference" / "messages.md").read_text("utf-8")


def section(title: str) -> str:
    """The part of the page under one heading, up to the next of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def first_column(title: str) -> list[str]:
    return re.findall(r"^\| `([a-z0-9_]+)` \|", section(title), re.MULTILINE)


def example(title: str) -> Any:
    found = re.search(r"```json\n(.*?)```", section(title), re.DOTALL)
    assert found, title
    return json.loads(found[1])


def test_every_note_of_the_ledger_is_explained_and_no_other() -> None:
    assert first_column("What becomes of an event") == [note for note in get_args(Note) if note]
    assert f"in = {' + '.join(OUTCOMES)}" in PAGE


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("`events`", "event"),
        ("`items`", "item"),
        ("`recommendations`", "recommendation"),
        ("`intents`", "intents"),
        ("`dead-letters`", "dead-letter"),
        ("`promotions`", "promotion"),
        ("`narratives`", "narrative"),
    ],
)
def test_every_example_is_a_whole_message(title: str, name: str) -> None:
    shown = example(title)
    assert valid(name, shown)
    assert set(shown) == set(json_schemas.schema(name)["properties"])
    if name in {"event", "item"}:
        record = Raw("t", "t-0", 0, 1, None, json.dumps(shown).encode())
        decode = decode_event if name == "event" else decode_item
        assert not isinstance(decode(record, EventSettings()), Reject)


def test_the_limits_on_the_page_are_the_defaults() -> None:
    settings, clean = EventSettings(), CleanSettings()
    for number, setting in (
        (settings.max_id_chars, "max_id_chars"),
        (settings.max_text_chars, "max_text_chars"),
        (settings.max_title_chars, "max_title_chars"),
        (settings.max_depth, "max_depth"),
        (clean.remembered_ids, "remembered_ids"),
    ):
        assert re.search(rf"{number:,}[^.|]*\(`?{setting}`?\)|{number:,}[^.|]*`{setting}`", PAGE)
    assert settings.max_record_bytes == 2**20
    assert f"{RAW_LIMIT:,} bytes" in PAGE
    for name in ("late", "ahead", "bots"):
        assert f'`{name} = "{getattr(clean, name)}"`' in PAGE
