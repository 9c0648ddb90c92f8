"""The engine with a small real model: what it learns, sends and stores."""

import json
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.item_store import Catalogue
from dataflows.engine.list_refresher import ListSettings
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.messages.raw import Raw
from dataflows.state.outbox import DEAD_LETTERS, INTENTS, RECOMMENDATIONS, Out
from dataflows.state.positions import Progress
from dataflows.state.records import MemoryStore
from encoders.backends.hashing import HashingEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.testing import CountingEncoder
from learners.types import Entry, RecommendationList

ENCODER = HashingEncoder(16)
USERS, ITEMS = 4, 6


class Popular:
    """Most interactions first, without what the user has; users load when needed."""

    began_with = None
    is_broken = False

    def __init__(self, load, k=3):
        self.load, self.k = load, k
        self.counts, self.titles, self.vector_sum = Counter(), {}, np.zeros(16)
        self.users, self.touched, self.is_dirty = {}, set(), False
        self.asked = []

    def put_item(self, item):
        self.titles[item.item_id] = item.title
        self.counts[item.item_id] += 0
        self.is_dirty = True

    def remove_item(self, item_id):
        self.titles.pop(item_id, None)
        self.is_dirty = True
        del self.counts[item_id]

    def item_title(self, item_id):
        return self.titles.get(item_id, "")

    def is_known(self, item_id):
        return item_id in self.titles or item_id in self.counts

    def user(self, user_id):
        if user_id not in self.users:
            blob = self.load("learner:user", user_id)
            self.users[user_id] = msgspec.msgpack.decode(blob) if blob else [0, []]
        return self.users[user_id]

    def learn(self, interaction):
        if self.is_broken:
            raise ZeroDivisionError
        self.is_dirty = True
        self.counts[interaction.item_id] += interaction.weight * (1 + interaction.position % 3)
        if interaction.vector is not None:
            self.vector_sum += interaction.vector
        user = self.user(interaction.user_id)
        user[0] += 1
        user[1].append(interaction.item_id)
        self.touched.add(interaction.user_id)
        return ()

    def learn_label(self, late):
        return "unmatched"

    def recommend(self, user_id):
        self.asked.append(user_id)
        sequence, seen = self.user(user_id)
        ranked = sorted((-n, i) for i, n in self.counts.items() if i not in seen)[: self.k]
        intent = {"many" if sequence % 4 > 1 else "few": 0.75, "other": 0.25}
        entries = tuple(
            Entry(item, -score, (), title=self.titles.get(item, "")) for score, item in ranked
        )
        return RecommendationList(user_id, entries, intent, (), sequence, 0)

    def changed(self):
        for user_id in sorted(self.touched):
            yield "learner:user", user_id, msgspec.msgpack.encode(self.users[user_id])
        if self.is_dirty:
            counts = sorted(self.counts.items())
            state = msgspec.msgpack.encode((counts, self.vector_sum.tolist()))
            yield "learner:shared", "", state
        self.touched.clear()
        self.users.clear()
        self.is_dirty = False

    def restore(self, scan):
        for _, blob in scan("learner:shared"):
            counts, vector_sum = msgspec.msgpack.decode(blob)
            self.counts, self.vector_sum = Counter(dict(counts)), np.array(vector_sum)


def event(number, user, item, kind="view", **more):
    fields = {"event_id": f"e{number}", "user_id": f"u{user}", "item_id": f"i{item}", "type": kind}
    return json.dumps({"ts": 1.7e9 + number} | fields | more).encode()


def raw(place, value, topic="events", key=None):
    return Raw(topic, f"{topic}-0", place, place + 1, key, value)


def item(place, number, title):
    value = json.dumps({"item_id": f"i{number}", "title": title}).encode()
    return raw(place, value, "items")


class Run:
    """One process after another on the same store; what reaches the consumer is kept."""

    def __init__(self, store=None, weights=None, observer=None, lists=None, model=Popular):
        self.store, self.make = store or MemoryStore(), model
        self.clean = CleanSettings(weights=weights or {"glance": 0.0})
        self.observer, self.lists = observer, lists or ListSettings()
        self.progress = Progress({}, 1)
        self.received: list[Out] = []
        self.waiting: list[Out] = []
        self.start()

    def start(self):
        self.waiting = []
        self.model = self.make(self.store.get)
        self.engine = Engine(
            self.store,
            self.model,
            Cleaner(self.clean),
            InForce(ENCODER.version, "1"),
            ShardParts(
                report=self.progress.report,
                observers=() if self.observer is None else (self.observer,),
                lists=self.lists,
                clock=lambda: 1.7e9,
            ),
        )
        catalogue = Catalogue(self.store, ENCODER.version)
        self.encode = EncodeStep(ENCODER, EventSettings(), catalogue)

    def process(self, raws):
        for _, batch in self.encode(raws):
            self.waiting += self.engine.process(batch)

    def deliver(self, count=None):
        count = len(self.waiting) if count is None else count
        for out in self.waiting[:count]:
            self.received.append(out)
            self.engine.outbox.acknowledge(out.number)
        del self.waiting[:count]

    def end(self):
        self.deliver()
        self.engine.close()

    def last(self, topic):
        return {out.key: shown(out) for out in self.received if out.topic == topic}

    def state(self):
        kinds = sorted(self.store.records.items())
        return {kind: rows for kind, rows in kinds if not kind.startswith("outbox") and rows}


def shown(out):
    message = json.loads(out.value)
    if out.topic == RECOMMENDATIONS:
        return [place["item_id"] for place in message["items"]]
    return message["top"] if out.topic == INTENTS else (message["reason"], message["offset"])


EVENTS = st.tuples(
    st.integers(0, USERS - 1),
    st.integers(0, ITEMS - 1),
    st.sampled_from(
        ["view", "view", "view", "glance", "bad", "again", "title", "remove", "label", "later"]
    ),
)


def stream(drawn, group=1):
    """Turn drawn triples into records of both topics, with bad, repeated and changing ones.

    So many in a row are of one time.
    """
    raws = [item(n, n, f"thing {n}") for n in range(ITEMS)]
    places = {"events": 0, "items": ITEMS}
    for number, (user, thing, kind) in enumerate(drawn):
        topic = "items" if kind in ("title", "remove") else "events"
        place = places[topic]
        places[topic] += 1
        if kind == "title":
            raws.append(item(place, thing, f"title {number}"))
        elif kind == "remove":
            raws.append(raw(place, None, "items", b"i%d" % thing))
        elif kind == "bad":
            raws.append(raw(place, b"\xff" * (thing + 1)))
        else:
            named = number // 2 if kind == "again" else number
            told = "view" if kind == "again" else kind
            more = {"intent": f"need {thing % 2}", "session_id": "s"} if kind == "label" else {}
            if kind == "later":  # a label for an event of its user's, or of nobody
                before = number - 1 - thing
                owner = drawn[before][0] if before >= 0 else user
                more = {"item_id": None, "intent": f"need {user % 2}", "user_id": f"u{owner}"}
                more["context"] = {"event_id": f"e{before}"}
                told = "label"
            ts = 1.7e9 + number // group
            raws.append(raw(place, event(named, user, thing, told, ts=ts, **more)))
    return raws


def from_here(raws, positions):
    return [r for r in raws if r.offset >= positions.get(r.partition, 0)]


def real(load):
    """The model that runs, small: users are unloaded, and forgotten, all the time."""
    few = {"recent": 5, "window": 5, "users_in_memory": 2, "idle_users": 9, "taken_limit": 4}
    return OnlineModel(LearnerSettings(dim=16, k=3, **few), load)


@given(
    drawn=st.lists(EVENTS, max_size=40),
    data=st.data(),
    limit=st.sampled_from([2, 4, 99]),
    per_record=st.integers(0, 2),
)
@settings(max_examples=150, deadline=None)
def test_cuts_commits_crashes_and_redelivery_change_nothing(drawn, data, limit, per_record):
    compare(Popular, stream(drawn), data, ListSettings(limit, per_record, 2))


@given(drawn=st.lists(EVENTS, min_size=5, max_size=60), data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_same_holds_for_the_model_that_runs(drawn, data):
    compare(real, stream(drawn, group=3), data, ListSettings(99, 1))


def test_when_two_needs_are_equal_what_is_told_and_what_is_compared_is_the_same_one():
    """Else the next message, in which one of them has won, is taken for no news."""
    views, label, later = [(1, 0, "view")], [(2, 1, "label")], [(0, 3, "later")]
    drawn = [*views, *label, *views, *[(0, 0, "glance")] * 3, *later, (0, 0, "view")]
    raws, told = stream(drawn, group=3), []
    for cuts in ([14], [1, 6, 6, 1]):
        run, rest = Run(model=real), list(raws)
        for cut in cuts:
            run.process(rest[:cut])
            rest = rest[cut:]
        assert not rest
        run.end()
        told.append(run.last(INTENTS)[b"u0"])
    assert told == ["need 0", "need 0"]


def test_a_list_that_became_empty_is_told_though_the_last_one_is_forgotten():
    views = [(1, 0, "view"), (1, 3, "view"), (1, 4, "view"), (0, 0, "view")]
    drawn = [*views, (0, 1, "remove"), (0, 2, "remove"), (2, 0, "view"), (1, 5, "view")]
    run, rest = Run(lists=ListSettings(2, per_record=0)), stream(drawn)
    for cut in (8, 6):
        run.process(rest[:cut])
        rest = rest[cut:]
    run.end()
    lists = [shown(out) for out in run.received if (out.topic, out.key) == (RECOMMENDATIONS, b"u1")]
    assert lists == [["i1", "i2", "i4"], ["i1", "i2", "i5"], []]


def compare(model, raws, data, lists):
    """One process and one batch against many of both, with crashes and redelivery."""
    whole = Run(lists=lists, model=model)
    whole.process(raws)
    whole.end()

    broken = Run(lists=lists, model=model)
    rest = list(raws)
    while rest:
        cut = data.draw(st.integers(1, 6), "batch")
        batch, rest = rest[:cut], rest[cut:]
        broken.process(batch)
        then = data.draw(st.sampled_from(["", "", "deliver", "some", "commit", "crash", "stop"]))
        if then in ("deliver", "some"):
            broken.deliver(None if then == "deliver" else len(broken.waiting) // 2)
        elif then == "commit":
            broken.engine.commit()
        elif then in ("crash", "stop"):
            if then == "stop":
                broken.end()
            broken.start()
            back = data.draw(st.integers(0, 3), "redelivered")
            stored = {p: max(0, at - back) for p, at in broken.engine.positions.items()}
            rest = from_here(raws, stored)
    broken.process([])
    broken.end()

    assert broken.state() == whole.state()
    for topic in (RECOMMENDATIONS, INTENTS):
        empty = [] if topic == RECOMMENDATIONS else None
        for key in whole.last(topic).keys() | broken.last(topic).keys():
            expected = whole.last(topic).get(key, empty)
            assert broken.last(topic).get(key, empty) == expected
    assert broken.last(DEAD_LETTERS) == whole.last(DEAD_LETTERS)
    arrived = sum(r.topic == "events" for r in raws)
    assert broken.engine.ledger.balance() == arrived
    assert broken.progress.positions() == whole.progress.positions()


def test_one_list_for_each_user_touched_made_after_their_last_event():
    run = Run()
    run.process([item(n, n, "t") for n in range(ITEMS)])
    run.process([raw(0, event(0, 0, 0)), raw(1, event(1, 1, 1)), raw(2, event(2, 0, 2, "glance"))])
    assert run.model.asked == ["u1", "u0"]
    run.deliver()
    assert {out.key for out in run.received} == {b"u0", b"u1"}
    message = json.loads(next(out.value for out in run.received if out.key == b"u0"))
    assert message["position"] == {"partition": "events-0", "offset": 2}
    assert message["versions"] == {"encoder": ENCODER.version, "model": "1"}
    assert run.engine.ledger.as_dict()["observed"] == 1
    assert run.engine.learnt == 2


def test_an_unchanged_list_is_not_sent_again():
    run = Run()
    run.process([item(n, n, "t") for n in range(ITEMS)])
    run.process([raw(0, event(0, 0, 5)), raw(1, event(1, 0, 5))])
    run.deliver()
    before = len(run.received)
    run.process([raw(2, event(2, 0, 5, "glance"))])
    run.deliver()
    assert run.model.asked == ["u0", "u0"]
    assert len(run.received) == before
    run.end()
    run.start()
    run.process([raw(3, event(3, 0, 5, "glance"))])
    assert run.waiting == []


def test_a_removed_item_leaves_the_next_list_and_the_catalogue_after_a_restart():
    run = Run()
    run.process([item(n, n, "t") for n in range(ITEMS)])
    run.process([raw(0, event(0, 0, 5))])
    run.end()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i0", "i1", "i2"]
    run.start()
    run.process([raw(ITEMS, None, "items", b"i0"), raw(1, event(1, 0, 5))])
    run.end()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i1", "i2", "i3"]
    run.start()
    assert set(run.model.titles) == {f"i{n}" for n in range(1, ITEMS)}


def test_undelivered_messages_come_first_after_a_restart():
    run = Run()
    run.process([item(0, 0, "t"), raw(0, event(0, 0, 1)), raw(1, b"not json")])
    lost = list(run.waiting)
    assert [out.topic for out in lost] == [RECOMMENDATIONS, INTENTS, DEAD_LETTERS]
    run.engine.commit()
    run.start()
    run.process([])
    assert run.waiting == lost
    run.process([])
    assert run.waiting == lost
    run.end()
    run.start()
    run.process([])
    assert run.waiting == []


def test_a_batch_that_fails_half_way_is_never_stored():
    run = Run()
    run.process([item(0, 0, "t"), raw(0, event(0, 0, 1))])
    run.engine.commit()
    stored = {kind: dict(rows) for kind, rows in run.store.records.items()}
    run.model.is_broken = True
    with pytest.raises(ZeroDivisionError):
        run.process([raw(1, event(1, 0, 2))])
    run.model.is_broken = False
    run.engine.commit()
    run.engine.close()
    assert run.store.records == stored
    assert run.progress.positions() == {"events-0": 1, "items-0": 1}


class Watcher:
    def __init__(self):
        self.seen, self.batches = [], 0

    def before_learn(self, recommender, interaction, last_sent, *, is_refreshed):
        was_learnt = recommender.counts[interaction.item_id]
        self.seen.append((interaction.event_id, interaction.position, last_sent, was_learnt))

    def before_label(self, recommender, late):
        self.seen.append(late)

    def after_batch(self, recommender, outs):
        self.batches += 1
        sum(range(20_000))


def test_an_observer_sees_each_interaction_before_it_is_learnt_and_what_was_served():
    watcher = Watcher()
    run = Run(observer=watcher)
    run.process([item(n, n, "t") for n in range(ITEMS)])
    run.process([raw(0, event(0, 0, 5)), raw(1, event(1, 0, 5, "glance"))])
    run.process([raw(2, event(2, 0, 4))])
    assert watcher.seen == [("e0", 0, None, 0), ("e2", 1, ("i0", "i1", "i2"), 0)]
    assert watcher.batches == 3


def test_item_text_that_was_encoded_before_is_not_encoded_again(tmp_path: Path):
    store = MemoryStore()
    encoder = CountingEncoder(HashingEncoder(16))
    for titles in (["red", "blue"], ["red", "green"]):
        run = Run(store)
        step = EncodeStep(encoder, EventSettings(), Catalogue(store, encoder.version))
        start = run.engine.positions.get("items-0", 0)
        encoded = step.encode([item(start + n, n, title) for n, title in enumerate(titles)])
        assert all(np.array_equal(e.vector, ENCODER.encode([e.text])[0]) for e in encoded)
        run.process([item(start + n, n, title) for n, title in enumerate(titles)])
        run.end()
    assert encoder.texts == ["red", "blue", "green"]
    other = Catalogue(store, "another version")
    assert other.vector("i0", "red") is None
    assert other.titles["i1"] == "green"


def test_no_more_is_remembered_of_lists_sent_than_the_limit():
    run = Run(lists=ListSettings(8))
    run.process([item(0, 0, "t")])
    for number in range(100):
        run.process([raw(number, event(number, number, 1))])
        if number % 7 == 0:
            run.engine.commit()
    run.engine.commit()
    kept = [
        key for kind, rows in run.store.records.items() if kind[:7] == "served:" for key in rows
    ]
    assert 4 <= len([key for key in kept if key]) <= 8


def test_a_list_sent_by_a_run_that_broke_off_does_not_stay_the_last():
    run = Run()
    run.process([item(n, n, "t") for n in range(ITEMS)])
    run.process([raw(0, event(0, 0, 5))])
    run.deliver()
    run.engine.commit()
    rest = [
        raw(ITEMS, None, "items", b"i0"),
        raw(1, event(1, 0, 5, "glance")),
        item(ITEMS + 1, 0, "t"),
        raw(2, event(2, 0, 5, "glance")),
    ]
    run.process(rest[:2])
    run.deliver()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i1", "i2", "i3"]
    run.start()  # without a commit: what it sent is not known any more
    run.process(rest)
    run.deliver()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i0", "i1", "i2"]


def back_and_forth(run):
    """A list that changes and changes back: two events, each with a change of the catalogue."""
    run.process([item(n, n, "t") for n in range(ITEMS)])
    run.process([raw(0, event(0, 0, 5))])
    run.deliver()
    return [
        raw(ITEMS, None, "items", b"i0"),
        raw(1, event(1, 0, 5, "glance")),
        item(ITEMS + 1, 0, "t"),
        raw(2, event(2, 0, 5, "glance")),
    ]


def test_a_list_sent_before_the_first_commit_after_a_clean_end_does_not_stay_the_last():
    run = Run()
    rest = back_and_forth(run)
    run.end()
    run.start()
    run.process(rest[:2])
    run.deliver()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i1", "i2", "i3"]
    run.start()
    run.process(rest)
    run.deliver()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i0", "i1", "i2"]


def test_a_start_after_a_crash_that_takes_nothing_in_is_no_good_end():
    run = Run()
    rest = back_and_forth(run)
    run.engine.commit()
    run.process(rest[:2])
    run.deliver()
    run.start()
    run.process([])
    run.end()
    run.start()
    run.process(rest)
    run.deliver()
    assert run.last(RECOMMENDATIONS)[b"u0"] == ["i0", "i1", "i2"]


def test_a_commit_that_fails_half_way_is_not_made_up_for_by_a_part():
    run = Run(lists=ListSettings(2))
    run.process([item(n, n, "t") for n in range(ITEMS)])
    run.process([raw(n, event(n, n, n)) for n in range(3)])
    run.engine.commit()
    stored = {kind: dict(rows) for kind, rows in run.store.records.items()}
    run.process([raw(n, event(n, n, n)) for n in range(3, 6)])
    scan, run.store.scan = run.store.scan, lambda kind: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run.engine.commit()
    run.store.scan = scan
    run.engine.close()
    assert run.store.records == stored, "positions without what was learnt"
