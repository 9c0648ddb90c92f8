"""The ledger counts what became of every record, and says so where it does not balance."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.errors import InputError, LedgerError
from dataflows.state.ledger import OUTCOMES, Ledger, Outcome
from dataflows.state.records import MemoryStore
from learners.codec import StateError

COUNTS = st.lists(
    st.tuples(
        st.sampled_from(["events-0", "events-1", "log.jsonl"]),
        st.sampled_from(OUTCOMES),
        st.sampled_from(["", "late", "bad_json"]),
        st.integers(1, 5),
    ),
    max_size=40,
)


def test_outcomes_are_all_that_there_are() -> None:
    assert get_args(Outcome) == OUTCOMES


@given(COUNTS)
def test_what_came_in_is_what_became_of_it(
    counts: list[tuple[str, Outcome, str, int]],
) -> None:
    ledger = Ledger()
    for partition, outcome, reason, n in counts:
        ledger.arrive(partition, n)
        ledger.count(partition, outcome, reason, n)
    assert ledger.balance() == sum(n for *_, n in counts)
    figures = ledger.as_dict()
    json.dumps(figures, allow_nan=False)
    for name, page in (("", figures), *figures["partitions"].items()):
        mine = [count for count in counts if name in ("", count[0])]
        assert page["in"] == sum(n for *_, n in mine) == sum(page[name] for name in OUTCOMES)
        for outcome in OUTCOMES:
            assert page[outcome] == sum(n for _, found, _, n in mine if found == outcome)
            for reason in ("late", "bad_json"):
                wanted = sum(n for _, o, r, n in mine if (o, r) == (outcome, reason))
                assert page["reasons"].get(outcome, {}).get(reason, 0) == wanted


@pytest.mark.parametrize("lost", [1, -1])
def test_a_record_lost_or_counted_twice_is_named_with_its_partition(lost: int) -> None:
    ledger = Ledger()
    ledger.arrive("events-0", 3)
    ledger.count("events-0", "learnt", n=3)
    ledger.arrive("events-1", 5)
    ledger.count("events-1", "learnt", n=5 - lost)
    with pytest.raises(LedgerError, match=rf"events-1: 5 records .* {5 - lost} learnt"):
        ledger.balance()


def test_errors_of_two_partitions_do_not_cancel_out() -> None:
    ledger = Ledger()
    ledger.arrive("events-0")
    ledger.count("events-1", "learnt")
    with pytest.raises(InputError):
        ledger.balance()


def test_an_outcome_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        Ledger().count("events-0", "forgotten")  # type: ignore[arg-type]


@given(COUNTS, st.sets(st.integers(0, 40)))
def test_a_restart_changes_nothing(
    counts: list[tuple[str, Outcome, str, int]], cuts: set[int]
) -> None:
    unbroken, broken, store = Ledger(), Ledger(), MemoryStore()
    for place, (partition, outcome, reason, n) in enumerate(counts):
        if place in cuts:
            store.commit(broken.changed())
            broken = Ledger()
            broken.restore(store.get, store.scan)
            assert list(broken.changed()) == []
        for ledger in (unbroken, broken):
            ledger.arrive(partition, n)
            ledger.count(partition, outcome, reason, n)
    assert broken.as_dict() == unbroken.as_dict()
    assert broken.balance() == unbroken.balance()


def test_only_partitions_that_were_counted_are_written() -> None:
    ledger = Ledger()
    for partition in ("events-0", "events-1"):
        ledger.arrive(partition)
    assert [key for _, key, _ in ledger.changed()] == ["events-0", "events-1"]
    ledger.count("events-1", "learnt")
    assert [(kind, key) for kind, key, _ in ledger.changed()] == [("ledger", "events-1")]


def test_a_damaged_record_is_named() -> None:
    store = MemoryStore()
    store.commit([("ledger", "events-0", b"\x00")])
    with pytest.raises(StateError):
        Ledger().restore(store.get, store.scan)
