"""Events that fit no label are gathered; what grows is proposed, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.codec import pack, unpack
from learners.intent.discovery import KIND, DiscoverySettings, IntentDiscovery
from learners.testing import RecordTable, unit

DIM = 24


def near(seed: int, topic: int) -> Any:
    return unit(seed, near=unit(10_000 + topic, dim=DIM), dim=DIM)


def seen(gathered: IntentDiscovery, number: int, topic: int | None) -> int | None:
    """One event; return the cluster that it made a proposal of, if it did."""
    vector = unit(number, dim=DIM) if topic is None else near(number, topic)
    gathered.watch(vector)
    words = ("noise",) if topic is None else ("please", f"topic{topic}")
    found = gathered.add(f"e{number}", f"text {number}", words, vector)
    return None if found is None else found.number


def filled(events: int = 300, topics: int = 3, **changes: Any) -> IntentDiscovery:
    """Noise, and as many events of some topics."""
    gathered = IntentDiscovery(DiscoverySettings(**changes))
    for number in range(events):
        seen(gathered, number, (number // 2) % topics if number % 2 else None)
    return gathered


def test_a_need_that_grows_is_proposed_once_and_noise_is_not() -> None:
    gathered, proposals = IntentDiscovery(), []
    for number in range(200):
        found = seen(gathered, number, 1 if number % 4 == 0 else None)
        if found is not None:
            proposals.append(found)
    assert len(proposals) == 1
    (cluster,) = gathered.proposed()
    assert cluster.number == proposals[0]
    assert cluster.words["topic1"] >= 30
    assert cluster.words.get("noise", 0) <= 3
    assert len(cluster.examples) == 5
    assert cluster.mean() @ unit(10_001, dim=DIM) > 0.8


def test_each_topic_has_a_cluster_of_its_own() -> None:
    gathered = filled(400, topics=4)
    assert len(gathered.proposed()) == 4
    told = {max(c.words, key=c.words.__getitem__) for c in gathered.proposed()} - {"please"}
    tops = [sorted(c.words, key=lambda w, c=c: -c.words[w])[:2] for c in gathered.proposed()]
    assert {word for top in tops for word in top} - {"please"} == {f"topic{n}" for n in range(4)}
    assert told <= {f"topic{n}" for n in range(4)}


def test_memory_is_bounded() -> None:
    gathered, shelf = IntentDiscovery(DiscoverySettings(most=5)), RecordTable()
    for number in range(500):
        seen(gathered, number, number % 9)
        if number % 50 == 0:
            shelf.keep(gathered.changed())
    shelf.keep(gathered.changed())
    assert len(gathered.clusters) <= 5
    assert shelf.count(KIND) == len(gathered.clusters)
    for cluster in gathered.clusters.values():
        assert len(cluster.vectors) <= 8
        assert len(cluster.examples) <= 5
        assert len(cluster.words) <= 60


def test_what_is_no_longer_seen_fades() -> None:
    gathered = filled(100, topics=1, half_life=20.0, grown=5.0)
    assert len(gathered.proposed()) == 1
    for number in range(1_000, 1_300):
        seen(gathered, number, None)
    assert gathered.proposed() == []


def test_a_cluster_that_is_dropped_is_gone() -> None:
    gathered, shelf = filled(), RecordTable()
    shelf.keep(gathered.changed())
    number = gathered.proposed()[0].number
    dropped = gathered.drop(number)
    assert dropped is not None
    assert gathered.drop(number) is None
    shelf.keep(gathered.changed())
    assert shelf.get(KIND, str(number)) is None
    later = seen(gathered, 5_000, 0)
    assert later != number


def test_before_it_knows_how_near_events_usually_are_it_waits() -> None:
    gathered = IntentDiscovery()
    for number in range(20):
        seen(gathered, number, 1)
    assert gathered.clusters == {}


def test_vectors_of_another_size_begin_anew() -> None:
    gathered = filled()
    for number in range(40):
        vector = unit(number, dim=7)
        gathered.watch(vector)
        gathered.add("e", "", (), vector)
    assert all(len(cluster.total) == 7 for cluster in gathered.clusters.values())


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "", "store"])), max_size=80),
)
@settings(deadline=None, max_examples=40)
def test_stored_and_restored_it_goes_on_bit_for_bit(turns: Any) -> None:
    chosen = DiscoverySettings(most=3, grown=3.0)
    one, two, shelf = IntentDiscovery(chosen), IntentDiscovery(chosen), RecordTable()
    for number in range(40):
        one.watch(unit(900 + number, dim=DIM))
        two.watch(unit(900 + number, dim=DIM))
    for number, (topic, act) in enumerate(turns):
        noise = None if topic == 3 else topic
        assert seen(one, number, noise) == seen(two, number, noise)
        if act == "store":
            shelf.keep(two.changed())
            state = unpack(pack("e", 1, two.state()), "e", 1)
            two = IntentDiscovery.from_state(state, shelf.scan(KIND))
    assert pack("e", 1, one.state()) == pack("e", 1, two.state())
    clusters = [pack("c", 1, dict(sorted(each.clusters.items()))) for each in (one, two)]
    assert clusters[0] == clusters[1]
    assert np.array_equal(one._means, two._means) or not one.clusters


@pytest.mark.parametrize("wrong", [{"most": 0}, {"far": float("nan")}, {"grown": 0.0}])
def test_settings_outside_their_range_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is "):
        DiscoverySettings(**wrong)
