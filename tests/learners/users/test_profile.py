"""A profile holds what a user takes more than others do, fades, and stays bounded."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.codec import pack, unpack, unpack_as
from learners.users.profile import CategoryShares, Profile, ProfileLearner, ProfileSettings

_events = st.lists(
    st.tuples(
        st.sampled_from(["u", "v"]),
        st.lists(st.sampled_from(["war", "love", "space", "crime"]), max_size=3),
        st.integers(0, 50).map(float),
        st.sampled_from([0.5, 1.0, 3.0]),
    ),
    max_size=30,
)


def learn_all(learner: ProfileLearner, events: Any) -> dict[str, Profile]:
    profiles = {"u": Profile(), "v": Profile()}
    for user, categories, ts, weight in events:
        learner.learn(profiles[user], categories, ts, weight)
    return profiles


@given(_events, st.sampled_from(["u", "v"]), st.sampled_from(["count", "time"]))
def test_it_equals_counting_everything_again(events: Any, user: str, clock: Any) -> None:
    chosen = ProfileSettings(clock=clock, half_life=10.0, prior=2.0, share_half_life=7.0)
    learner = ProfileLearner(chosen)
    profile = learn_all(learner, events)[user]

    own = [event for event in events if event[0] == user]
    newest = max((ts for _, _, ts, _ in own), default=0.0)
    fading = [
        0.5 ** ((len(own) - 1 - place if clock == "count" else newest - ts) / 10.0)
        for place, (_, _, ts, _) in enumerate(own)
    ]
    everybody = [
        weight * 0.5 ** ((len(events) - 1 - place) / 7.0)
        for place, (_, _, _, weight) in enumerate(events)
    ]
    for category in ("war", "love", "never"):
        taken, total = 0.0, 0.0
        for (_, categories, _, weight), fade in zip(own, fading, strict=True):
            total += weight * fade
            taken += weight * fade * (category in categories)
        share = (
            sum(w for w, event in zip(everybody, events, strict=True) if category in event[1])
            / sum(everybody)
            if everybody
            else 0.0
        )
        counts = taken + total * share + 4.0
        assert learner.liking(profile, category) == pytest.approx((taken + 2.0) / counts)
        found = {leaning.category: leaning for leaning in learner.leanings(profile, 10)}
        if category in found:
            assert found[category].liking == pytest.approx((taken + 2.0) / counts)
            assert found[category].certainty == pytest.approx(1 - 4.0 / counts)


def test_what_everybody_takes_is_no_leaning() -> None:
    learner = ProfileLearner()
    draw = random.Random(1)
    shares = {"hit": 0.8, "rare": 0.05, "some": 0.15}
    usual, odd = Profile(), Profile()
    for ts in range(3_000):
        category = draw.choices(list(shares), list(shares.values()))[0]
        learner.learn(Profile(), [category], ts)
        learner.learn(usual, [category], ts)
        if ts % 10 == 0:
            learner.learn(odd, ["rare" if ts % 20 else category], ts)
    for category in ("hit", "some"):
        assert learner.liking(usual, category) == pytest.approx(0.5, abs=0.1)
    best = learner.leanings(odd, 1)[0]
    assert best.category == "rare"
    assert best.liking > 0.75
    assert learner.liking(odd, "hit") < 0.4
    assert learner.liking(odd, "never") == pytest.approx(0.5)


def test_nothing_known_is_half_liked_with_no_certainty() -> None:
    learner = ProfileLearner()
    assert learner.liking(None, "war") == 0.5
    assert learner.leanings(None, 5) == ()
    assert learner.leanings(Profile(), 5) == ()


def test_certainty_grows_with_evidence_and_a_liking_can_turn() -> None:
    learner = ProfileLearner(ProfileSettings(half_life=20.0))
    profile = Profile()
    for ts in range(200):  # others take both alike
        learner.learn(Profile(), ["war" if ts % 2 else "love"], ts)
    seen = []
    for ts in range(60):
        learner.learn(profile, ["war"], ts)
        seen.append(learner.leanings(profile, 1)[0])
    assert all(0 <= leaning.certainty < 1 for leaning in seen)
    assert seen[0].certainty < seen[5].certainty < seen[50].certainty
    assert seen[0].liking < seen[5].liking
    for ts in range(60):
        learner.learn(profile, ["love"], 60.0 + ts)
    assert [leaning.category for leaning in learner.leanings(profile, 2)] == ["love", "war"]


def test_late_events_count_by_their_age() -> None:
    chosen = ProfileSettings(clock="time", half_life=100.0)
    events = [("war", 0.0), ("love", 100.0), ("war", 250.0), ("space", 50.0)]
    in_order, mixed = Profile(), Profile()
    one, other = ProfileLearner(chosen), ProfileLearner(chosen)
    for category, ts in sorted(events, key=lambda event: event[1]):
        one.learn(in_order, [category], ts)
    for category, ts in events:
        other.learn(mixed, [category], ts)
    assert mixed.ts == in_order.ts == 250.0
    assert mixed.total == pytest.approx(in_order.total)
    assert mixed.weights == pytest.approx(in_order.weights)


def test_evidence_fades_until_now_where_time_is_the_clock() -> None:
    timed = ProfileLearner(ProfileSettings(clock="time", half_life=100.0))
    counted = ProfileLearner()
    for learner, fades in ((timed, True), (counted, False)):
        profile = Profile()
        learner.learn(Profile(), ["love"], 0.0)
        learner.learn(profile, ["war"], 0.0)
        before, after = learner.leanings(profile, 1)[0], learner.leanings(profile, 1, 500.0)[0]
        assert (after.certainty < before.certainty) == fades
        assert (learner.liking(profile, "war", 1e12) == 0.5) == fades


def test_categories_of_a_user_stay_bounded_and_the_heaviest_stay() -> None:
    learner = ProfileLearner(ProfileSettings(max_categories=4))
    profile = Profile()
    for number in range(100):
        learner.learn(profile, ["always", f"once-{number}"], float(number))
    assert len(profile.weights) == 4
    assert {"always", "once-99"} <= set(profile.weights)
    learner.learn(profile, ["light"], 101.0, weight=0.01)
    assert "light" not in profile.weights


def test_shares_stay_bounded_and_survive_a_rebase() -> None:
    shares = CategoryShares(half_life=2.0, limit=50)
    for number in range(5_000):
        shares.learn(["always", f"once-{number}"], 1.0)
        assert len(shares) <= 50
    assert shares.share("always") == pytest.approx(1.0)
    expected = 1 - 0.5**0.5  # the newest of a geometric series
    assert shares.share("once-4999") == pytest.approx(expected)
    assert shares.share("once-1") == 0.0


@pytest.mark.parametrize(
    ("ts", "weight"),
    [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf), (1.0, 0.0), (1.0, -2.0)],
)
def test_what_cannot_be_learnt_changes_nothing(ts: float, weight: float) -> None:
    learner = ProfileLearner()
    profile = Profile()
    learner.learn(profile, ["war"], 0.0)
    before = (pack("p", 1, profile), pack("s", 1, learner.state()))
    learner.learn(profile, ["war", "love"], ts, weight)
    assert (pack("p", 1, profile), pack("s", 1, learner.state())) == before


def test_reading_changes_nothing_and_ignores_what_comes_twice() -> None:
    learner = ProfileLearner()
    twice, once = Profile(), Profile()
    learner.learn(twice, ["war", "war"], 0.0)
    learner.learn(once, ["war"], 0.0)
    assert twice == once
    before = (pack("p", 1, once), pack("s", 1, learner.state()))
    learner.leanings(once, 3, 99.0)
    learner.liking(once, "unknown")
    learner.liking(None, "unknown")
    assert (pack("p", 1, once), pack("s", 1, learner.state())) == before


@given(_events, st.integers(0, 30), st.sampled_from(["count", "time"]))
def test_restored_equals_unbroken_bit_for_bit(events: Any, cut: int, clock: Any) -> None:
    learner = ProfileLearner(ProfileSettings(clock=clock, half_life=3.0, max_categories=2))
    profiles = learn_all(learner, events[:cut])
    other = ProfileLearner.from_state(unpack(pack("s", 1, learner.state()), "s", 1))
    copies = {
        user: unpack_as(pack("p", 1, profile), "p", 1, Profile)
        for user, profile in profiles.items()
    }
    for user, categories, ts, weight in events[cut:]:
        learner.learn(profiles[user], categories, ts, weight)
        other.learn(copies[user], categories, ts, weight)
    assert copies == profiles
    assert pack("s", 1, other.state()) == pack("s", 1, learner.state())
    for user in profiles:
        assert other.leanings(copies[user], 5) == learner.leanings(profiles[user], 5)


def test_new_profiles_share_nothing() -> None:
    learner = ProfileLearner()
    learner.learn(Profile(), ["war"], 0.0)
    assert Profile().weights == {}
    assert learner.leanings(None, 3) == ()


@pytest.mark.parametrize(
    "changes",
    [{"half_life": 0.0}, {"prior": math.nan}, {"share_half_life": 0.5}, {"max_categories": 0}],
)
def test_settings_that_cannot_work_are_refused(changes: Any) -> None:
    with pytest.raises(ValueError, match=r"is (0\.0|nan|0\.5|0): Expected"):
        ProfileSettings(**changes)
