"""A transaction that is written beside the flow: what is read meanwhile, who waits, what fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.errors import InputError
from dataflows.state.records import MemoryStore, Record
from dataflows.state.store import Store
from dataflows.state.written_beside import WrittenBeside
from tests.dataflows.state.older_state import REFUSING

KINDS = st.sampled_from(["a", "a:b", "b"])
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
RECORDS = st.lists(st.tuples(KINDS, KEYS, st.none() | st.binary(max_size=9)), max_size=8)
LONG = 60.0


class Gate:
    """Holds each transaction of a store until it is let go; tells when one has begun."""

    def __init__(self, store: WrittenBeside) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self._commit = store.store.commit
        store.store.commit = self.pass_through  # type: ignore[method-assign]

    def pass_through(self, records: Iterator[Record]) -> None:
        self.begun.set()
        assert self.open.wait(LONG)
        self._commit(records)


@contextmanager
def opened(folder: Path) -> Iterator[WrittenBeside]:
    store = WrittenBeside.open(folder, 1, 0, {})
    try:
        yield store
    finally:
        store.close()


@settings(max_examples=30, deadline=None)
@given(first=RECORDS, second=RECORDS, start=KEYS)
def test_what_is_on_its_way_is_read_as_if_it_were_written(
    tmp_path_factory: pytest.TempPathFactory, first: list[Record], second: list[Record], start: str
) -> None:
    plain = MemoryStore()
    with opened(tmp_path_factory.mktemp("state")) as store:
        store.commit(first)
        plain.commit(first)
        plain.commit(second)
        gate = Gate(store)
        store.hand_over(second, lambda: None)
        try:
            for _ in range(2):  # while it is under way, and once it is in the file
                for kind in ("a", "a:b", "b"):
                    assert list(store.scan(kind, start)) == list(plain.scan(kind, start))
                    for _, key, _ in [*first, *second]:
                        assert store.get(kind, key) == plain.get(kind, key)
                gate.open.set()
                store.settle()
        finally:
            gate.open.set()


def test_a_scan_that_began_before_goes_on_after_it_is_written(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit([("a", "1", b"old"), ("a", "3", b"old"), ("a", "4", b"old")])
        gate = Gate(store)
        store.hand_over([("a", "1", b"new"), ("a", "2", b"new"), ("a", "4", None)], lambda: None)
        scan = store.scan("a")
        found = [next(scan)]
        gate.open.set()
        store.settle()
        found += scan
    assert found == [("1", b"new"), ("2", b"new"), ("3", b"old")]


def test_one_transaction_at_a_time_and_each_is_told_when_it_is_in_the_file(tmp_path: Path) -> None:
    names: list[tuple[str, bytes | None]] = []
    view = None
    with opened(tmp_path) as store:
        view = Store.reader(tmp_path)
        assert view is not None
        gate = Gate(store)

        def written(name: str) -> None:
            names.append((name, view.get("a", "")))

        store.hand_over([("a", "", b"first")], lambda: written("first"))
        assert gate.begun.wait(LONG)
        assert store.is_writing
        assert not names
        waiting = threading.Thread(
            target=store.hand_over, args=([("a", "", b"second")], lambda: written("second"))
        )
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive(), "the second one was handed over beside the first"
        gate.open.set()
        waiting.join(LONG)
        store.settle()
        assert not store.is_writing
        view.close()
    assert names == [("first", b"first"), ("second", b"second")]


@pytest.mark.parametrize("end", ["commit", "close"])
def test_a_commit_and_the_end_wait_for_what_is_under_way(tmp_path: Path, end: str) -> None:
    order: list[str] = []
    store = WrittenBeside.open(tmp_path, 1, 0, {})
    gate = Gate(store)
    store.hand_over([("a", "1", b"x")], lambda: order.append("written"))
    assert gate.begun.wait(LONG)

    def ending() -> None:
        store.commit([("a", "2", b"y")]) if end == "commit" else store.close()
        order.append(end)

    waiting = threading.Thread(target=ending)
    waiting.start()
    waiting.join(0.2)
    assert not order
    gate.open.set()
    waiting.join(LONG)
    assert order == ["written", end]
    store.close()


def test_a_transaction_that_fails_is_told_to_whoever_comes_next_and_nothing_follows_it(
    tmp_path: Path,
) -> None:
    store = WrittenBeside.open(tmp_path, 1, 0, {})
    store.store._connection.execute(REFUSING)
    store.hand_over([("a", "1", b"x"), ("a", "refused", b"x")], lambda: pytest.fail("it is not"))
    for _ in range(2):
        with pytest.raises(InputError, match=r"cannot be written \(no\)"):
            store.settle()
    assert isinstance(store.failure, InputError)
    with pytest.raises(InputError, match="cannot be written"):
        store.hand_over([("a", "2", b"x")], lambda: pytest.fail("it is not"))
    with pytest.raises(InputError, match="cannot be written"):
        store.commit([("a", "2", b"x")])
    store.close()
    with opened(tmp_path) as again:
        assert list(again.scan("a")) == []


def test_what_is_refused_from_another_thread_is_not_written(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.refuse(InputError("damaged"))
        store.hand_over([("a", "1", b"x")], lambda: pytest.fail("it is not"))
        with suppress(InputError):
            store.settle()
        assert str(store.failure) == "damaged"


def test_a_transaction_of_several_blocks_puts_and_deletes_all(tmp_path: Path) -> None:
    rows = [("a", f"{n:05d}\0é", bytes([n % 256]) * (n * 7 % 900)) for n in range(12_000)]
    with opened(tmp_path) as store:
        store.commit(rows)
        assert list(store.scan("a")) == [(key, blob) for _, key, blob in rows]
        store.commit((kind, key, None) for kind, key, _ in rows[:-1])
        assert [key for key, _ in store.scan("a")] == [rows[-1][1]]
