"""What looks on at a shard judges as a replay does, and popularity as a slow count would."""

import json
import random

import numpy as np
import pytest

from dataflows.config.config import load_config
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.observer import ReplayObserver
from dataflows.evaluation.offline_flow import open_engine
from dataflows.messages.raw import Raw
from dataflows.serve.metrics import popular_hits
from dataflows.serve.metrics.popular_hits import PopularItems
from dataflows.serve.metrics.watch import WINDOW, ShardWatch
from dataflows.state.records import MemoryStore
from encoders.load import load_encoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.signals.popularity import LONG
from learners.types import Interaction, Item

ENCODER = load_encoder("hashing-32")
K = 5


class Both:
    """Two observers of one shard."""

    def __init__(self, *observers):
        self.observers = observers

    def before_learn(self, *args, **kwargs):
        for observer in self.observers:
            observer.before_learn(*args, **kwargs)

    def before_label(self, *args):
        for observer in self.observers:
            observer.before_label(*args)

    def after_batch(self, *args):
        for observer in self.observers:
            observer.after_batch(*args)


def records(count):
    dice = random.Random(11)
    for number in range(count):
        user = dice.randrange(9)
        event = {
            "event_id": f"e{number}",
            "user_id": f"u{user}",
            "item_id": f"i{(user * 4 + dice.randrange(25)) % 60}",
            "type": dice.choice(["view", "purchase", "dislike"]),
            "ts": 1.7e9 + number,
        }
        value = json.dumps(event).encode()
        yield Raw("events", "events-0", number, number + 1, None, value)


@pytest.mark.parametrize("repeats", ["on", "off"])
def test_hits_as_served_are_those_of_a_replay(repeats):
    config = load_config(None, {"learner.k": K, "learner.repeats": repeats}, {})
    watch = ShardWatch(K)
    judge = Prequential(0, repeats_on=repeats == "on", k=K)
    observer = ReplayObserver(judge, "events-0")
    engine = open_engine(config, ENCODER, Both(watch, observer), store=MemoryStore())
    encode = EncodeStep(ENCODER, config.events, Catalogue(None, ENCODER.version))
    for raw in records(400):
        for _, batch in encode([raw]):
            engine.process(batch)
    scored = judge.scored.column("as_served").tolist()
    assert watch.judged == len(scored) > 150
    assert watch.served == sum(0 < place <= K for place in scored) > 20
    count, served, popular = watch.rates()
    assert count == min(WINDOW, watch.judged)
    assert served == watch.served / watch.judged
    assert popular == watch.popular / watch.judged


@pytest.mark.parametrize("repeats", ["on", "off"])
def test_popular_items_are_those_of_a_slow_count(repeats, monkeypatch):
    monkeypatch.setattr(popular_hits, "LOOK_EVERY", 1)
    dice = random.Random(3)
    model = OnlineModel(LearnerSettings(k=K, repeats=repeats, popularity_half_life=50.0))
    for number in range(40):
        model.put_item(Item(f"i{number}", f"thing {number}", available=number % 7 != 0))
    best, hits = PopularItems(K), 0
    for position in range(500):
        user_id = f"u{dice.randrange(6)}"
        item_id = f"i{min(dice.randrange(40), dice.randrange(40), dice.randrange(40))}"
        number = model.signals.items.index[item_id]
        user = model.users.get(user_id, position)
        asked = None if repeats == "on" else user
        counts = model.signals.popularity.read(LONG, np.arange(40), position)
        order = [item for item in np.argsort(-counts, kind="stable").tolist() if counts[item] > 0]
        may = [
            item
            for item in order
            if model.signals.items.available[item]
            and (repeats == "on" or user.column(item) < 0 or item == number)
        ]
        hit = best.holds(model, number, asked)
        assert hit == (number in may[:K])
        hits += hit
        model.learn(
            Interaction(position, f"e{position}", user_id, item_id, "view", float(position))
        )
    assert 50 < hits < 450


def test_needs_are_counted_until_they_are_taken():
    watch = ShardWatch(K)
    watch.needs["a"] += 2
    assert watch.take_needs() == {"a": 2}
    assert watch.take_needs() == {}
    assert watch.rates() == (0, None, None)


def test_an_item_that_left_is_covered_no_longer():
    watch = ShardWatch(K)
    watch.listed |= {"a", "b"}
    watch.remove_item("a")
    watch.remove_item("never listed")
    assert watch.listed == {"b"}
