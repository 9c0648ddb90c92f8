import json
import logging

import pytest

from dataflows.config.events import EventSettings
from dataflows.connectors.micro_batches import BEHIND_AFTER, TELL_EVERY, Portions
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.messages.decoded_records import Rendered
from dataflows.messages.events import EventRecord
from dataflows.messages.raw import Raw
from encoders.backends.hashing import HashingEncoder
from encoders.cache.cached import CachedEncoder
from learners.testing import FakeClock

RATE, SECONDS = 100.0, 0.5
MOST = RATE * SECONDS


def event(place, tokens=0):
    return Raw("events", "events-0", place, place + 1, None, b"%d" % tokens)


def rendered(raws):
    """As an encoder would see them whose texts have as many tokens as the value says."""
    one = EventRecord(event_id="e", user_id="u", type="view", ts=1.0)
    return [Rendered(raw, one, "text", int(raw.value)) for raw in raws]


def portions(records=1000, clock=None, render=rendered):
    clock = clock or FakeClock()
    return Portions(render, lambda: RATE, seconds=SECONDS, records=records, clock=clock)


def taken(cut):
    found = []
    while cut.is_waiting:
        found.append(cut.take())
    return found


@pytest.mark.parametrize(
    ("tokens", "sizes"),
    [
        ([0] * 9, [9]),
        ([10] * 12, [5, 5, 2]),
        ([5, 5, 20, 20], [2, 2]),  # beside a long text short ones take as long as it does
        ([0, 40, 0, 0, 20, 0], [4, 2]),  # what is known waits for what stands before it only
        ([90, 90, 0, 1], [1, 2, 1]),  # too long for any: alone, and not for ever
        ([50, 0, 0], [3]),
        ([51, 0, 1], [2, 1]),
    ],
)
def test_a_micro_batch_ends_before_the_text_that_would_make_it_too_long(tokens, sizes):
    cut = portions()
    raws = [event(place, each) for place, each in enumerate(tokens)]
    cut.put(raws)
    found = taken(cut)
    assert [len(batch) for batch in found] == sizes
    assert [one.raw for batch in found for one in batch] == raws
    assert cut.take() == []
    assert cut.counts["cut"] == len(sizes) - 1
    assert cut.counts["new_texts"] == sum(each > 0 for each in tokens)


def test_nothing_more_is_asked_for_than_one_micro_batch_holds():
    cut = portions(records=10)
    assert cut.room == 10
    cut.put([event(place, MOST) for place in range(10)])
    assert cut.room == 0
    for left in range(9, -1, -1):
        assert len(cut.take()) == 1
        assert cut.waiting()["events-0"] == left
        assert cut.room == 10 - left


def test_an_encoder_that_is_behind_is_told_once_a_while_and_so_is_the_end(caplog):
    clock = FakeClock()
    cut = portions(clock=clock)
    place = 0

    def tick(seconds, backlog):
        nonlocal place
        cut.put([event(place + n, 40) for n in range(backlog)])
        place += backlog
        cut.take()
        clock.now += seconds

    with caplog.at_level(logging.INFO, "dataflows.connectors.micro_batches"):
        tick(1.0, 2)
        for _ in range(int(BEHIND_AFTER) - 1):
            tick(1.0, 1)
        assert not caplog.messages, "a burst is no news"
        tick(1.0, 1)
        tick(1.0, 1)
        (said,) = caplog.messages
        assert "come faster than they are encoded: for 5 s" in said
        assert "about 100 tokens a second" in said
        assert "penchant models compress" in said
        assert "behind, " in cut.summary()
        for _ in range(int(TELL_EVERY)):
            tick(1.0, 1)
        assert len(caplog.messages) == 2
        tick(1.0, 0)
        assert "caught up" in caplog.messages[2]
        assert cut.counts["behind"] == 1
        assert "behind" not in cut.summary()
        assert f"{cut.counts['cut']:,} micro-batches cut" in cut.summary()
        tick(1.0, 3)
        assert len(caplog.messages) == 3, "the count of seconds begins anew"


def test_items_that_wait_alone_are_no_backlog_of_events(caplog):
    clock = FakeClock()
    encoder = CachedEncoder(HashingEncoder(32), 100)
    step = EncodeStep(encoder, EventSettings(), Catalogue(None, encoder.version))
    cut = portions(clock=clock, render=step.render)
    values = [{"item_id": f"i{n}", "title": f"a lamp of kind {n} " + 40 * "x"} for n in range(30)]
    cut.put(
        [Raw("items", "i", n, n + 1, None, json.dumps(v).encode()) for n, v in enumerate(values)]
    )
    while cut.is_waiting:
        cut.take()
        clock.now += 1.0
    assert cut.counts["cut"] > BEHIND_AFTER
    assert not caplog.messages
    assert not cut.counts["behind"]


def test_what_is_rendered_for_the_cut_is_what_the_step_makes_of_it_and_known_texts_are_free():
    encoder = CachedEncoder(HashingEncoder(32), 100)
    lines = [("items", {"item_id": "i1", "title": "a lamp"}), ("items", {"item_id": "i2"})]
    lines += [
        ("events", {"event_id": n, "user_id": "u", "type": "view", "ts": 1.7e9, "item_id": item})
        for n, item in enumerate(("i1", "i2", "i1"))
    ]
    lines += [("items", {"item_id": "i1", "title": "a chair"}), (lines[2]), ("events", {})]
    raws = [
        Raw(topic, topic, place, place + 1, None, json.dumps(value).encode())
        for place, (topic, value) in enumerate(lines)
    ]

    def step():
        return EncodeStep(encoder, EventSettings(), Catalogue(None, encoder.version))

    before, plain = step(), step()
    ahead = before.render(raws)
    assert [one.tokens > 0 for one in ahead] == [1, 0, 1, 0, 0, 1, 1, 0]
    found = [one for cut in (ahead[:3], ahead[3:]) for one in before.encode(cut)]
    wanted = plain.encode(raws)
    assert [type(one) for one in found] == [type(one) for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one.raw is other.raw
        assert getattr(one, "text", None) == getattr(other, "text", None)
        vectors = getattr(one, "vector", None), getattr(other, "vector", None)
        assert (vectors[0] is None) == (vectors[1] is None)
        assert vectors[0] is None or (vectors[0] == vectors[1]).all()
    assert not any(one.tokens for one in step().render(raws)), "all are remembered now"


def test_a_mark_is_no_record_but_keeps_its_place_behind_those_that_wait():
    encoder = CachedEncoder(HashingEncoder(32), 100)
    step = EncodeStep(encoder, EventSettings(), Catalogue(None, encoder.version))
    cut = portions(render=step.render)
    value = {"event_id": 1, "user_id": "u", "type": "view", "ts": 1.7e9, "text": "a" * 400}
    texts = [json.dumps(value | {"text": letter * 400}).encode() for letter in "ab"]
    cut.put([Raw("events", "events-0", n, n + 1, None, text) for n, text in enumerate(texts)])
    cut.put([Raw("events", "events-0", 2, 4, None, None, is_mark=True)])
    batches = [batch for each in taken(cut) for _, batch in step(each)]
    assert [batch.positions for batch in batches] == [{"events-0": 1}, {"events-0": 4}]
    assert [len(batch.records) for batch in batches] == [1, 1]
