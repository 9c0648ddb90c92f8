"""A session from which an event was taken back is as if it had never held it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learners.intent.event_buffer import LateLabel
from learners.online_model import OnlineModel
from learners.state.reencode import Reencoding
from learners.testing import DIM, Feed, small, unit
from learners.types import Item, Retraction

NEEDS = ("card", "rate", "fee")


def words(need: str, seed: int) -> Any:
    return unit(seed, unit(100 + NEEDS.index(need)))


def fed(*, labelled: bool = True, **changes: Any) -> Feed:
    """Three needs are known, by labels or by the categories of what is taken next."""
    feed = Feed(OnlineModel(small(dim=DIM, **changes)))
    for need in NEEDS:
        feed.model.put_item(Item(need, need, (need,)))
    for number in range(90):
        need = NEEDS[number % 3]
        label = need if labelled else None
        feed(f"u{number}", None, number * 10.0, vector=words(need, number), intent=label, text=need)
        feed(f"u{number}", need, number * 10.0 + 1, vector=words(need, number))
    return feed


def say(feed: Feed, user: str, need: str, ts: float, **more: Any) -> Retraction:
    number = feed.position
    feed(user, None, ts, vector=words(need, int(ts)), text=f"about {need} {ts:g}", **more)
    return Retraction(user, f"e{number}")


def believed(feed: Feed, user: str) -> dict[str, float]:
    return feed.model.recommend(user).belief


@pytest.mark.parametrize("odd", [0, 1, 2])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_session_without_it(odd: int, labelled: bool) -> None:
    feed = fed(labelled=labelled)
    said = ["card", "card"]
    said.insert(odd, "fee")
    events = [say(feed, "ann", need, 5_000.0 + at) for at, need in enumerate(said)]
    for at in range(3):
        if at != odd:
            say(feed, "bob", "card", 5_000.0 + at)
    assert feed.model.retract(events[odd]) == "all"
    ann, bob = (feed.model.users.get(user, feed.model.position).intent for user in ("ann", "bob"))
    assert ann.session is not None
    assert bob.session is not None
    assert ann.session.ts == bob.session.ts
    assert ann.session.weight == pytest.approx(bob.session.weight)
    np.testing.assert_allclose(ann.session.total, bob.session.total, atol=2e-3)
    np.testing.assert_allclose(ann.newest, bob.newest, atol=1e-3)
    assert [step.text for step in ann.trail] == [step.text for step in bob.trail]
    assert believed(feed, "ann") == pytest.approx(believed(feed, "bob"), rel=0.1, abs=2e-3)
    assert next(iter(believed(feed, "ann"))) == "card"


def test_a_label_that_an_event_carried_stays_known_where_another_goes() -> None:
    feed = fed()
    say(feed, "ann", "card", 5_000.0, intent="fee")
    odd = say(feed, "ann", "rate", 5_001.0)
    feed.model.retract(odd)
    assert next(iter(believed(feed, "ann"))) == "fee"


def test_an_earlier_session_is_none_of_its_business() -> None:
    feed = fed()
    old = say(feed, "ann", "card", 5_000.0)
    say(feed, "ann", "fee", 9_000.0)
    user = feed.model.users.get("ann", feed.model.position).intent
    before = (user.session, user.belief, list(user.trail))
    assert feed.model.retract(old) == "all"
    assert (user.session, user.belief, user.trail) == before
    assert feed.model.retract(old) == "nothing"


def test_the_only_event_leaves_no_session() -> None:
    feed = fed()
    only = say(feed, "ann", "card", 5_000.0, session_id="s")
    assert feed.model.retract(only) == "all"
    user = feed.model.users.get("ann", feed.model.position).intent
    assert (user.session, user.newest, user.belief, user.trail) == (None, None, None, [])
    assert feed.model.recommend("ann").novelty is None


def test_of_a_long_session_the_events_that_are_no_longer_kept_stay_in() -> None:
    feed = fed(intent_pending=64)
    for at in range(3):
        say(feed, "ann", "rate", 5_000.0 + at)
    for at in range(150):
        say(feed, "bob", "fee", 5_003.0 + at / 10)
    say(feed, "ann", "card", 5_020.0)
    user = feed.model.users.get("ann", feed.model.position).intent
    assert user.session is not None
    before = user.session
    odd = say(feed, "ann", "fee", 5_021.0)
    say(feed, "ann", "card", 5_022.0)
    last = user.newest
    assert feed.model.retract(odd) == "all"
    after = feed.model.users.get("ann", feed.model.position).intent.session
    assert after is not None
    assert after.weight == pytest.approx(before.weight * 0.8 + 1.0)
    np.testing.assert_allclose(after.total, before.total * 0.8 + last, atol=3e-3)
    np.testing.assert_allclose(user.newest, last, atol=1e-3)


def test_a_session_of_which_little_is_kept_never_weighs_less_than_nothing() -> None:
    feed = fed(intent_pending=64)
    for at in range(4):
        say(feed, "ann", "rate", 5_000.0 + at)
    for at in range(150):
        say(feed, "bob", "fee", 5_004.0 + at / 100)
    known = feed.model.users.get("ann", feed.model.position).intent.session
    assert known is not None
    kept = [say(feed, "ann", "card", 5_020.0 + at) for at in range(4)]
    for event in reversed(kept):
        assert feed.model.retract(event) == "all"
    session = feed.model.users.get("ann", feed.model.position).intent.session
    assert session is not None
    assert session.weight == pytest.approx(known.weight)
    np.testing.assert_allclose(session.total, known.total, atol=5e-3)


def test_a_session_that_an_id_holds_together_is_whole() -> None:
    feed = fed()
    for user, needs in (("ann", ("card", "fee", "card")), ("bob", ("card", "card"))):
        said = [
            say(feed, user, need, 5_000.0 * at, session_id="one")
            for at, need in zip((1, 2, 3) if user == "ann" else (1, 3), needs, strict=True)
        ]
        if user == "ann":
            assert feed.model.retract(said[1]) == "all"
    ann, bob = (
        feed.model.users.get(user, feed.model.position).intent.session for user in ("ann", "bob")
    )
    assert ann is not None
    assert bob is not None
    assert ann.weight == pytest.approx(bob.weight) == pytest.approx(1.8)
    np.testing.assert_allclose(ann.total, bob.total, atol=2e-3)


def test_who_began_anew_after_a_switch_is_not_left_with_nothing() -> None:
    feed = fed()
    say(feed, "ann", "card", 5_000.0, encoded="card")
    for at in range(3):  # time goes on, so ann is not among the active
        say(feed, "bob", "fee", 8_000.0 + at, encoded="fee")
    reencoding = Reencoding(feed.model)
    while reencoding.step(lambda texts: [unit(7) if text else None for text in texts], 10):
        pass
    feed.model.switch(reencoding)
    odd = say(feed, "ann", "fee", 5_001.0, encoded="fee")  # late: of the session of before
    feed.model.retract(odd)
    session = feed.model.users.get("ann", feed.model.position).intent.session
    assert session is not None
    assert session.total is None or session.weight > 0.5


@pytest.mark.parametrize("stored", [False, True])
def test_no_label_may_come_for_it(stored: bool) -> None:
    feed = fed()
    gone = say(feed, "ann", "card", 5_000.0, session_id="s")
    say(feed, "ann", "card", 5_001.0, session_id="s")
    feed.model.retract(gone)
    buffer = feed.model.tracker.buffer
    if stored:
        blobs = [(key, blob) for _, key, blob in buffer.changed() if blob is not None]
        buffer = type(buffer)(buffer.limit)
        buffer.restore(iter(blobs))
        feed.model.tracker.buffer = buffer
    learnt = feed.model.tracker.stated.learnt
    assert feed.model.learn_label(LateLabel("ann", "fee", event_id=gone.event_id)) == "unmatched"
    assert feed.model.learn_label(LateLabel("ann", "fee", session_id="s")) == "learn"
    assert feed.model.tracker.stated.learnt == learnt + 1
    assert [one.event_id for one in buffer.retracted()] == [gone.event_id]
    assert not any(one.text or one.encoded or one.item_id for one in buffer.retracted())


def test_what_waits_stays_bounded_and_whole() -> None:
    feed = fed(intent_pending=64)
    for number in range(300):
        event = say(feed, f"v{number % 5}", "card", 5_000.0 + number, session_id=f"s{number % 3}")
        if number % 2:
            feed.model.retract(event)
    buffer = feed.model.tracker.buffer
    assert len(buffer) <= 128
    assert len(buffer) + len(buffer.retracted()) <= 128
    held = {one.event_id for user in range(5) for one, _ in buffer.of_user(f"v{user}")}
    by_session = {
        event
        for user in range(5)
        for session in range(3)
        for event in buffer.session(f"v{user}", f"s{session}")
    }
    assert by_session == held
    assert len(held) == len(buffer)


@pytest.mark.parametrize("early", [True, False])
def test_a_switch_of_the_encoder_brings_nothing_back(early: bool) -> None:
    """Whether it is taken back before its text is encoded anew, or after that."""
    feed = fed()
    say(feed, "ann", "card", 5_000.0, encoded="card")
    odd = say(feed, "ann", "fee", 5_001.0, encoded="fee")
    say(feed, "bob", "fee", 5_002.0, encoded="fee")
    reencoding = Reencoding(feed.model)
    seen: list[str] = []

    def encode(texts: Any) -> list[Any]:
        seen.extend(filter(None, texts))
        return [None if text is None else unit(sum(map(ord, text))) for text in texts]

    if early:
        feed.model.retract(odd)
    while reencoding.step(encode, 10):
        pass
    if not early:
        feed.model.retract(odd)
        reencoding.follow()
        while reencoding.step(encode, 10):
            pass
    feed.model.switch(reencoding)
    assert seen.count("fee") == (1 if early else 2)
    user = feed.model.users.get("ann", feed.model.position).intent
    total = None if user.session is None else user.session.total
    if early:
        np.testing.assert_allclose(total, unit(sum(map(ord, "card"))), atol=1e-3)
    else:
        assert total is None  # begins anew, rather than with what was taken back
    bob = feed.model.users.get("bob", feed.model.position).intent
    assert bob.session is not None
    assert bob.session.total is not None
