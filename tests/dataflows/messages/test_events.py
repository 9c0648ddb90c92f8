"""Bytes in, typed objects or rejects out: never an exception, never a neighbour harmed."""

from __future__ import annotations

import json
import pickle
import tarfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.events import EventSettings
from dataflows.messages import events
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, RemovedItem, decode_item
from dataflows.messages.raw import Raw, Reason, Reject

SETTINGS = EventSettings()
GOOD = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "type": "view", "ts": 1_700_000_000}
ITEM = {"item_id": "i1", "title": "Kolya (1996)"}


def raw(value: bytes | None, key: bytes | None = None) -> Raw:
    return Raw("events", "events-0", 7, 8, key, value)


def decoded(settings: EventSettings = SETTINGS, **fields: object) -> EventRecord | Reject:
    return decode_event(raw(json.dumps({**GOOD, **fields}).encode()), settings)


def event(settings: EventSettings = SETTINGS, **fields: object) -> EventRecord:
    found = decoded(settings, **fields)
    assert isinstance(found, EventRecord), found
    return found


def reason(settings: EventSettings = SETTINGS, **fields: object) -> str:
    found = decoded(settings, **fields)
    assert isinstance(found, Reject), found
    assert found.detail
    return found.reason


def item(**fields: object) -> ItemRecord:
    found = decode_item(raw(json.dumps({**ITEM, **fields}).encode()), SETTINGS)
    assert isinstance(found, ItemRecord), found
    return found


def with_field(name: str, literal: bytes) -> bytes:
    """A good event with one more field, whose value is these very bytes."""
    return json.dumps(GOOD).encode()[:-1] + b', "' + name.encode() + b'": ' + literal + b"}"


@pytest.fixture(scope="session")
def json_suite(shared: Path) -> dict[str, bytes]:
    archive = shared / "data" / "dirty" / "jsontestsuite_test_parsing.tar.gz"
    with tarfile.open(archive) as files:
        members = [member for member in files if member.name.endswith(".json")]
        return {Path(m.name).name: files.extractfile(m).read() for m in members}  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def naughty(shared: Path) -> list[str]:
    strings: list[str] = json.loads((shared / "data/dirty/blns.json").read_text("utf-8"))
    return strings


# What a good event is.


def test_every_field_of_an_event_is_read() -> None:
    found = event(text="red shoes", value=3.5, session_id=9, intent="gift", context={"page": [2]})
    assert found == EventRecord(
        event_id="e1",
        user_id="u1",
        type="view",
        ts=1_700_000_000.0,
        item_id="i1",
        text="red shoes",
        value=3.5,
        session_id="9",
        intent="gift",
        context={"page": [2]},
    )
    assert isinstance(found.ts, float)
    assert pickle.loads(pickle.dumps(found)) == found


def test_extra_fields_are_ignored_and_optional_ones_defaulted() -> None:
    small = {key: GOOD[key] for key in ("event_id", "user_id", "type", "ts")}
    found = decode_event(raw(json.dumps({**small, "colour": {"deep": [1]}}).encode()), SETTINGS)
    assert found == EventRecord(event_id="e1", user_id="u1", type="view", ts=1_700_000_000.0)


@pytest.mark.parametrize("name", ["item_id", "text", "value", "session_id", "intent", "context"])
def test_null_is_the_same_as_left_out(name: str) -> None:
    fields = {key: value for key, value in GOOD.items() if key != name}
    left_out = decode_event(raw(json.dumps(fields).encode()), SETTINGS)
    assert isinstance(left_out, EventRecord)
    assert decoded(**{name: None}) == left_out


@pytest.mark.parametrize("blank", ["", " ", "\t \n"])
@pytest.mark.parametrize("name", ["item_id", "text", "session_id", "intent"])
def test_a_blank_optional_field_is_the_same_as_left_out(name: str, blank: str) -> None:
    assert getattr(event(**{name: blank}), name) is None


@pytest.mark.parametrize("name", ["event_id", "user_id", "type", "ts"])
def test_a_needed_field_that_is_missing_is_named(name: str) -> None:
    for fields in ({name: None}, {}):
        record = {key: value for key, value in {**GOOD, **fields}.items() if key != name or fields}
        found = decode_event(raw(json.dumps(record).encode()), SETTINGS)
        assert isinstance(found, Reject)
        assert found.reason == "missing_field"
        assert found.detail.startswith(name)
    if name != "ts":
        assert reason(**{name: " "}) == "missing_field"


def test_the_last_of_two_equal_keys_counts() -> None:
    found = decode_event(raw(with_field("user_id", b'"second"')), SETTINGS)
    assert isinstance(found, EventRecord)
    assert found.user_id == "second"


def test_a_byte_order_mark_is_skipped() -> None:
    found = decode_event(raw(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()), SETTINGS)
    assert found == event()


# Ids: one written rule.


def test_a_number_and_its_digits_are_one_user_and_leading_zeros_are_not() -> None:
    users = [event(user_id=user).user_id for user in (42, "42", "007", "7", 7, "U1", "u1")]
    assert users == ["42", "42", "007", "7", "7", "U1", "u1"]
    items = [event(item_id=user).item_id for user in (42, "42", "01", "001", -3)]
    assert items == ["42", "42", "01", "001", "-3"]


@given(st.integers(-(2**80), 2**80))
def test_every_digit_of_an_integer_id_is_kept(number: int) -> None:
    assert event(user_id=number).user_id == str(number) == event(user_id=str(number)).user_id


@pytest.mark.parametrize("value", [1.5, 1.0, True, False, [], ["a"], {}, {"a": 1}])
@pytest.mark.parametrize("name", ["event_id", "user_id", "item_id", "session_id"])
def test_what_is_neither_string_nor_integer_is_no_id(name: str, value: object) -> None:
    assert reason(**{name: value}) == "bad_id"


@pytest.mark.parametrize(
    "bad", ["a\x00b", "\x1b[31m", "a\nb", "\x7f", "a\x85", "\ud800", "x\udfff"]
)
@pytest.mark.parametrize("name", ["event_id", "user_id", "item_id", "type", "intent"])
def test_control_characters_and_half_surrogates_in_ids_are_refused(name: str, bad: str) -> None:
    assert reason(**{name: bad}) == "bad_id"


def test_ids_have_a_length_and_it_is_a_setting() -> None:
    assert event(user_id="x" * 256).user_id == "x" * 256
    assert reason(user_id="x" * 257) == "bad_id"
    assert reason(user_id=10**256) == "bad_id"
    assert event(EventSettings(max_id_chars=3), user_id="abc", event_id=1, item_id=2, type="see")
    assert reason(EventSettings(max_id_chars=3), user_id="abcd", event_id=1, type="see") == "bad_id"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=256))
def test_any_visible_unicode_is_an_id_and_comes_out_as_it_went_in(text: str) -> None:
    if text.isspace():
        assert reason(user_id=text) == "missing_field"
    else:
        assert event(user_id=text).user_id == text
        event(user_id=text).user_id.encode()


# Time: in the configured unit or ISO 8601, always plausible.


@pytest.mark.parametrize(
    ("unit", "ts"),
    [
        ("s", 1_700_000_000.25),
        ("s", "1700000000.25"),
        ("ms", 1_700_000_000_250),
        ("ms", "1700000000250"),
        ("us", 1_700_000_000_250_000),
        ("ns", 1_700_000_000_250_000_000),
        ("ns", "1700000000250000000"),
        ("s", "2023-11-14T22:13:20.25Z"),
        ("ms", "2023-11-14t22:13:20.250z"),
        ("ns", "2023-11-14 22:13:20.25"),
        ("s", "2023-11-15T03:43:20.250+05:30"),
        ("s", "2023-11-14T14:13:20.250-08:00"),
    ],
    ids=repr,
)
def test_one_moment_written_in_many_ways(unit: str, ts: object) -> None:
    assert event(EventSettings(time_unit=unit), ts=ts).ts == 1_700_000_000.25  # type: ignore[arg-type]


def test_a_date_alone_is_its_midnight_in_utc() -> None:
    assert event(ts="2023-11-14").ts == datetime.fromisoformat("2023-11-14T00:00Z").timestamp()


@pytest.mark.parametrize("ts", [True, False, [], {}, "yesterday", "", "12:30", "NaN", "2023-13-01"])
def test_what_is_no_time_is_refused(ts: object) -> None:
    assert reason(ts=ts) == "bad_time"


@pytest.mark.parametrize("ts", [0, -1, 1_700_000_000_000, "0001-01-01", 10**400, "1e999", 1e300])
def test_an_implausible_time_is_refused(ts: object) -> None:
    assert reason(ts=ts) == "time_out_of_range"


def test_seconds_and_milliseconds_mixed_are_told_apart_with_a_guess() -> None:
    settings = EventSettings(time_unit="ms")
    found = decoded(settings, ts=1_700_000_000)
    assert isinstance(found, Reject)
    assert found.reason == "time_out_of_range"
    assert "read as seconds it is 2023-11-14T22:13:20.000Z" in found.detail
    assert "time_unit" in found.detail
    assert event(settings, ts=1_700_000_000_000).ts == 1_700_000_000.0
    in_seconds = decoded(ts=1_700_000_000_000)
    assert isinstance(in_seconds, Reject)
    assert "read as milliseconds" in in_seconds.detail


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(max_size=30)))
def test_a_time_is_inside_the_range_or_refused(ts: object) -> None:
    for unit in ("s", "ms", "us", "ns"):
        found = decoded(EventSettings(time_unit=unit), ts=ts)  # type: ignore[arg-type]
        if isinstance(found, EventRecord):
            assert SETTINGS.min_time <= found.ts <= SETTINGS.max_time


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1990, 1, 3), datetime(2099, 12, 29), timezones=ZONES))  # noqa: DTZ001
def test_iso_times_of_any_zone_agree_with_the_calendar(moment: datetime) -> None:
    assert event(ts=moment.isoformat()).ts == pytest.approx(moment.timestamp(), abs=1e-6)


# Numbers.


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("name", ["value", "context", "other", "text"])
def test_nan_and_infinity_are_refused_wherever_they_stand(name: str, literal: bytes) -> None:
    for wrapped in (literal, b'{"deep": [' + literal + b"]}"):
        found = decode_event(raw(with_field(name, wrapped)), SETTINGS)
        assert isinstance(found, Reject)
        assert found.reason == "bad_json"


@pytest.mark.parametrize("literal", [b"1e999", b'"nan"', b'"inf"', b'"dear"', b"true", b"[1]"])
def test_a_value_that_is_no_finite_number_is_refused(literal: bytes) -> None:
    found = decode_event(raw(with_field("value", literal)), SETTINGS)
    assert isinstance(found, Reject)
    assert found.reason == "bad_value"


@pytest.mark.parametrize("name", ["context", "ts", "text", "user_id"])
def test_a_number_out_of_range_is_refused_where_it_would_be_read(name: str) -> None:
    for literal in (b"1e999", b'[{"a": [1e999]}]', b"-1e999"):
        assert isinstance(decode_event(raw(with_field(name, literal)), SETTINGS), Reject)


@pytest.mark.parametrize(
    ("literal", "kept"),
    [
        (b"99999999999999999999", "99999999999999999999"),
        (b"-9223372036854775809", "-9223372036854775809"),
        (b"18446744073709551616", "18446744073709551616"),
        (b"1e999", "1e999"),
        (b"-1e+400", "-1e+400"),
        (b"9" * 5000, "9" * 5000),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1.7976931348623157e308", 1.7976931348623157e308),
        (b"1e-400", 0.0),
        (b"0.12345678901234567890123", 0.12345678901234568),
    ],
)
def test_a_number_in_context_that_cannot_be_stored_is_kept_as_its_digits(literal, kept) -> None:
    found = decode_event(raw(with_field("context", b'{"a": [{"b": ' + literal + b"}]}")), SETTINGS)
    assert isinstance(found, EventRecord)
    assert found.context == {"a": [{"b": kept}]}
    assert found.repaired == isinstance(kept, str)
    given = b'{"item_id": 1, "title": "t", "attributes": {"b": ' + literal + b"}}"
    item = decode_item(raw(given), SETTINGS)
    assert isinstance(item, ItemRecord)
    assert item.attributes == {"b": kept}
    assert item.repaired == isinstance(kept, str)


def test_a_value_may_be_written_as_a_string_of_digits() -> None:
    assert event(value="12.50").value == 12.5
    assert event(value=-4).value == -4.0


# Text: repaired and cut visibly.


def test_long_text_is_cut_and_marked() -> None:
    found = event(text="word " * 20_000)
    assert found.cut
    assert found.text is not None
    assert found.text.startswith("word word")
    assert 3_900 < len(found.text) <= 4_000
    assert not event(text="x" * 4_000).cut


def test_half_surrogates_in_text_are_replaced_visibly() -> None:
    found = event(text="a \ud800 b \U0001f600")
    assert found.text == "a \ufffd b \U0001f600"
    assert found.repaired
    assert not event(text="a \U0001f600").repaired


def test_half_surrogates_elsewhere_do_not_cost_the_event() -> None:
    found = event(context={"k\udc00": ["\ud800", "\U0001f600"]}, other="\ud800")
    assert found.context == {"k\ufffd": ["\ufffd", "\U0001f600"]}
    assert found == event(context=found.context)


@pytest.mark.parametrize(("text", "wanted"), [(3.5, "3.5"), (0, "0"), (12, "12")])
def test_a_number_in_the_text_field_is_its_digits(text: object, wanted: str) -> None:
    assert event(text=text).text == wanted


@pytest.mark.parametrize("text", [True, [], ["a"], {}])
def test_other_things_in_the_text_field_are_refused(text: object) -> None:
    assert reason(text=text) == "bad_field"


def test_naughty_strings_never_raise_as_text_or_as_id(naughty: list[str]) -> None:
    assert len(naughty) > 400
    refused = 0
    for string in naughty:
        found = event(text=string)
        if found.text is not None:
            found.text.encode()
        as_id = decoded(user_id=string)
        if isinstance(as_id, Reject):
            assert as_id.reason in {"bad_id", "missing_field"}
            refused += 1
        else:
            assert as_id.user_id == string
    assert 0 < refused < 60


# Broken bytes.


def test_three_records_the_second_not_utf8() -> None:
    good = json.dumps(GOOD).encode()
    one, two, three = (decode_event(raw(v), SETTINGS) for v in (good, b"\xff\xfe\x83", good))
    assert one == three == event()
    assert isinstance(two, Reject)
    assert two.reason == "not_utf8"
    assert (two.raw.topic, two.raw.partition, two.raw.offset) == ("events", "events-0", 7)
    assert two.raw.value == b"\xff\xfe\x83"


@pytest.mark.parametrize("value", [b"", b"  ", b"{", b'{"a": 1,}', b"{'a': 1}", b"{} {}", b"\x00"])
def test_what_is_not_json(value: bytes) -> None:
    found = decode_event(raw(value), SETTINGS)
    assert isinstance(found, Reject)
    assert found.reason == "bad_json"


@pytest.mark.parametrize("value", [b"null", b"[]", b"1", b'"x"', b"true", b"[1e999]"])
def test_what_is_json_but_no_object(value: bytes) -> None:
    for decode in (decode_event, decode_item):
        found = decode(raw(value), SETTINGS)
        assert isinstance(found, Reject)
        assert found.reason == "not_an_object"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("name", ["context", "other", "user_id"])
def test_a_hundred_thousand_brackets_are_one_reject(
    opening: bytes, closed: bool, name: str
) -> None:
    end = {b"[": b"]", b'{"a":': b"}"}[opening] if closed else b""
    deep = opening * 100_000 + (b"1" if closed else b"") + end * 100_000
    for value in (deep, with_field(name, deep)):
        found = decode_event(raw(value), SETTINGS)
        assert isinstance(found, Reject)
        assert found.reason == "bad_json"


@pytest.mark.parametrize("shape", ["[%s]", '{"a":%s}', '["]{[\\"", %s]', '{"}": 1, "b": %s}'])
def test_what_may_nest_in_fields_that_are_ignored_does_not_depend_on_the_stack(shape: str) -> None:
    def nested(depth: int) -> bytes:
        text = "1"
        for _ in range(depth):
            text = shape.replace("%s", text)
        return with_field("other", text.encode())

    def deeper(calls: int) -> list[EventRecord | Reject]:
        if calls:
            return deeper(calls - 1)
        return [decode_event(raw(nested(depth)), SETTINGS) for depth in (199, 200)]

    for calls in (0, 500):
        fits, does_not = deeper(calls)
        assert fits == event()
        assert isinstance(does_not, Reject)
        assert does_not.reason == "bad_json"


def test_many_brackets_side_by_side_are_no_nesting() -> None:
    assert event(other=[[{}]] * 5_000, more='["' * 5_000) == event()


def test_context_has_a_depth_and_it_is_a_setting() -> None:
    def nested(depth: int) -> object:
        return {"a": nested(depth - 1) if depth > 1 else 1}

    assert event(context=nested(32)).context == nested(32)
    assert reason(context=nested(33)) == "too_deep"
    assert reason(EventSettings(max_depth=1), context=nested(2)) == "too_deep"
    assert event(context={"wide": [{}] * 100, "more": [[1]] * 50}).context


def test_a_huge_record_is_refused_before_it_is_read() -> None:
    assert reason(other="x" * 1_100_000) == "too_large"
    assert event(other="x" * 1_000_000) == event()


def test_a_null_value_is_no_event() -> None:
    found = decode_event(raw(None, b"u1"), SETTINGS)
    assert isinstance(found, Reject)
    assert found.reason == "null_value"


def test_must_fail_files_are_rejects_alone_and_inside_a_good_event(
    json_suite: dict[str, bytes],
) -> None:
    bad = {name: value for name, value in json_suite.items() if name.startswith("n_")}
    assert len(bad) == 188
    for name, value in bad.items():
        for record in (value, with_field("context", value), with_field("other", value)):
            for decode in (decode_event, decode_item):
                found = decode(raw(record), SETTINGS)
                assert isinstance(found, Reject), name
                assert found.reason in {"bad_json", "not_utf8"}, (name, found)


def test_must_pass_files_are_refused_for_their_shape_and_harmless_in_a_field(
    json_suite: dict[str, bytes],
) -> None:
    good = {name: value for name, value in json_suite.items() if name.startswith("y_")}
    assert len(good) == 95
    for name, value in good.items():
        found = decode_event(raw(value), SETTINGS)
        assert isinstance(found, Reject), name
        assert found.reason in {"not_an_object", "missing_field"}, (name, found)
        assert decode_event(raw(with_field("other", value)), SETTINGS) == event(), name


def test_free_files_never_raise(json_suite: dict[str, bytes]) -> None:
    free = [value for name, value in json_suite.items() if name.startswith("i_")]
    assert len(free) == 35
    for value in free:
        for record in (value, with_field("context", value), with_field("other", value)):
            assert isinstance(decode_event(raw(record), SETTINGS), EventRecord | Reject)


@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    assert isinstance(decode_event(raw(value), SETTINGS), Reject)
    assert isinstance(decode_item(raw(value), SETTINGS), Reject)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys((*EventRecord.__struct_fields__, "o"), ANY_JSON)
    )
)
def test_no_object_raises_and_every_reason_is_a_fixed_word(fields: dict[str, object]) -> None:
    for record in (fields, {**GOOD, **fields}):
        found = decode_event(raw(json.dumps(record).encode()), SETTINGS)
        if isinstance(found, Reject):
            assert Reason(found.reason)
            found.detail.encode()
            assert len(found.detail) < 400
        else:
            msgspec.json.encode(found)
            assert pickle.loads(pickle.dumps(found)) == found


WORDS = st.sampled_from(["u1", "", " ", " u", "u |v", "a b", "\x7f", "\u200b", "é", "x" * 300])
NUMBERS = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.just(1_700_000_000)
ORDINARY = {
    **dict.fromkeys(("event_id", "user_id", "type"), WORDS | st.just("rate") | st.just("retract")),
    **dict.fromkeys(("item_id", "session_id", "intent"), WORDS | st.none()),
    "ts": NUMBERS | st.just("2026-01-31"),
    "value": NUMBERS | st.none() | st.just("4"),
    "text": WORDS | st.none(),
    "context": st.none() | st.just({"event_id": "e0"}),
}


@given(
    st.fixed_dictionaries({}, optional=ORDINARY), st.sampled_from(["s", "ms", "ns"]), st.booleans()
)
def test_what_is_decoded_in_one_go_is_decoded_as_field_by_field(fields, unit, is_ascii) -> None:
    settings = EventSettings(time_unit=unit, retracts={"rate": "a b"})
    record = raw(json.dumps({**GOOD, **fields}, ensure_ascii=is_ascii).encode())
    found = decode_event(record, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "_plain", lambda *_: None)
        assert decode_event(record, settings) == found


def test_an_ordinary_event_is_decoded_in_one_go() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(events, "_event")
        found = [event(), event(text=" Café ", value=4, session_id="", intent="buy a lamp")]
    assert found[1].text == "Café"
    assert (found[1].value, found[1].session_id, found[1].intent) == (4.0, None, "buy a lamp")
    assert found[0] == event()


@given(st.lists(st.integers(0, 400), max_size=3), st.binary(max_size=4))
def test_damage_to_a_good_event_never_raises(places: list[int], patch: bytes) -> None:
    value = bytearray(json.dumps({**GOOD, "text": "caf\u00e9 \ud800", "value": 1.5}).encode())
    for place in places:
        at = place % len(value)
        value[at : at + len(patch)] = patch
    assert isinstance(decode_event(raw(bytes(value)), SETTINGS), EventRecord | Reject)


# Items.


def test_every_field_of_an_item_is_read() -> None:
    found = item(
        item_id=7,
        text="A boy. ",
        categories=["Comedy", 1996, "Comedy", " "],
        attributes={"year": 1996},
        available=False,
        other=1,
    )
    assert found == ItemRecord(
        item_id="7",
        title="Kolya (1996)",
        text="A boy.",
        categories=("Comedy", "1996"),
        attributes={"year": 1996},
        available=False,
        repaired=True,
    )


def test_optional_fields_of_an_item_are_defaulted() -> None:
    nulls = {"text": None, "categories": None, "attributes": None, "available": None}
    assert item() == item(**nulls) == ItemRecord(item_id="i1", title="Kolya (1996)")
    assert item(categories="Comedy").categories == ("Comedy",)
    assert item(title="").title == ""
    assert item(title=1984).title == "1984"


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"item_id": None}, "missing_field"),
        ({"item_id": ""}, "missing_field"),
        ({"item_id": 1.5}, "bad_id"),
        ({"title": None}, "missing_field"),
        ({"title": []}, "bad_field"),
        ({"categories": [None]}, "bad_field"),
        ({"categories": {"a": 1}}, "bad_field"),
        ({"categories": [str(n) for n in range(101)]}, "bad_field"),
        ({"attributes": []}, "bad_field"),
        ({"available": 1}, "bad_field"),
    ],
)
def test_bad_items_are_refused(fields: dict[str, object], wanted: str) -> None:
    found = decode_item(raw(json.dumps({**ITEM, **fields}).encode()), SETTINGS)
    assert isinstance(found, Reject)
    assert found.reason == wanted


def test_titles_and_texts_of_items_are_cut_and_marked() -> None:
    assert item(title="x" * 100_000).title == "x" * 300
    assert item(title="x" * 100_000).cut
    assert item(text="x" * 100_000).cut
    assert not item(text="x" * 4_000).cut


@pytest.mark.parametrize(("key", "wanted"), [(b"i1", "i1"), (b"42", "42"), (b"007", "007")])
def test_a_null_value_removes_the_item_that_the_key_names(key: bytes, wanted: str) -> None:
    assert decode_item(raw(None, key), SETTINGS) == RemovedItem(wanted)


@pytest.mark.parametrize("key", [None, b"", b" ", b"\xff", b"a\x00", b"x" * 300])
def test_a_removal_needs_a_good_key(key: bytes | None) -> None:
    found = decode_item(raw(None, key), SETTINGS)
    assert isinstance(found, Reject)
    assert found.reason == "bad_key"


def test_empty_bytes_and_the_word_null_remove_nothing() -> None:
    for value, wanted in ((b"", "bad_json"), (b"null", "not_an_object")):
        found = decode_item(raw(value, b"i1"), SETTINGS)
        assert isinstance(found, Reject)
        assert found.reason == wanted


# Settings.


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_time": float("nan")},
        {"min_time": 5e9},
        {"max_time": 1e18},
        {"max_text_chars": 0},
        {"max_id_chars": 0},
        {"max_record_bytes": -1},
        {"max_depth": 65},
        {"max_depth": 0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EventSettings(**wrong)  # type: ignore[arg-type]
