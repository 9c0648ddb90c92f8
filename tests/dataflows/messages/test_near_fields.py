"""Names that stand for a field of ours, and records that lack one."""

from __future__ import annotations

import pytest

from dataflows.config.events import EventSettings
from dataflows.messages.events import EventJson, decode_event
from dataflows.messages.items import ItemJson
from dataflows.messages.near_fields import OTHER_NAMES, meant_by
from dataflows.messages.raw import Raw, Reject

FIELDS = ("item_id", "user_id", "text", "value", "session_id")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("itemid", "item_id"),
        ("itemId", "item_id"),
        ("Item-ID", "item_id"),
        ("item_ids", "item_id"),
        ("itme_id", "item_id"),
        ("product_id", "item_id"),
        ("productId", "item_id"),
        ("sku", "item_id"),
        ("userid", "user_id"),
        ("userId", "user_id"),
        ("visitorid", "user_id"),
        ("rating", "value"),
        ("query", "text"),
        ("sessionId", "session_id"),
        ("price", None),
        ("country", None),
        ("", None),
        ("__", None),
        ("item_id" * 20, None),
    ],
)
def test_a_name_stands_for_a_field_or_for_none(name, wanted):
    assert meant_by(name, FIELDS) == wanted


def test_only_a_field_that_is_lacking_is_meant():
    assert meant_by("itemid", ("text",)) is None
    assert meant_by("label", ("title",)) == "title"


def test_all_are_fields_of_ours():
    ours = {*EventJson.__struct_fields__, *ItemJson.__struct_fields__}
    assert ours.issuperset(OTHER_NAMES)


def detail(line: bytes) -> str:
    found = decode_event(Raw("events", "e", 0, 0, None, line), EventSettings())
    assert isinstance(found, Reject)
    return found.detail


def test_a_refusal_says_under_which_name_the_field_stands():
    assert (
        detail(b'{"event_id":1,"userId":"u","type":"view","item_id":"a","ts":1700000000}')
        == "user_id is missing; every record needs it (is 'userId' meant? call it user_id)"
    )
    assert (
        detail(b'{"event_id":1,"type":"view","item_id":"a","ts":1700000000,"shop":2}')
        == "user_id is missing; every record needs it"
    )


def test_a_record_of_many_names_is_not_looked_through_whole():
    names = b",".join(b'"n%d":1' % n for n in range(2000))
    line = b'{"event_id":1,"type":"view","ts":1700000000,%s,"userid":"u"}' % names
    assert detail(line).endswith("every record needs it")
