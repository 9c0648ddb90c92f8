import json

import numpy as np

from dataflows.config.events import EventSettings
from dataflows.engine.batch import EncodedEvent, EncodedItem, Removal, shard_key, shard_of
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.messages.raw import Raw, Reject
from encoders.backends.hashing import HashingEncoder
from learners.testing import CountingEncoder

ENCODER = HashingEncoder(32)


def event(place, user="u", item="i1", **more):
    fields = {
        "event_id": f"e{place}",
        "user_id": user,
        "item_id": item,
        "type": "view",
        "ts": 1.7e9,
    }
    value = json.dumps(fields | more).encode()
    return Raw("events", "events-0", place, place + 1, None, value)


def item(place, name="i1", title="a lamp", **more):
    value = json.dumps({"item_id": name, "title": title} | more).encode()
    return Raw("items", "items-0", place, place + 1, None, value)


def step(encoder=ENCODER, shards=1):
    return EncodeStep(encoder, EventSettings(), Catalogue(None, encoder.version), shards)


def test_an_event_is_encoded_with_the_title_that_its_item_has_at_that_point():
    gone = Raw("items", "items-0", 9, 10, b"i1", None)
    raws = [event(0), item(0), event(1, text="bright"), item(1, title="a chair"), event(2), gone]
    found = step().encode([*raws, event(3), event(4, text="hello")])
    texts = [None, "a lamp", "view: a lamp. bright", "a chair", "view: a chair", None, None]
    for one, text in zip(found, [*texts, "view: hello"], strict=True):
        if isinstance(one, Removal):
            continue
        assert isinstance(one, EncodedEvent | EncodedItem)
        if text is None:
            assert one.vector is None
        else:
            assert np.array_equal(one.vector, ENCODER.encode([text])[0])


def test_titles_do_not_depend_on_where_a_batch_ends():
    raws = [
        item(0),
        event(0),
        item(1, title="a chair"),
        event(1),
        item(2, "i2"),
        event(2, item="i2"),
    ]
    together = step().encode(raws)
    one_step = step()
    apart = [one for raw in raws for one in one_step.encode([raw])]
    assert [one.raw for one in together] == [one.raw for one in apart]
    assert all(np.array_equal(a.vector, b.vector) for a, b in zip(together, apart, strict=True))


def test_one_call_of_the_encoder_for_a_batch_and_rejects_keep_their_place():
    encoder = CountingEncoder(HashingEncoder(32))
    bad = Raw("events", "events-0", 7, 8, None, b"\xff\xfe\x83")
    found = step(encoder).encode([item(0), bad, event(0), Raw("items", "i", 3, 4, None, b"[]")])
    assert [type(one) for one in found] == [EncodedItem, Reject, EncodedEvent, Reject]
    assert [one.raw.offset for one in found] == [0, 7, 0, 3]
    assert encoder.calls == [["a lamp", "view: a lamp"]]


def test_each_shard_gets_its_users_every_item_and_every_position():
    users = [f"u{n}" for n in range(40)]
    bad = Raw("events", "events-1", 5, 6, None, b"no")
    raws = [item(0), *(event(n, user) for n, user in enumerate(users)), bad]
    dealt = dict(step(shards=3)(raws))
    assert list(dealt) == [shard_key(shard) for shard in range(3)]
    rejects = 0
    for shard, batch in enumerate(dealt.values()):
        assert batch.shard == shard
        assert batch.positions == {"items-0": 1, "events-0": 40, "events-1": 6}
        assert isinstance(batch.records[0], EncodedItem)
        mine = [one.event.user_id for one in batch.records if isinstance(one, EncodedEvent)]
        assert mine == [user for user in users if shard_of(user, 3) == shard]
        assert mine, "the users are spread over all shards"
        rejects += sum(isinstance(one, Reject) for one in batch.records)
    assert rejects == 1


def test_the_shard_of_a_user_is_fixed_for_ever():
    assert [shard_of(user, 1000) for user in ("u1", "42", "ä")] == [422, 288, 35]
    assert shard_of("anyone", 1) == 0
