from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import pytest

import encoders.cache.disk
from encoders.backends.hashing import HashingEncoder
from encoders.base import EncoderError
from encoders.cache.cached import CachedEncoder
from encoders.cache.disk import VectorFile

TEXTS = [f"text {i}" for i in range(20)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "folder" / "vectors.db"


@pytest.fixture
def filled(path, counting):
    with closing(CachedEncoder(counting(), capacity=50, path=path)) as cached:
        cached.encode(TEXTS)
    return path


def rows_of(texts):
    rows = HashingEncoder(8).encode(texts)
    return {text.encode(): row for text, row in zip(texts, rows, strict=True)}


def test_a_new_process_finds_what_the_last_one_encoded(filled, counting):
    inner = counting()
    with closing(CachedEncoder(inner, capacity=50, path=filled)) as cached:
        rows = cached.encode([*TEXTS, "one more", TEXTS[0]])
        assert inner.calls == [["one more"]]
        assert cached.counts[:3] == (1, 20, 1)
    np.testing.assert_array_equal(rows, counting().encode([*TEXTS, "one more", TEXTS[0]]))


def test_the_file_is_for_its_owner_alone_and_an_open_one_is_closed(path):
    before = os.umask(0)
    try:
        VectorFile(path, capacity=5, dim=8).close()
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        file = VectorFile(path, capacity=5, dim=8)
        file.write(rows_of(TEXTS[:2]), "v")
        modes = {one.stat().st_mode & 0o777 for one in path.parent.iterdir()}
        assert len(list(path.parent.iterdir())) == 3
        assert modes == {0o600}
        file.close()
    finally:
        os.umask(before)


def test_the_file_stays_within_its_bound_and_keeps_what_is_used(path):
    file = VectorFile(path, capacity=10, dim=8)
    file.write(rows_of(TEXTS[:8]), "v")
    assert set(file.read([b"text 0", b"text 1"])) == {b"text 0", b"text 1"}
    for text in TEXTS[8:16]:
        file.write(rows_of([text]), "v")
    kept = set(file.read([text.encode() for text in TEXTS]))
    assert len(kept) <= 10
    assert {b"text 0", b"text 1", b"text 15"} <= kept
    assert b"text 2" not in kept
    assert file.evictions == 16 - len(kept)
    file.close()
    assert sqlite3.connect(path).execute("SELECT count(*) FROM vectors").fetchone()[0] == len(kept)


def test_writing_a_row_again_does_not_count_twice(path):
    file = VectorFile(path, capacity=5, dim=8)
    for _ in range(10):
        file.write(rows_of(TEXTS[:5]), "v")
    assert len(file.read([text.encode() for text in TEXTS[:5]])) == 5
    assert file.evictions == 0
    file.close()


def spoil_all(path):
    path.write_bytes(b"this is not a database " * 500)


def spoil_middle(path):
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(bytes(content))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:5000])


def use_otherwise(path):
    path.unlink()
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE vectors (other INTEGER)")
    base.close()


@pytest.mark.parametrize("spoil", [spoil_all, spoil_middle, cut_short, use_otherwise])
def test_a_damaged_file_is_set_aside_and_work_goes_on(filled, counting, caplog, spoil):
    spoil(filled)
    inner = counting()
    with caplog.at_level(logging.WARNING), closing(CachedEncoder(inner, 50, path=filled)) as cached:
        rows = cached.encode(TEXTS)
        assert cached.counts.set_aside == 1
    np.testing.assert_array_equal(rows, counting().encode(TEXTS))
    assert "is damaged" in caplog.text
    assert filled.with_name("vectors.db.damaged-1").exists()
    with closing(CachedEncoder(counting(), 50, path=filled)) as again:
        again.encode(TEXTS)
        assert again.counts.set_aside == 0
        assert again.counts.disk_hits >= len(TEXTS) - len(inner.calls[0])


def test_damage_during_work_is_not_fatal(filled, counting, caplog):
    with closing(CachedEncoder(counting(), 50, path=filled)) as cached:
        spoil_middle(filled)
        for suffix in ("-wal", "-shm"):
            filled.with_name(filled.name + suffix).unlink(missing_ok=True)
        other = sqlite3.connect(filled)
        other.close()
        rows = cached.encode(TEXTS)
    np.testing.assert_array_equal(rows, counting().encode(TEXTS))


@pytest.mark.parametrize(
    "blob",
    [
        b"short",
        np.full(16, np.nan, dtype="<f4").tobytes(),
        np.full(16, 2.0, dtype="<f4").tobytes(),
        "text",
    ],
    ids=["size", "nan", "length", "type"],
)
def test_a_damaged_row_is_encoded_anew(filled, counting, blob):
    base = sqlite3.connect(filled)
    base.execute("UPDATE vectors SET row = ?", (blob,))
    base.commit()
    base.close()
    inner = counting()
    with closing(CachedEncoder(inner, 50, path=filled)) as cached:
        rows = cached.encode(TEXTS)
    assert inner.calls == [TEXTS]
    np.testing.assert_array_equal(rows, counting().encode(TEXTS))


def test_a_busy_file_is_passed_over(filled, counting, caplog, monkeypatch):
    monkeypatch.setattr(encoders.cache.disk, "_BUSY_SECONDS", 0.01)
    with closing(CachedEncoder(counting(), 50, path=filled)) as cached:
        holder = sqlite3.connect(filled, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            rows = cached.encode(["fresh", TEXTS[0]])
        assert "passed over" in caplog.text
        assert cached.counts.passed_over == 2
        holder.execute("ROLLBACK")
        holder.close()
        np.testing.assert_array_equal(rows, counting().encode(["fresh", TEXTS[0]]))
        cached.encode(["fresh again"])
        assert cached.counts.set_aside == 0
    with closing(CachedEncoder(counting(), 50, path=filled)) as later:
        later.encode(["fresh again"])
        assert later.counts.disk_hits == 1


def test_a_file_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EncoderError, match=r"cannot write the cache of vectors .*/file/vectors"):
        CachedEncoder(HashingEncoder(8), 5, path=tmp_path / "file" / "vectors.db")


def test_a_damaged_file_that_cannot_be_moved_is_left(filled, counting, caplog, monkeypatch):
    spoil_all(filled)

    def refuse(path):
        raise OSError("read-only")

    monkeypatch.setattr(encoders.cache.disk, "set_aside", refuse)
    with (
        caplog.at_level(logging.WARNING),
        closing(CachedEncoder(counting(), 50, path=filled)) as cached,
    ):
        np.testing.assert_array_equal(cached.encode(TEXTS), counting().encode(TEXTS))
    assert "going on without" in caplog.text


def test_a_second_damaged_file_gets_a_name_of_its_own(filled, counting):
    for number in (1, 2):
        spoil_all(filled)
        CachedEncoder(counting(), 50, path=filled).close()
        assert filled.with_name(f"vectors.db.damaged-{number}").exists()


def test_a_database_that_cannot_hold_our_table_is_a_clear_error(path):
    path.parent.mkdir(parents=True)
    base = sqlite3.connect(path)
    base.execute("CREATE VIEW vectors AS SELECT 1 AS used")
    base.close()
    with pytest.raises(EncoderError, match="cannot write the cache of vectors"):
        VectorFile(path, 5, dim=8)


def test_a_closed_file_is_left_alone(path, counting):
    cached = CachedEncoder(counting(), 2, path=path)
    cached.close()
    cached.close()
    np.testing.assert_array_equal(cached.encode(["a", "b"]), counting().encode(["a", "b"]))
    assert cached.counts.misses == 2


def test_two_owners_and_many_threads_share_a_file(path, counting):
    owners = [CachedEncoder(counting(), 8, path=path, disk_capacity=15) for _ in range(2)]
    expected = counting().encode(TEXTS)
    right: list[bool] = []

    def work(number):
        for start in range(0, 20, 4):
            rows = owners[number % 2].encode(TEXTS[start : start + 4])
            right.append(bool(np.array_equal(rows, expected[start : start + 4])))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for owner in owners:
        owner.close()
    assert right == [True] * 30
    assert sqlite3.connect(path).execute("SELECT count(*) FROM vectors").fetchone()[0] <= 15


@pytest.mark.parametrize("capacity", [0, -3])
def test_a_file_needs_room_for_a_row(path, capacity):
    with pytest.raises(ValueError, match="the least is 1"):
        VectorFile(path, capacity, dim=8)


def test_a_second_cache_on_the_file_leaves_the_locks_of_the_first(path):
    first = VectorFile(path, capacity=5, dim=8)
    first.write(rows_of(TEXTS[:2]), "v")
    second = VectorFile(path, capacity=5, dim=8)
    look = f"import sqlite3; sqlite3.connect({str(path)!r}).execute('SELECT 1 FROM vectors')"
    subprocess.run([sys.executable, "-c", look], check=True)
    # Who closes last takes the write-ahead log away: that other process was not the last.
    assert path.with_name(f"{path.name}-wal").exists()
    first.close()
    second.close()
