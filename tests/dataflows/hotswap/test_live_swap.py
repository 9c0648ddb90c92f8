"""Promotions while events flow: one switch at one event, and nothing lost, mixed or left behind."""

import gc
import logging
import threading
import time
import tracemalloc
import weakref
from collections import Counter
from itertools import count, groupby

import msgspec
import numpy as np
import pytest

from dataflows.engine.batch import Batch, EncodedEvent, Switch
from dataflows.engine.encoder_in_force import read_in_force
from dataflows.engine.item_store import KIND, read_item
from dataflows.errors import ModelError
from dataflows.hotswap import swapper
from dataflows.hotswap.load import Loader
from dataflows.state.outbox import RECOMMENDATIONS
from dataflows.state.store import Store
from encoders.backends.hashing import HashingEncoder
from encoders.cache.cached import CachedEncoder
from tests.dataflows.hotswap.conftest import DIM, Noise, Seeded
from tests.dataflows.hotswap.live import PATIENCE, Live, Promotions, event, gone, item


@pytest.fixture
def lives(tmp_path):
    """Runs on one folder, ended when the test is."""
    made = []

    def start(**more):
        made.append(Live(tmp_path, **more))
        return made[-1]

    yield start
    for live in made:
        live.swapper.finish()


def wait_until(said, what="it"):
    deadline = time.monotonic() + PATIENCE
    while not said():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.005)


def texts_of(live):
    """Every text of items that a shard has stored, and the vector beside it."""
    return [read_item(blob) for _, blob in live.engines[0].store.scan(KIND)]


@pytest.mark.parametrize("shards", [1, 3])
def test_under_load_every_list_is_of_one_version_and_every_event_is_counted(lives, shards):
    live, numbers = lives(shards=shards), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(60)])
    live.swapper.begin()
    live.watch.promote("v1")
    live.until_in_force("v1", numbers)
    live.talk([next(numbers) for _ in range(20)])
    live.watch.promote("")
    live.until_in_force("", numbers)
    live.talk([next(numbers) for _ in range(20)])
    fed = next(numbers)
    by_shard = [[] for _ in range(shards)]
    for out, version in zip(
        [out for out in live.outs if out.topic == RECOMMENDATIONS], live.versions(), strict=True
    ):
        by_shard[out.number % shards].append(version)
    base, new = live.encoders[""].version, live.encoders["v1"].version
    for versions in by_shard:
        assert [version for version, _ in groupby(versions)] == [base, new, base]
    told = Counter()
    for engine in live.engines:
        engine.ledger.balance()
        told.update({"in": engine.ledger.as_dict()["in"], "learnt": engine.learnt})
        assert engine.counts["switches"] == 2
        assert engine.counts["vectors_dropped"] == engine.counts["vectors_encoded_anew"] == 0
    assert told == {"in": fed, "learnt": fed}
    live.close()


def test_after_a_switch_every_vector_is_of_the_new_encoder(lives):
    live, numbers = lives(), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(80)])
    live.swapper.begin()
    live.watch.promote("v2")
    live.until_in_force("v2", numbers)
    live.talk([next(numbers) for _ in range(10)])
    live.commit()
    new, model = live.encoders["v2"], live.engines[0].model
    for stored in texts_of(live):
        assert stored.encoder == new.version
        expected = new.encode([stored.text])[0]
        assert np.array_equal(stored.vector, expected)
        assert np.array_equal(model.item_vector(stored.record.item_id), expected)
    for buffered in model.tracker.buffer.since(-1):
        vector = model.tracker.buffer.take(buffered.event_id, "teacher", "x")[2]
        if vector is not None:
            assert np.allclose(vector, new.encode([buffered.encoded])[0], atol=1e-3)
    live.close()


def test_items_that_come_change_and_go_while_it_is_made_ready_are_right_afterwards(lives):
    gate = threading.Event()
    slow = Seeded(1, delay=lambda: gate.wait(PATIENCE))
    live, numbers = lives(encoders={"": Seeded(0), "v1": slow}), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(30)])
    live.swapper.begin()
    live.watch.promote("v1")
    wait_until(lambda: live.swapper.progress.doing == "encoding")
    live.feed([item(3, "another title", 100), item(77, "brand new", 101), gone(5, 102)])
    live.talk([next(numbers) for _ in range(30)])
    gate.set()
    live.until_in_force("v1", numbers)
    model = live.engines[0].model
    for item_id, text in (("i3", "another title. c3"), ("i77", "brand new. c2")):
        assert np.array_equal(model.item_vector(item_id), slow.encode([text])[0])
    assert model.item_vector("i5") is None
    lists = [msgspec.json.decode(out.value) for out in live.outs if out.topic == RECOMMENDATIONS][
        -3:
    ]
    assert lists
    assert not any(entry["item_id"] == "i5" for each in lists for entry in each["items"])
    live.close()


def test_killed_half_way_the_next_start_goes_on_and_encodes_nothing_twice(tmp_path):
    watch, numbers = Promotions(), count()
    first = Seeded(1)
    live = Live(tmp_path, {"": Seeded(0), "v1": first}, watch=watch)
    live.catalogue()
    live.talk([next(numbers) for _ in range(60)])
    live.commit()
    live.swapper.begin()
    sequence = watch.promote("v1")
    first._delay = lambda: time.sleep(0.02)
    wait_until(lambda: sum(first.texts.values()) >= 32)
    live.kill()
    done = sum(first.texts.values())
    assert live.swapper.counts["given_up"] == 1
    assert live.serving.in_force.version == ""
    again = Seeded(1)
    live = Live(tmp_path, {"": Seeded(0), "v1": again}, watch=Promotions())
    live.watch.sequence = count(sequence)
    live.watch.promote("v1")  # as the registry tells a process that does not know it yet
    live.swapper.begin()
    live.until_in_force("v1", numbers)
    both = first.texts + again.texts
    kept = {stored.text for stored in texts_of(live)}
    assert kept <= set(both)
    assert set(first.texts) & set(again.texts) == set()
    assert max(both.values()) == 1
    assert done >= 32
    live.close()


def test_restarted_it_goes_on_with_the_version_in_force(tmp_path):
    live, numbers = Live(tmp_path), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(40)])
    live.swapper.begin()
    live.watch.promote("v1")
    live.until_in_force("v1", numbers)
    live.kill()
    store = Store.reader(tmp_path)
    assert read_in_force(store).version == "v1"
    store.close()
    new = Seeded(1)
    live = Live(tmp_path, {"": Seeded(0), "v1": new})
    assert live.serving.encoder.version == new.version
    live.talk([next(numbers) for _ in range(20)])
    assert set(live.versions()) == {new.version}
    assert live.engines[0].counts["switches"] == 0
    model = live.engines[0].model
    for stored in texts_of(live):
        vector = model.item_vector(stored.record.item_id)
        assert np.array_equal(vector, new.encode([stored.text])[0])
    live.close()


@pytest.mark.parametrize("stop", ["close", "kill"])
def test_switched_and_restarted_it_equals_a_run_that_was_not_broken_off(tmp_path, stop):
    records = []
    for broken in (False, True):
        folder = tmp_path / str(broken)
        live = Live(folder)
        live.catalogue()
        live.talk(range(50))
        live.commit()
        for _, batch in live.encode([event(50)]):
            new = CachedEncoder(live.encoders["v1"], 1_000)
            live.swapper.reencodings._find = lambda _, new=new: new
            switch = Switch("v1", new.version, 7)
            vector = new.encode([batch.records[0].text])[0]
            moved = EncodedEvent(batch.records[0].raw, batch.records[0].event, vector, "x")
            live.engines[0].process(Batch(0, [moved], batch.positions, new.version, switch))
        live.serving.in_force, live.serving.encoder = live.engines[0].space.in_force, new
        live.encode._encoder = new
        live.talk(range(51, 60))
        live.commit()
        if broken:
            getattr(live, stop)()
            live = Live(folder)
            assert live.serving.encoder.version == live.encoders["v1"].version
        live.talk(range(60, 100))
        live.close()
        store = Store.reader(folder)
        kinds = [kind for kind in store.kinds() if not kind.startswith(("served", "outbox"))]
        records.append({(kind, key): blob for kind in kinds for key, blob in store.scan(kind)})
        store.close()
    assert records[0].keys() == records[1].keys()
    assert [key for key in records[0] if records[0][key] != records[1][key]] == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (ModelError("encoder bad is refused: it is empty; make it anew"), "is empty"),
        (ModelError("encoder bad is refused: cut off; make it anew"), "cut off"),
        (Seeded(1, 32), "32 numbers"),
        (RuntimeError("a library said so"), "a library said so"),
        (None, "no version"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_its_reason_and_the_old_one_serves(
    lives, caplog, bad, reason
):
    live, numbers = lives(encoders={"": Seeded(0), "bad": bad, "v1": Seeded(1)}), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(20)])
    live.swapper.begin()
    with caplog.at_level(logging.ERROR):
        live.watch.promote("bad")
        wait_until(lambda: live.swapper.counts["refused"] == 1)
    assert reason in caplog.text
    live.talk([next(numbers) for _ in range(20)])
    assert set(live.versions()) == {live.encoders[""].version}
    live.watch.promote("v1")
    live.until_in_force("v1", numbers)
    live.close()


def test_the_newest_of_several_promotions_wins_and_others_are_given_up(lives):
    gate = threading.Event()
    slow = Seeded(1, delay=lambda: gate.wait(0.2))
    live, numbers = lives(encoders={"": Seeded(0), "v1": slow, "v2": Seeded(2)}), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(20)])
    live.swapper.begin()
    live.watch.promote("v1")
    wait_until(lambda: live.swapper.progress.doing == "encoding")
    live.watch.promote("v2")
    gate.set()
    live.until_in_force("v2", numbers)
    assert live.swapper.counts["given_up"] == 1
    assert slow.version not in live.versions()
    live.close()


def test_promotions_of_language_models_are_none_of_its_business(lives):
    live, numbers = lives(), count()
    live.catalogue()
    live.swapper.begin()
    live.watch.promote("v1", kind="language")
    live.watch.promote("v2")
    live.until_in_force("v2", numbers)
    assert live.swapper.counts == {"ready": 1}
    live.close()


def test_the_same_weights_under_another_id_are_in_force_at_once(lives):
    twin = Seeded(0)
    live, numbers = lives(encoders={"": Seeded(0), "copy": twin}), count()
    live.catalogue()
    live.swapper.begin()
    live.watch.promote("copy")
    wait_until(lambda: live.swapper.progress.doing == "ready")
    live.talk([next(numbers) for _ in range(3)])
    wait_until(lambda: live.serving.in_force.version == "copy")
    assert live.engines[0].counts["switches"] == 0
    assert not twin.texts
    live.close()


def test_a_batch_of_another_version_is_encoded_anew_or_loses_its_vectors(lives):
    live = lives()
    live.catalogue()
    engine, other = live.engines[0], Seeded(2)
    for place, at_hand in ((0, True), (1, False)):
        engine.space.encoder = live.serving.encoder if at_hand else None
        vector = other.encode(["word"])[0]
        one = next(iter(live.encode([event(place)])))[1].records[0]
        foreign = EncodedEvent(one.raw, one.event, vector, "word")
        engine.process(Batch(0, [foreign], {"events-0": place + 1}, other.version))
        newest = engine.model.tracker.buffer.find(f"e{place}")
        found = engine.model.tracker.buffer._events[newest.event_id][2]
        if at_hand:
            assert np.array_equal(found, live.encoders[""].encode(["word"])[0])
        else:
            assert found is None
    assert engine.counts["vectors_encoded_anew"] == 1
    assert engine.counts["vectors_dropped"] == 1
    live.close()


def test_a_shard_that_a_kill_left_a_switch_behind_follows_at_the_next_start(tmp_path):
    live, numbers = Live(tmp_path, shards=2), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(40)])
    live.commit()
    first = live.engines[0]
    new = CachedEncoder(live.encoders["v1"], 1_000)
    live.swapper.reencodings._find = lambda _: new
    first.process(Batch(0, switch=Switch("v1", new.version, 3)))
    live.kill()
    live = Live(tmp_path, shards=2)
    assert {engine.space.in_force.version for engine in live.engines} == {"", "v1"}
    assert live.serving.in_force.version == "v1"
    live.talk([next(numbers) for _ in range(30)])
    assert {engine.space.in_force.version for engine in live.engines} == {"v1"}
    assert set(live.versions()) == {new.version}
    assert [engine.counts["switches"] for engine in live.engines] == [0, 1]
    live.close()


def test_eight_threads_encode_while_the_encoder_is_swapped_five_times(lives):
    live, numbers = (
        lives(encoders={"": Seeded(0)} | {f"v{n}": Seeded(n) for n in range(1, 6)}),
        count(),
    )
    live.catalogue()
    live.swapper.begin()
    by_version = {encoder.version: encoder for encoder in live.encoders.values()}
    plain = HashingEncoder(DIM)
    answers, failures, done = [], [], threading.Event()

    def work(seed):
        dice, n = np.random.default_rng(seed), 0
        try:
            while n < 1000 or not done.is_set():
                texts = [f"text {dice.integers(400)}" for _ in range(10)]
                serving = live.serving.encoder
                rows, n = serving.encode(texts), n + 10
                if n <= 1000:
                    answers.append((serving.version, texts, rows))
                else:
                    time.sleep(0.001)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for n in range(1, 6):
        live.watch.promote(f"v{n}")
        live.until_in_force(f"v{n}", numbers)
    done.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert failures == []
    assert sum(len(texts) for _, texts, _ in answers) == 8000
    for version, texts, rows in answers:
        encoder = by_version[version]
        expected = (plain.encode(texts)[:, encoder._order] * encoder._signs).astype(np.float32)
        assert np.array_equal(rows, expected)
    live.close()


def test_spoilt_weights_are_refused_by_the_loader(tmp_path):
    class Broken(Noise):
        def encode(self, texts):
            return np.full((len(texts), self.dim), np.nan, np.float32)

    loader = Loader(None, Broken, f"noise-{DIM}", DIM)
    with pytest.raises(ModelError, match="no vector of length 1"):
        loader.load("")
    with pytest.raises(ModelError, match="16 numbers, 24 are stored"):
        Loader(None, Noise, f"noise-{DIM}", 24).load("")
    with pytest.raises(ModelError, match="when the state was made"):
        Loader(None, Noise, "another", DIM).load("")


def test_nobody_holds_on_to_an_old_encoder_or_its_vectors(lives):
    live, numbers = lives(), count()
    live.catalogue()
    live.talk([next(numbers) for _ in range(30)])
    model = live.engines[0].model
    old = [
        weakref.ref(one) for one in (live.serving.encoder, model.signals.semantic, model.tracker)
    ]
    live.swapper.begin()
    live.watch.promote("v1")
    live.until_in_force("v1", numbers)
    wait_until(lambda: live.swapper.progress.doing == "idle")
    gc.collect()
    assert [one() for one in old] == [None] * 3
    live.close()


@pytest.mark.slow
def test_fifty_swaps_leave_memory_where_it_was(lives, monkeypatch):
    monkeypatch.setattr(swapper, "LOOK_EVERY", 0.002)
    live = lives(encoders={"": Seeded(0)} | {f"v{n}": Seeded(n) for n in range(1, 51)})
    numbers, told = count(), []
    live.catalogue()
    live.talk([next(numbers) for _ in range(60)])
    live.swapper.begin()
    tracemalloc.start()
    try:
        for n in range(1, 51):
            live.watch.promote(f"v{n}")
            wait_until(lambda: live.swapper.progress.doing == "ready")
            live.talk([next(numbers)])
            wait_until(lambda n=n: live.serving.in_force.version == f"v{n}")
            wait_until(lambda: live.swapper.progress.doing == "idle")
            live.commit()
            live.outs.clear()
            live.encoders[f"v{n}"].texts.clear()
            gc.collect()
            told.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert live.engines[0].counts["switches"] == 50
    # What one swap makes anew is some 200 kB here: kept forty times, it would be 8 MB.
    assert told[-1] - told[9] < 500_000
    live.close()
