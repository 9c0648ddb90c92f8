"""Whatever passes decoding can be stored, read back, learnt, and written in every message."""

from __future__ import annotations

import json
import math
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.config.finetune import FinetuneSettings
from dataflows.engine.batch import EncodedItem
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.item_store import Catalogue, item_blob, moved_blob, read_item
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.finetune.rounds.folder import RoundFolders
from dataflows.finetune.window.collect import Arrived, Collector
from dataflows.finetune.window.window import write_log
from dataflows.generation.narrator import fact_texts, plain_headline, plain_reason
from dataflows.generation.prompts import item_line
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, decode_item
from dataflows.messages.narrative import NarrativeText, Sentence, SentList
from dataflows.messages.outgoing import Position, Versions
from dataflows.messages.outgoing_json import render_narrative
from dataflows.messages.raw import Raw, Reject
from dataflows.state.outbox import Outbox
from dataflows.state.records import MemoryStore
from dataflows.state.store import Store
from encoders.backends.hashing import HashingEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings

ENCODER = HashingEncoder(16)
WIDE = EventSettings(
    min_time=-62_135_596_800,
    max_time=253_402_300_799,
    max_depth=64,
    max_id_chars=10_000,
    max_text_chars=1_000_000,
    retracts={"unsave": "save"},
)
SMALL = LearnerSettings(dim=16, k=3, hidden=4, neighbours=4, recent=5, window=5, users_in_memory=2)
TUNING = FinetuneSettings(window_events=10, encoder_events=5, language_events=5, least_events=1)

NUMBERS = st.sampled_from(
    [
        *("0", "-0.0", "1", "-1", "0.1", "1e-400", "5e-324", "1e308", "-1.7976931348623157e308"),
        *("1e999", "-1e999", "1E+400", "1e18", "123456789012345678", "99999999999999999999"),
        *("9223372036854775807", "9223372036854775808", "18446744073709551615"),
        *("18446744073709551616", "-9223372036854775808", "-9223372036854775809"),
        *("9" * digits for digits in (309, 400, 4300, 4301, 5000)),
    ]
)
TEXTS = st.text(max_size=8).map(json.dumps) | st.sampled_from(
    [
        r'"\ud800"',
        r'"\udc00x"',
        r'"\ud83d\ude00"',
        r'"a\u0000b"',
        r'"\u0000"',
        '""',
        '" "',
        r'"\u202e\u200b"',
        '"\U0010ffff"',
        r'"\n\r\t"',
        '"' + "x" * 70_000 + '"',
        '"' + "e\u0301" * 300 + '"',
    ]
)
KEYS = TEXTS.filter(lambda text: len(text) < 1000) | st.just('"' + "k" * 20_000 + '"')
WORDS = st.sampled_from(["null", "true", "false", "[]", "{}"])


def listed(values: list[str]) -> str:
    return "[" + ",".join(values) + "]"


def table(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"


def nested(depth: int, inner: str) -> str:
    return '{"a":[' * (depth // 2) + inner + "]}" * (depth // 2)


VALUES = st.recursive(
    NUMBERS | TEXTS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4).map(listed)
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(table)  # keys stand twice, too
    ),
    max_leaves=8,
)
TABLES = st.lists(st.tuples(KEYS, VALUES), max_size=4).map(table) | st.builds(
    nested, st.sampled_from([2, 30, 32, 62, 64, 66, 190]), NUMBERS
)
IDS = st.sampled_from(
    [
        *("1", '"a"', '"b"', '"id"', '"007"', '"../x"', '"%s{}"', '"a:b"', "-0", "9" * 300),
        *("18446744073709551616", '"' + "i" * 256 + '"', '"' + "\U0001f600" * 10_000 + '"'),
    ]
)
TIMES = st.sampled_from(
    [
        *("1700000000", "1700000000.5", "-62135596800", "253402300799", '"0001-01-01"', "0"),
        *('"9999-12-31T23:59:59Z"', '"9999-12-31T23:59:59.999Z"', "1e18", "253402300798.9999"),
    ]
)
TYPES = st.sampled_from(['"view"', '"save"', '"unsave"', '"label"', '"retract"', '"intents"', "7"])


@st.composite
def event_records(draw: Any) -> bytes:
    fields = [
        ('"event_id"', draw(IDS | st.integers(0, 50).map(str))),
        ('"user_id"', draw(IDS)),
        ('"type"', draw(TYPES)),
        ('"ts"', draw(TIMES)),
    ]
    for name, values in (
        ("item_id", IDS),
        ("text", TEXTS | NUMBERS),
        ("value", NUMBERS),
        ("session_id", IDS),
        ("intent", IDS | TEXTS),
        ("context", TABLES | IDS.map(lambda one: f'{{"event_id":{one},"do":"retire"}}')),
        ("other", VALUES),
    ):
        if draw(st.booleans()):
            fields.append((f'"{name}"', draw(values)))
    return table(fields).encode("utf-8", "surrogatepass")


@st.composite
def item_records(draw: Any) -> bytes:
    fields = [('"item_id"', draw(IDS)), ('"title"', draw(TEXTS | NUMBERS))]
    for name, values in (
        ("text", TEXTS | NUMBERS),
        ("categories", st.lists(TEXTS | IDS, max_size=3).map(listed) | IDS),
        ("attributes", TABLES),
        ("available", st.sampled_from(["true", "false", "null"])),
    ):
        if draw(st.booleans()):
            fields.append((f'"{name}"', draw(values)))
    return table(fields).encode("utf-8", "surrogatepass")


def raw(value: bytes | None, topic: str = "events", place: int = 0, key: bytes = b"k") -> Raw:
    return Raw(topic, f"{topic}-0", place, place + 1, key, value)


def strict(blob: bytes) -> Any:
    """Read as a consumer does that knows neither NaN nor numbers beyond a double."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    def finite(text: str) -> float:
        assert math.isfinite(float(text)), text
        return float(text)

    return json.loads(blob.decode(), parse_constant=refuse, parse_float=finite)


@given(record=item_records())
@settings(max_examples=200, deadline=None)
def test_an_item_that_is_decoded_can_be_stored_moved_and_put_into_words(record: bytes) -> None:
    arrived = raw(record, "items")
    item = decode_item(arrived, WIDE)
    if isinstance(item, Reject):
        return
    assert isinstance(item, ItemRecord)
    text = item.title or None
    stored = read_item(item_blob(EncodedItem(arrived, item, text, None), ENCODER.version))
    assert stored.record == item
    vector = ENCODER.encode(["x"])[0]
    assert read_item(moved_blob(stored, vector, "v")).record == item
    strict(msgspec.json.encode(item))
    assert "\n" not in item_line(item.title, item.categories)
    told = NarrativeText(
        Sentence(plain_headline(""), "template"),
        (Sentence(plain_reason(item), "template"),),
        (item.title,),
    )
    assert "\n" not in " ".join(fact_texts(item))
    place = Position("events-0", 0)
    listed_one = SentList("u", (item.item_id,), "", 1, place, Versions("e", "m"))
    strict(render_narrative(listed_one, told, "lm", 1.7e9))


class Process:
    """One shard and the gatherer for fine-tuning, on stores of their own."""

    def __init__(self, store: Any, kept: MemoryStore) -> None:
        self.store, self.kept = store, kept
        self.engine = Engine(
            store,
            OnlineModel(SMALL, store.get),
            Cleaner(CleanSettings(weights={"save": 1000.0, "7": -1000.0})),
            InForce(ENCODER.version, "1"),
            ShardParts(clock=lambda: 1.7e9),
        )
        self.encode = EncodeStep(ENCODER, WIDE, Catalogue(store, ENCODER.version))
        self.collector = Collector(kept, TUNING, CleanSettings())

    def take(self, raws: list[Raw]) -> None:
        for _, batch in self.encode(raws):
            for out in self.engine.process(batch):
                assert out.value is not None
                strict(out.value)
        arrived = [
            Arrived(one, (decode_item if one.topic == "items" else decode_event)(one, WIDE))
            for one in raws
        ]
        self.collector.take(arrived)
        self.engine.commit()
        self.collector.commit()
        # What waits in the outbox is read back as it is.
        again = Outbox()
        again.restore(self.store.scan)
        assert again.undelivered() == self.engine.outbox.undelivered()


@given(
    records=st.lists(
        st.tuples(st.just("events"), event_records())
        | st.tuples(st.just("items"), item_records() | st.none()),
        min_size=1,
        max_size=12,
    ),
    cut=st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_what_is_decoded_is_learnt_told_stored_and_read_again(records, cut, tmp_path_factory):
    places, folder = count(), tmp_path_factory.mktemp("state")
    raws = [raw(value, topic, next(places), b"a") for topic, value in records]
    kept = MemoryStore()
    store = Store.open(folder, 1, 0, {})
    process = Process(store, kept)
    process.take(raws[:cut])
    before = process.engine.ledger.as_dict()
    process.engine.close()
    store = Store.open(folder, 1, 0, {})
    process = Process(store, kept)
    assert process.engine.ledger.as_dict() == before
    process.take(raws[cut:])
    figures = process.engine.ledger.as_dict()
    assert figures["in"] == sum(topic == "events" for topic, _ in records) + sum(
        topic == "items" and isinstance(decode_item(one, WIDE), Reject)
        for one, (topic, _) in zip(raws, records, strict=True)
    )
    process.engine.close()
    windows(process.collector, kept, folder)


def windows(collector: Collector, kept: MemoryStore, folder: Any) -> None:
    """Close the window of what was gathered, and write it as the log that a round replays."""
    if not collector.close_all():
        return
    collector.commit()
    begun = RoundFolders(folder / "rounds", 36_500).next(kept, ("encoder",))
    if begun is None:
        return
    window = begun.window()
    events, items = write_log(folder / "log", window.events, window.items)
    with events.open("rb") as lines:
        again = [decode_event(raw(line), WIDE) for line in lines]
    assert [one.event_id for one in again if isinstance(one, EventRecord)] == [
        one.event_id for one in window.events
    ]
    with items.open("rb") as lines:
        assert all(isinstance(decode_item(raw(line), WIDE), ItemRecord) for line in lines)


@pytest.mark.parametrize("literal", ["99999999999999999999", "1e999", "9" * 5000])
def test_an_article_number_of_many_digits_costs_nobody_their_item(literal, tmp_path):
    given = f'{{"item_id":"b","title":"two","attributes":{{"isbn":{literal}}}}}'.encode()
    store = Store.open(tmp_path, 1, 0, {})
    process = Process(store, MemoryStore())
    process.take([raw(given, "items")])
    assert process.engine.counts["items_repaired"] == 1
    process.engine.close()
    store = Store.open(tmp_path, 1, 0, {})
    blob = store.get("item", "b")
    assert blob is not None
    assert read_item(blob).record.attributes == {"isbn": literal}
    store.close()
