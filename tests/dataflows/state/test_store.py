from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.errors import InputError
from dataflows.state.records import MemoryStore, Record, Records
from dataflows.state.store import Store, store_path
from tests.dataflows.state.older_state import REFUSING

KINDS = st.sampled_from(["a", "a:b", "b"])
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
RECORDS = st.lists(st.tuples(KINDS, KEYS, st.none() | st.binary(max_size=9)), max_size=8)


def everything(store: Records) -> dict[str, list[tuple[str, bytes]]]:
    return {kind: list(store.scan(kind)) for kind in ("a", "a:b", "b")}


@given(commits=st.lists(RECORDS, max_size=5))
def test_what_is_committed_is_read_back_like_a_dict(
    commits: list[list[Record]], tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("state")
    memory = MemoryStore()
    for commit in commits:
        store = Store.open(folder)
        store.commit(commit)
        memory.commit(commit)
        store.close()
    store = Store.open(folder)
    assert everything(store) == everything(memory)
    for kind, rows in everything(memory).items():
        assert all(store.get(kind, key) == blob for key, blob in rows)
    assert store.get("a", "never written") is None
    store.close()


def test_a_commit_that_fails_half_way_leaves_nothing(tmp_path: Path):
    store = Store.open(tmp_path)
    store.commit([("a", "1", b"old")])
    store._connection.execute(REFUSING)
    with pytest.raises(InputError, match=r"cannot be written \(no\)"):
        store.commit([("a", "1", b"new"), ("a", "refused", b"x")])
    assert everything(store)["a"] == [("1", b"old")]
    store.commit([("a", "2", b"goes on")])
    assert store.get("a", "2") == b"goes on"
    store.close()


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(tmp_path: Path):
    store = Store.open(tmp_path)
    store.commit([("a", "1", b"old")])
    store._connection.execute("PRAGMA max_page_count = 10")
    with pytest.raises(
        InputError, match=r"cannot be written \(database or disk is full\)"
    ) as caught:
        store.commit([("a", "1", b"new"), ("a", "2", b"x" * 100_000)])
    assert "\n" not in str(caught.value)
    assert store.get("a", "1") == b"old"
    store._connection.execute("PRAGMA max_page_count = 1000000")
    store.commit([("a", "2", b"x" * 100_000)])
    store.close()
    Store.open(tmp_path).close()


def test_a_reader_sees_what_is_committed_and_only_that(tmp_path: Path):
    assert Store.reader(tmp_path) is None
    store = Store.open(tmp_path)
    reader = Store.reader(tmp_path)
    assert reader is not None
    store.commit([("a", "1", b"one")])
    assert reader.get("a", "1") == b"one"
    with pytest.raises(InputError):
        reader.commit([("a", "2", b"two")])
    reader.close()
    store.close()


@pytest.mark.parametrize(
    ("shards", "encoder", "message"),
    [(2, "hashing-64-1", "shards 1"), (1, "hashing-64-2", "encoder hashing-64-1")],
)
def test_a_state_made_otherwise_is_refused(tmp_path: Path, shards: int, encoder: str, message: str):
    Store.open(tmp_path, shards=1, identity={"encoder": "hashing-64-1"}).close()
    with pytest.raises(InputError, match=message) as caught:
        Store.open(tmp_path, shards=shards, identity={"encoder": encoder})
    assert "\n" not in str(caught.value)
    Store.open(tmp_path, shards=1, identity={"encoder": "hashing-64-1"}).close()


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path):
    first = Store.open(tmp_path)
    with pytest.raises(InputError, match="another process"):
        Store.open(tmp_path)
    first.close()
    Store.open(tmp_path).close()


def test_a_file_that_is_no_store_is_refused_in_one_line(tmp_path: Path):
    store_path(tmp_path, 0).write_bytes(b"this is no database at all, only text " * 200)
    with pytest.raises(InputError, match="is not a database") as caught:
        Store.open(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="is not a database"):
        Store.reader(tmp_path)
