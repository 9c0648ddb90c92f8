"""A shard with a language model beside it: what is asked, and what becomes of the answers."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from dataflows.config.clean import CleanSettings
from dataflows.config.generate import GenerateSettings
from dataflows.engine.batch import Batch, EncodedEvent, EncodedItem, Removal
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.generation.item_generator import NamedItems
from dataflows.generation.queue import InLine
from dataflows.generation.responder import NAMES, NARRATIVES
from dataflows.generation.shard_client import LlmClient
from dataflows.generation.worker import Worker
from dataflows.messages.events import EventRecord
from dataflows.messages.items import ItemRecord, RemovedItem
from dataflows.messages.narrative import GeneratedNarrative, NarrativeText, Sentence
from dataflows.messages.raw import Raw
from dataflows.state.records import MemoryStore
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings

PATIENCE = 120.0
SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "reference" / "schemas" / "narrative.json"


class Scribe:
    """Names the last items of the catalogue, and says of each list how long it is."""

    def __init__(self):
        self.items, self.asked = {}, []
        self.gate = threading.Event()
        self.gate.set()

    def put_item(self, record):
        self.items[record.item_id] = record.title

    def remove_item(self, item_id):
        self.items.pop(item_id, None)

    def answer(self, kind, what, is_live):
        assert self.gate.wait(PATIENCE)
        self.asked += [(kind, one) for one in what]
        return [self.name(one) if kind == NAMES else self.tell(one) for one in what]

    def name(self, wish):
        free = [item_id for item_id in self.items if item_id not in wish.taken.had]
        asked = (wish.taken.length, wish.taken.ts)
        return NamedItems(
            wish.user_id, free[::-1][:3], [1.0, 0.5, -2.0][: len(free)], asked, "lm-1"
        )

    def tell(self, listed):
        reasons = tuple(Sentence(f"Reason {i}", "model") for i in listed.item_ids)
        titles = tuple(f"Title {i}" for i in listed.item_ids)
        return GeneratedNarrative(
            listed, NarrativeText(Sentence("All of it", "template"), reasons, titles), "lm-1"
        )


def record_of(place, user, item):
    raw = Raw("events", "events-0", place, place + 1, None, b"{}")
    event = EventRecord(f"e{place}", f"u{user}", "view", 1.7e9 + place, f"i{item}")
    return EncodedEvent(raw, event, None)


def item_of(number):
    raw = Raw("items", "items-0", number, number + 1, None, b"{}")
    return EncodedItem(raw, ItemRecord(f"i{number}", f"Title i{number}", None, ("c",)), None, None)


class Shard:
    """An engine over a queue; `store` makes it one that goes on."""

    def __init__(self, queue, store=None, items=20, **settings):
        generate = GenerateSettings(**{"candidates": True, "every": 3, **settings})
        learner = LearnerSettings(
            generated=generate.items if generate.candidates else 0, k=5, hidden=4, fresh=1
        )
        self.store = store or MemoryStore()
        self.now = 1.7e9
        self.engine = Engine(
            self.store,
            OnlineModel(learner, self.store.get),
            Cleaner(CleanSettings()),
            InForce("none", "1"),
            ShardParts(hooks=(LlmClient(queue, generate),), clock=lambda: self.now),
        )
        self.place = self.engine.positions.get("events-0", 0)
        if store is None:
            self.engine.process(Batch(0, [item_of(n) for n in range(items)], {}))

    def feed(self, *pairs):
        records = []
        for user, item in pairs:
            records.append(record_of(self.place, user, item))
            self.place += 1
        return self.engine.process(Batch(0, records, {"events-0": self.place}))

    def remove(self, number):
        raw = Raw("items", "items-0", 100 + number, 101 + number, None, None)
        self.engine.process(Batch(0, [Removal(raw, RemovedItem(f"i{number}"))], {}))

    @property
    def counts(self):
        return self.engine.counts


def offered(shard, user="u0"):
    model = shard.engine.model
    return model.generated.of(user, 100, None, model.position).ids.tolist()


def test_a_user_is_asked_about_at_every_so_many_of_their_events():
    responder = Scribe()
    shard = Shard(InLine(responder))
    for event in range(10):
        shard.feed((0, event), (1, event + 1))
        expected = 2 * ((event + 1) // 3)
        assert shard.counts["generate_asked"] == expected
    wishes = [wish for _, wish in responder.asked]
    assert Counter(wish.user_id for wish in wishes) == {"u0": 3, "u1": 3}
    assert [title for title, _ in wishes[0].taken.items] == ["Title i0", "Title i1", "Title i2"]
    assert sorted(wishes[0].taken.had) == ["i0", "i1", "i2"]
    assert len(offered(shard)) == 3
    assert shard.counts["generate_items"] == 18


def test_the_end_of_a_batch_makes_no_difference_in_line():
    pairs = [(n % 3, n * 7 % 20) for n in range(24)]
    lists = []
    for size in (1, 5, 24):
        shard = Shard(InLine(Scribe()), on_intent=False)
        for start in range(0, 24, size):
            shard.feed(*pairs[start : start + size])
        model = shard.engine.model
        lists.append([model.recommend(f"u{user}").entries for user in range(3)])
    assert lists[0] == lists[1] == lists[2]


def test_answers_of_the_background_are_taken_up_at_the_start_of_a_batch():
    responder = Scribe()
    worker = Worker(lambda: responder, 4, 10)
    worker.start()
    try:
        responder.gate.clear()
        shard = Shard(worker)
        shard.feed((0, 1), (0, 2), (0, 3))
        shard.feed((1, 1))
        assert offered(shard) == []
        responder.gate.set()
        assert worker.drain(PATIENCE)
        assert offered(shard) == []
        shard.engine.process(Batch(0))
        assert len(offered(shard)) == 3
        assert shard.counts["generate_users"] == 1
    finally:
        worker.close()


def test_what_left_the_catalogue_meanwhile_is_dropped():
    responder = Scribe()
    worker = Worker(lambda: responder, 4, 10)
    worker.start()
    try:
        shard = Shard(worker)
        shard.feed((0, 1), (0, 2), (0, 3))
        assert worker.drain(PATIENCE)
        shard.engine.model.remove_item("i19")
        shard.engine.process(Batch(0))
        items = shard.engine.model.signals.items
        assert [items.ids[number] for number in offered(shard)] == ["i18", "i17"]
        assert shard.counts["generate_gone"] == 1
        shard.remove(18)
        shard.feed((0, 4))
        ids = [entry.item_id for entry in shard.engine.model.recommend("u0", 20).entries]
        assert not {"i18", "i19"} & set(ids)
        shard.feed((0, 5), (0, 6))
        assert worker.drain(PATIENCE)
        assert "i18" not in responder.items
    finally:
        worker.close()


def test_a_restart_keeps_what_was_named_and_tells_the_desk_of_the_catalogue():
    shard = Shard(InLine(Scribe()))
    shard.feed(*((n % 2, n) for n in range(8)))
    named = offered(shard)
    before = shard.engine.model.recommend("u0").entries
    shard.engine.close()
    responder = Scribe()
    again = Shard(InLine(responder), shard.store)
    assert len(responder.items) == 20
    assert offered(again) == named != []
    assert again.engine.model.recommend("u0").entries == before


def test_who_turns_to_something_else_is_asked_about_between_times(monkeypatch):
    shard = Shard(InLine(Scribe()), every=1000)
    needs = iter(["tea", "tea", "books", "books", "tea"])
    recommend = shard.engine.model.recommend

    def with_need(user_id):
        import msgspec

        return msgspec.structs.replace(recommend(user_id), belief={next(needs): 0.9})

    monkeypatch.setattr(shard.engine, "_list", with_need)
    asked = []
    for event in range(5):
        shard.feed((0, event))
        asked.append(shard.counts["generate_asked"])
    assert asked == [0, 0, 1, 1, 2]


def test_lists_that_were_sent_are_told_in_words_and_no_others():
    shard = Shard(InLine(Scribe()), candidates=False, narratives=True, narrative_seconds=0.0)
    first = shard.feed((0, 1))
    assert [out.topic for out in first] == ["recommendations", "intents"]
    second = shard.engine.process(Batch(0))
    (told,) = second
    assert (told.topic, told.key) == (NARRATIVES, b"u0")
    message = json.loads(told.value)
    jsonschema.validate(message, json.loads(SCHEMA.read_text()))
    sent = json.loads(first[0].value)
    assert [item["item_id"] for item in message["items"]] == [p["item_id"] for p in sent["items"]]
    for name in ("user_id", "sequence", "position", "versions"):
        assert message[name] == sent[name]
    assert (message["headline"], message["headline_by"]) == ("All of it", "template")
    assert message["language_model"] == "lm-1"
    assert told in shard.engine.outbox.undelivered()
    assert shard.counts["narratives_sent"] == 1
    assert shard.counts["narrative_lines_by_model"] == len(sent["items"])
    assert shard.engine.process(Batch(0)) == []


def test_narratives_are_few():
    shard = Shard(
        InLine(Scribe()),
        candidates=False,
        narratives=True,
        narrative_seconds=60.0,
        narratives_per_minute=2,
    )
    outs = [out for event in range(6) for out in shard.feed((0, event), (1, event), (2, event))]
    outs += shard.engine.process(Batch(0))
    told = [out for out in outs if out.topic == NARRATIVES]
    assert len(told) == 2
    assert len({out.key for out in told}) == 2
    assert shard.counts["narratives_skipped"] > 0
    shard.now += 61
    shard.feed((0, 7))
    assert len([out for out in shard.engine.process(Batch(0)) if out.topic == NARRATIVES]) == 1


@pytest.mark.parametrize("field", ["candidates", "narratives"])
def test_what_is_off_is_not_asked_for(field):
    responder = Scribe()
    shard = Shard(InLine(responder), **{"candidates": True, "narratives": True, field: False})
    for event in range(7):
        shard.feed((0, event))
    kinds = {kind for kind, _ in responder.asked}
    assert kinds == {NAMES, NARRATIVES} - {NAMES if field == "candidates" else NARRATIVES}


def test_the_end_of_the_input_brings_what_is_still_to_come():
    shard = Shard(InLine(Scribe()), candidates=False, narratives=True)
    shard.feed((0, 1))
    assert [out.topic for out in shard.engine.finish()] == [NARRATIVES]
    assert shard.engine.finish() == []


def test_a_narrative_that_cannot_be_written_is_counted_and_stops_nothing(caplog):
    responder = Scribe()
    tell = responder.tell
    responder.tell = lambda listed: tell(listed)._replace(version="\ud800")
    shard = Shard(InLine(responder), candidates=False, narratives=True, narrative_seconds=0.0)
    shard.feed((0, 1))
    assert shard.engine.finish() == []
    assert shard.counts["narratives_unwritable"] == 1
    assert "was not sent" in caplog.text
