"""What became of lists: events that name a list, joined to it by a real engine and counted."""

import json
from collections import OrderedDict

import pytest

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.item_store import Catalogue
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.messages.events import EventRecord
from dataflows.messages.outgoing import Versions
from dataflows.messages.raw import Raw
from dataflows.state.feedback import (
    BOUNDS,
    LISTS_EACH,
    MOST_PLACES,
    MOST_VERSIONS,
    Feedback,
    FeedbackCounts,
    ListPart,
    named_list,
)
from dataflows.state.outbox import RECOMMENDATIONS
from dataflows.state.records import MemoryStore
from encoders.backends.hashing import HashingEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings

ENCODER = HashingEncoder(16)
ITEMS = [f"i{number}" for number in range(12)]


class Shop:
    """An engine with a real model over a store; what is sent is kept, by user."""

    def __init__(self, store=None, handed_out=None):
        self.store = store or MemoryStore()
        settings = LearnerSettings(dim=ENCODER.dim, k=5)
        self.engine = Engine(
            self.store,
            OnlineModel(settings, self.store.get),
            Cleaner(CleanSettings()),
            InForce(ENCODER.version, "model"),
            ShardParts(clock=lambda: 1.7e9, handed_out=handed_out),
        )
        self.encode = EncodeStep(ENCODER, EventSettings(), Catalogue(self.store, ENCODER.version))
        self.place = self.engine.positions.get("events-0", 0)
        self.sent = {}

    def put_items(self):
        for number, name in enumerate(ITEMS):
            value = json.dumps({"item_id": name, "title": f"thing {name}"}).encode()
            self._process(Raw("items", "items-0", number, number + 1, None, value))

    def event(self, user, item, kind="view", ts=None, event_id=None, **context):
        fields = {"event_id": event_id or f"e{self.place}", "user_id": user, "type": kind}
        fields["ts"] = 1.7e9 + self.place if ts is None else ts
        if item is not None:
            fields["item_id"] = item
        if context:
            fields["context"] = context
        value = json.dumps(fields).encode()
        place, self.place = self.place, self.place + 1
        self._process(Raw("events", "events-0", place, place + 1, None, value))

    def _process(self, raw):
        for _, batch in self.encode([raw]):
            for out in self.engine.process(batch):
                if out.topic == RECOMMENDATIONS:
                    message = json.loads(out.value)
                    self.sent[message["user_id"]] = message
                self.engine.outbox.acknowledge(out.number)

    def list_of(self, user):
        message = self.sent[user]
        return str(message["sequence"]), [place["item_id"] for place in message["items"]]

    @property
    def counts(self) -> FeedbackCounts:
        return self.engine._events.feedback.counts


@pytest.fixture
def shop():
    shop = Shop()
    shop.put_items()
    for number in range(20):
        shop.event(f"u{number % 4}", ITEMS[number % 5])
    return shop


def places(counts):
    return [(place.exposed, place.taken) for place in counts.places]


def test_a_list_that_was_seen_and_taken_from_is_joined_by_place_version_and_delay(shop):
    name, items = shop.list_of("u0")
    shop.event("u0", None, "exposed", ts=1.8e9, list_id=name)
    shop.event("u0", items[2], "view", ts=1.8e9 + 20, list_id=name)
    assert places(shop.counts) == [(1, 0), (1, 0), (1, 1), (1, 0), (1, 0)]
    assert shop.counts.lists == 1
    assert shop.counts.delays == [0, 0, 0, 1, *[0] * (len(BOUNDS) - 3)]
    ((version, shown),) = shop.counts.versions.items()
    versions = shop.sent["u0"]["versions"]
    assert version == f"{versions['model']} {versions['encoder']}"
    assert (shown.exposed, shown.taken) == (5, 1)


def test_what_is_taken_later_from_a_list_that_was_seen_still_counts_for_it(shop):
    name, items = shop.list_of("u0")
    shop.event("u0", None, "exposed", list_id=name)
    shop.event("u0", items[0], list_id=name)
    assert shop.list_of("u0")[0] != name
    shop.event("u0", items[3], list_id=int(name))
    assert [taken for _, taken in places(shop.counts)] == [1, 0, 0, 1, 0]
    assert shop.counts.unknown == 0


def test_each_place_counts_once(shop):
    name, items = shop.list_of("u0")
    for _ in range(2):
        shop.event("u0", items[1], "exposed", list_id=name)
        shop.event("u0", items[1], list_id=name)
    assert places(shop.counts) == [(0, 0), (1, 1)]
    assert shop.counts.lists == 1


def test_lists_and_items_that_do_not_belong_together_are_counted_apart(shop):
    name, _ = shop.list_of("u0")
    shop.event("u0", None, "exposed", list_id="7777")
    shop.event("u1", None, "exposed", list_id="9.unheard")
    shop.event("u0", "nothing-of-it", list_id=name)
    shop.event("u2", "nothing-of-it", "exposed", list_id=shop.list_of("u2")[0])
    counts = shop.counts
    assert (counts.unknown, counts.foreign, counts.lists) == (2, 2, 0)
    assert places(counts) == []


def test_what_is_taken_from_a_list_that_nobody_saw_has_no_delay(shop):
    name, items = shop.list_of("u3")
    shop.event("u3", items[0], list_id=name)
    assert shop.counts.unseen == 1
    assert sum(shop.counts.delays) == 0
    assert places(shop.counts) == [(0, 1)]


def test_what_speaks_against_an_item_or_is_taken_back_takes_nothing_from_a_list(shop):
    name, items = shop.list_of("u3")
    shop.event("u3", items[0], "negative", list_id=name)
    shop.event("u3", items[0], "retract", list_id=name, type="view")
    assert places(shop.counts) == []


def test_nothing_is_learnt_from_who_saw_what():
    def run(*, seen):
        shop = Shop()
        shop.put_items()
        for number in range(30):
            user, ts = f"u{number % 3}", 1.7e9 + number
            shop.event(user, ITEMS[number % 7], ts=ts, event_id=f"view-{number}")
            if seen:
                name, _ = shop.list_of(user)
                shop.event(user, None, "exposed", ts=ts, event_id=f"x-{number}", list_id=name)
        shop.engine.commit()
        learner = {k: v for k, v in shop.store.records.items() if k.startswith("learner:")}
        return learner, {user: shop.list_of(user)[1] for user in shop.sent}

    assert run(seen=True) == run(seen=False)


def test_the_ledger_says_that_it_is_observed(shop):
    shop.event("u0", None, "exposed", list_id=shop.list_of("u0")[0])
    assert shop.engine.ledger.as_dict()["reasons"]["observed"] == {"weight_zero": 1}
    shop.engine.ledger.balance()


def test_counts_outlast_a_restart_and_lists_of_before_are_unknown_then(shop):
    name, items = shop.list_of("u0")
    shop.event("u0", None, "exposed", list_id=name)
    shop.event("u1", None, "exposed", list_id=shop.list_of("u1")[0])
    shop.engine.commit()
    before = shop.counts
    again = Shop(shop.store)
    assert again.counts == before
    again.event("u0", items[4], list_id=name)
    assert again.counts.unknown == 1
    name, items = again.list_of("u0")
    again.event("u0", items[0], list_id=name)
    assert places(again.counts)[0] == (2, 1)


def test_a_list_that_is_made_anew_for_a_change_of_the_catalogue_is_known_by_its_own_sequence(shop):
    name, items = shop.list_of("u0")
    shop._process(Raw("items", "items-0", 99, 100, items[0].encode(), None))
    shop.event("u3", ITEMS[0])
    fresh, listed = shop.list_of("u0")
    assert fresh != name
    assert items[0] not in listed
    shop.event("u0", None, "exposed", list_id=fresh)
    assert (shop.counts.lists, shop.counts.unknown) == (1, 0)


def test_lists_that_were_asked_for_are_known_by_whoever_handed_them_out():
    asked = {("ada", "3.abc"): ListPart(("i9", "i8"))}
    shop = Shop(handed_out=lambda user, name: asked.get((user, name)))
    shop.put_items()
    shop.event("ada", None, "exposed", list_id="3.abc")
    shop.event("bo", None, "exposed", list_id="3.abc")
    assert places(shop.counts) == [(1, 0), (1, 0)]
    assert shop.counts.unknown == 1


def test_of_a_later_page_its_own_places_are_seen_and_those_before_it_no_second_time():
    pages = {"1.a": ListPart(("i9", "i8")), "1.b": ListPart(("i9", "i8", "i7", "i6"), 2)}
    shop = Shop(handed_out=lambda _, name: pages[name])
    shop.put_items()
    for name in ("1.a", "1.b"):
        shop.event("ada", None, "exposed", list_id=name)
    shop.event("ada", "i6", list_id="1.b")
    shop.event("ada", "i9", list_id="1.b")
    assert places(shop.counts) == [(1, 0), (1, 0), (1, 0), (1, 1)]
    assert (shop.counts.lists, shop.counts.foreign) == (2, 1)


def seen(user):
    return EventRecord("e", user, "exposed", 1.0)


def test_memory_and_counts_are_bounded(monkeypatch):
    monkeypatch.setattr("dataflows.state.feedback.MOST_USERS", 3)
    feedback = Feedback(lambda *_: ListPart(tuple(map(str, range(60)))))
    for number in range(MOST_VERSIONS + 5):
        feedback.versions = lambda number=number: Versions("e", f"m{number}")
        for user in ("ada", f"u{number}"):
            feedback.take(seen(user), 1.0, f"{number}", None, is_wanted=False)
    assert isinstance(feedback._seen, OrderedDict)
    assert len(feedback._seen) == 3
    assert max(map(len, feedback._seen.values())) == LISTS_EACH
    assert len(feedback.counts.places) == MOST_PLACES
    exposed = 2 * 60 * (MOST_VERSIONS + 5)
    assert sum(place.exposed for place in feedback.counts.places) == exposed
    assert len(feedback.counts.versions) <= MOST_VERSIONS
    assert sum(shown.exposed for shown in feedback.counts.versions.values()) == exposed


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ({}, None),
        ({"list_id": 7}, "7"),
        ({"list_id": " 7.ab "}, "7.ab"),
        ({"list_id": ""}, None),
        ({"list_id": True}, None),
        ({"list_id": ["7"]}, None),
    ],
)
def test_a_list_is_named_by_a_text_or_a_whole_number(context, name):
    assert named_list(context) == name
