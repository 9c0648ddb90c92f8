from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.kafka.producer import KeyOrder
from dataflows.state.outbox import Out


def test_only_an_older_message_of_the_same_key_and_topic_is_superseded():
    order = KeyOrder()
    old, new = Out("r", b"u", b"1", 1), Out("r", b"u", b"2", 2)
    other_user, other_topic = Out("r", b"v", b"3", 3), Out("i", b"u", b"4", 4)
    for out in (old, new, other_user, other_topic):
        order.handed_over(out)
    assert order.is_superseded(old)
    assert not any(order.is_superseded(out) for out in (new, other_user, other_topic))
    order.done(new)  # delivered: the old one must still not come after it
    assert order.is_superseded(old)
    order.done(old)
    order.done(other_user)
    order.done(other_topic)
    assert len(order) == 0


def test_messages_without_a_key_are_never_superseded():
    order = KeyOrder()
    first, second = Out("r", None, b"1", 1), Out("r", None, b"2", 2)
    order.handed_over(first)
    order.handed_over(second)
    assert not order.is_superseded(first)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_agrees_with_a_list_of_all_that_was_sent(steps):
    order = KeyOrder()
    underway: list[Out] = []
    newest: dict[bytes, int] = {}
    for number, (user, deliver) in enumerate(steps):
        out = Out("r", str(user).encode(), b"", number)
        order.handed_over(out)
        underway.append(out)
        newest[out.key] = number
        if deliver:
            order.done(underway.pop(0))
        for waiting in underway:
            assert order.is_superseded(waiting) == (newest[waiting.key] > waiting.number)
        assert len(order) == len({waiting.key for waiting in underway})
