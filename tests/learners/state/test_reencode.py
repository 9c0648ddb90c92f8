"""Another encoder under a model that goes on learning: nothing of the old space is left."""

from __future__ import annotations

import numpy as np
import pytest

from learners.intent.decisions import Control
from learners.intent.event_buffer import LateLabel
from learners.online_model import OnlineModel
from learners.state.reencode import Reencoding
from learners.testing import DIM, Feed, RecordTable, Tastes, listed, small, unit
from learners.types import Item

TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(DIM, DIM)))[0].astype(np.float32)
WORDS = {f"word{n}": unit(500 + n) for n in range(40)}


def old(texts):
    """The old encoder: a vector for each text of the world."""
    return np.array([WORDS[text] for text in texts], np.float32).reshape(-1, DIM)


def new(texts):
    """The new one: the same space, turned. So what is near is near, and no number is the same."""
    return old(texts) @ TURN


def rows_of(encode):
    return lambda texts: [None if text is None else encode([text])[0] for text in texts]


def say(feed, user, word, item=None, **more):
    vector = None if word is None else WORDS[word]
    feed(user, item, vector=vector, encoded=word, text=word, **more)


def world(events=300, seed=0):
    """A shop whose items are words, and whose users say words of a label before they take one."""
    model = OnlineModel(small(dim=DIM))
    for n in range(30):
        model.put_item(Item(f"i{n}", f"item {n}", (f"c{n % 3}",), True, WORDS[f"word{n}"]))
    feed = Feed(model)
    talk(feed, events, seed)
    return feed


def talk(feed, events, seed=0):
    dice = np.random.default_rng(seed + feed.position)
    for n in range(events):
        user, kind = f"u{dice.integers(12)}", int(dice.integers(3))
        ts = float(feed.position * 20)
        if n % 3:
            item = int(dice.integers(10)) * 3 + kind
            say(feed, user, f"word{item}", f"i{item}", ts=ts)
        else:
            say(feed, user, f"word{30 + kind * 3}", ts=ts, intent=f"need{kind}")


def reencoding_of(model, encode=new, at_once=7):
    reencoding = Reencoding(model)
    for number in range(30):
        item_id = f"i{number}"
        if item_id in model.signals.items.index:
            reencoding.put_item(item_id, encode([f"word{number}"])[0])
    while reencoding.step(rows_of(encode), at_once):
        pass
    return reencoding


def space_of(model):
    """Every vector that a model holds, as rows."""
    semantic, tracker = model.signals.semantic, model.tracker
    rows = [semantic.vectors[semantic.has]]
    rows += [vector[None] for block in tracker.buffer._blocks.values() for _, vector in block]
    for user in model.users._loaded.values():
        rows += [
            v[None]
            for v in (user.intent.newest, user.intent.session and user.intent.session.total)
            if v is not None
        ]
    for cluster in tracker.discovery.clusters.values():
        rows += [np.array(cluster.vectors, np.float32), cluster.total[None]]
    return rows


def test_nothing_of_the_old_space_is_left_and_neighbours_are_those_of_the_new():
    feed = world()
    owners = set(feed.model.signals.semantic.owners)
    assert len(owners) > 20
    feed.model.switch(reencoding_of(feed.model))
    semantic = feed.model.signals.semantic
    expected = new([f"word{n}" for n in range(30)])
    assert np.allclose(semantic.vectors[:30], expected)
    cosines = expected @ expected.T
    np.fill_diagonal(cosines, -2)
    for item in range(30):
        found = semantic.row_out(item)
        assert (found is None) == (item not in owners)
        if found is None:
            continue
        best = np.sort(cosines[item])[::-1][: len(found[1])]
        assert np.allclose(found[1], best, atol=1e-5)
    known = np.concatenate([new(list(WORDS)), np.zeros((1, DIM), np.float32)])
    for user_id in [f"u{n}" for n in range(12)]:
        user = feed.model.users.get(user_id, feed.model.position)
        assert user.space == 1
        if user.intent.newest is not None:
            assert np.isclose(known @ user.intent.newest, 1.0, atol=1e-5).any()
    for block in feed.model.tracker.buffer._blocks.values():
        for buffered, vector in block:
            assert np.allclose(vector, new([buffered.encoded])[0], atol=1e-3)


def test_what_was_learnt_of_labels_is_known_in_the_new_space():
    feed = world(600)
    before = {
        kind: feed.model.tracker.stated.predict(WORDS[f"word{30 + kind * 3}"]).max()
        for kind in range(3)
    }
    feed.model.switch(reencoding_of(feed.model))
    stated = feed.model.tracker.stated
    for kind in range(3):
        chances = stated.distribution(new([f"word{30 + kind * 3}"])[0])
        assert max(chances, key=chances.get) == f"need{kind}"
        assert chances[f"need{kind}"] > 0.8 * before[kind]
    talk(feed, 60)
    assert feed.model.tracker.reported is feed.model.tracker.stated


def test_a_turned_space_gives_the_same_neighbours():
    """Only angles count: the same texts turned are as near to each other as before."""
    feed = world(400)
    before = feed.model.signals.semantic
    feed.model.switch(reencoding_of(feed.model))
    after = feed.model.signals.semantic
    assert before is not after
    assert sorted(before.owners) == sorted(after.owners)
    for item in before.owners:
        assert np.allclose(before.row_out(item)[1], after.row_out(item)[1], atol=1e-5)


def test_what_comes_while_the_shadow_is_made_is_in_it():
    feed = world(300)
    reencoding = Reencoding(feed.model)
    for number in range(30):
        reencoding.put_item(f"i{number}", new([f"word{number}"])[0])
    for _ in range(5):
        reencoding.step(rows_of(new), 11)
        talk(feed, 20)
    feed.model.put_item(Item("i30", "late", ("c0",), True, WORDS["word30"]))
    feed.model.remove_item("i4")
    reencoding.put_item("i30", new(["word30"])[0])
    reencoding.put_item("i4", None)
    say(feed, "u1", "word30", "i30", ts=float(feed.position * 20))
    assert reencoding.follow() > 0
    while reencoding.step(rows_of(new), 50):
        pass
    feed.model.switch(reencoding)
    semantic, number = feed.model.signals.semantic, feed.model.signals.items.index
    assert np.allclose(semantic.vectors[number["i30"]], new(["word30"])[0])
    assert semantic.row_out(number["i30"]) is not None
    assert not semantic.has[number["i4"]]
    near = np.concatenate([semantic.row_out(number[f"i{n}"])[0] for n in range(30) if n != 4])
    assert number["i4"] not in near
    assert number["i30"] in near
    newest = feed.model.tracker.buffer.since(feed.model.position - 1)[0]
    assert newest.encoded == "word30"
    user = feed.model.users.get("u1", feed.model.position)
    assert np.allclose(user.intent.newest, new(["word30"])[0], atol=1e-5)


def test_stored_and_restored_it_goes_on_as_if_unbroken():
    plain, broken = world(300), world(300)
    shelf = RecordTable()
    shelf.keep(broken.model.changed())
    for feed in (plain, broken):
        feed.model.switch(reencoding_of(feed.model))
    shelf.keep(broken.model.changed())
    again = OnlineModel(small(dim=DIM), shelf.get)
    again.restore(shelf.scan)
    for n in range(30):
        again.put_item(Item(f"i{n}", f"item {n}", (f"c{n % 3}",), True, new([f"word{n}"])[0]))
    resumed = Feed(again)
    for feed in (plain, resumed):
        for n in range(80):
            user, item = f"u{n % 14}", (n * 7) % 30
            vector = new([f"word{item}"])[0]
            feed(user, f"i{item}", ts=6_000.0 + n, vector=vector, encoded=f"word{item}")
    kept = [RecordTable(), RecordTable()]
    for feed, into in zip((plain, resumed), kept, strict=True):
        into.keep(feed.model.changed())
    for key, blob in kept[1].records.items():
        assert kept[0].records[key] == blob, key
    for user in range(14):
        assert listed(plain.model, f"u{user}") == listed(again, f"u{user}")


def test_labels_that_were_called_otherwise_meanwhile_are_called_so_afterwards():
    feed = world(300)
    reencoding = reencoding_of(feed.model)
    feed.model.control(Control("name", "need0", "want0"))
    feed.model.control(Control("merge", "need1", "want0"))
    feed.model.control(Control("retire", "need2"))
    reencoding.follow()
    reencoding.step(rows_of(new), 1_000)
    feed.model.switch(reencoding)
    assert feed.model.tracker.stated.labels == ["want0"]
    assert feed.model.tracker.known_as("need1") == "want0"
    talk(feed, 30)
    assert feed.model.tracker.stated.labels == ["want0"]


def test_a_label_that_comes_late_while_the_shadow_is_made_is_learnt():
    feed = world(60)
    say(feed, "u1", "word35", ts=float(feed.position * 20))
    event_id = f"e{feed.position - 1}"
    reencoding = reencoding_of(feed.model)
    feed.model.learn_label(LateLabel("u1", "rare", event_id=event_id))
    reencoding.follow()
    assert reencoding.step(rows_of(new), 100) == 0
    feed.model.switch(reencoding)
    assert "rare" in feed.model.tracker.stated.labels
    assert feed.model.learn_label(LateLabel("u1", "rare", event_id=event_id)) == "duplicate"


def test_a_rare_label_of_long_ago_is_not_lost():
    feed = world(90)
    feed.model.tracker.buffer.limit = 64
    say(feed, "u1", "word39", ts=float(feed.position * 20), intent="rare")
    talk(feed, 300)
    assert len(feed.model.tracker.buffer) < 200
    feed.model.switch(reencoding_of(feed.model))
    chances = feed.model.tracker.stated.distribution(new(["word39"])[0])
    assert max(chances, key=chances.get) == "rare"


def test_users_who_were_not_active_begin_their_session_anew():
    feed = world(120)
    say(feed, "idle", "word1", "i1", ts=0.0)
    feed.model.switch(reencoding_of(feed.model))
    idle = feed.model.users.get("idle", feed.model.position)
    assert idle.intent.newest is None
    assert idle.intent.session.total is None
    assert idle.recent[: idle.kept].tolist() == [feed.model.signals.items.index["i1"]]


def test_clusters_keep_their_numbers_apart():
    feed = world(300)
    discovery = feed.model.tracker.discovery
    for n in range(40):
        discovery.watch(unit(n))
        discovery.add(f"n{n}", "new", ("new",), unit(900))
    before = set(discovery.clusters)
    assert before
    reencoding = reencoding_of(feed.model)
    feed.model.switch(reencoding)
    assert not before & set(feed.model.tracker.discovery.clusters)
    gone = {key for kind, key, blob in feed.model.changed() if "emerging" in kind and blob is None}
    assert gone >= {str(number) for number in before}


def test_a_world_without_texts_can_be_switched():
    feed = Feed(OnlineModel(small(dim=DIM)))
    for n in range(12):
        feed(f"u{n % 4}", f"i{n % 9}")
    feed.model.switch(reencoding_of(feed.model))
    assert len(listed(feed.model, "u0")) > 0


def test_a_switch_leaves_tastes_as_they_were():
    shop = Tastes()
    model = OnlineModel(small(dim=DIM))
    for item in shop.catalogue():
        model.put_item(item)
    feed = Feed(model)
    for _ in range(300):
        shop.step(feed)
    reencoding = Reencoding(model)
    for item in shop.catalogue():
        reencoding.put_item(item.item_id, item.vector @ TURN)
    while reencoding.step(rows_of(new), 64):
        pass
    before = [listed(model, user) for user in shop.users[:8]]
    model.switch(reencoding)
    same = sum(
        len(set(a) & set(b))
        for a, b in zip(before, (listed(model, user) for user in shop.users[:8]), strict=True)
    )
    assert same >= 64


@pytest.mark.parametrize("bad", [np.full(DIM, np.nan, np.float32), np.zeros(3, np.float32)])
def test_a_bad_vector_is_refused(bad):
    feed = world(30)
    with pytest.raises(ValueError, match="vector"):
        Reencoding(feed.model).put_item("i0", bad)
