from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.backends.hashing import HashingEncoder
from encoders.base import EncoderError
from encoders.cache.cached import CacheCounts, CachedEncoder, VectorMemory

CALLS = st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=12), max_size=20)


def test_each_distinct_new_text_is_encoded_once(counting):
    inner = counting()
    cached = CachedEncoder(inner, capacity=10)
    rows = cached.encode(["a", "b", "a", "c", "b"])
    assert inner.calls == [["a", "b", "c"]]
    cached.encode(["c", "d", "a", "d"])
    assert inner.calls == [["a", "b", "c"], ["d"]]
    np.testing.assert_array_equal(rows, counting().encode(["a", "b", "a", "c", "b"]))
    assert cached.counts == CacheCounts(hits=5, misses=4)


def test_it_passes_on_version_size_and_cuts(tiny):
    cached = CachedEncoder(tiny[0], capacity=10)
    before = cached.cut
    assert (cached.version, cached.dim) == (tiny[0].version, tiny[0].dim)
    cached.encode(["x y " * 40])
    assert cached.cut == before + 1
    assert CachedEncoder(HashingEncoder(8), capacity=1).cut == 0


@given(CALLS, st.integers(1, 6))
def test_answers_equal_those_without_a_cache_and_counts_balance(calls, capacity):
    bare = HashingEncoder(8)
    cached = CachedEncoder(HashingEncoder(8), capacity)
    for texts in calls:
        np.testing.assert_array_equal(cached.encode(texts), bare.encode(texts))
    counts = cached.counts
    assert counts.hits + counts.misses == sum(map(len, calls))


@given(CALLS, st.integers(1, 6))
def test_memory_keeps_what_a_plain_least_recently_used_table_keeps(calls, capacity):
    memory, oracle, evicted = VectorMemory(capacity, 1), OrderedDict(), 0
    for letters in calls:
        keys = [letter.encode() for letter in dict.fromkeys(letters)]
        out = np.full((len(keys), 1), -1, dtype=np.float32)
        missing = memory.read(keys, out)
        assert missing == [i for i, key in enumerate(keys) if key not in oracle]
        for place, key in enumerate(keys):
            if key in oracle:
                oracle.move_to_end(key)
                assert out[place, 0] == oracle[key]
        new = [keys[place] for place in missing]
        rows = np.array([[ord(key)] for key in new], dtype=np.float32).reshape(-1, 1)
        memory.write(new, rows)
        for key in new[-capacity:]:
            if len(oracle) == capacity:
                oracle.popitem(last=False)
                evicted += 1
            oracle[key] = ord(key)
        assert len(memory) == len(oracle)
        assert memory.evictions == evicted


def test_memory_bears_a_batch_larger_than_itself(counting):
    inner = counting()
    cached = CachedEncoder(inner, capacity=3)
    texts = [f"text {i}" for i in range(10)]
    np.testing.assert_array_equal(cached.encode(texts), counting().encode(texts))
    cached.encode(texts[-3:])
    assert len(inner.calls) == 1


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_capacity_below_one_is_refused(capacity):
    with pytest.raises(ValueError, match="the least is 1"):
        CachedEncoder(HashingEncoder(8), capacity)


def test_no_vector_crosses_a_version(counting, tmp_path):
    one, two = counting("v1"), counting("v2")
    first = CachedEncoder(one, capacity=10, path=tmp_path / "vectors.db")
    second = first.over(two)
    old = first.encode(["toy", "story"])
    new = second.encode(["toy", "story"])
    assert two.calls == [["toy", "story"]]
    assert np.abs(old - new).max() > 0.01
    np.testing.assert_array_equal(first.encode(["toy", "story"]), old)
    np.testing.assert_array_equal(second.encode(["toy", "story"]), new)
    assert len(one.calls) == len(two.calls) == 1
    first.close()
    later = CachedEncoder(counting("v3"), capacity=10, path=tmp_path / "vectors.db")
    later.encode(["toy", "story"])
    assert later.counts.misses == 2
    later.close()


def test_another_size_cannot_take_over(counting):
    cached = CachedEncoder(counting("v1", 16), capacity=4)
    with pytest.raises(EncoderError, match="16 dimensions are stored, it gives 32"):
        cached.over(counting("v2", 32))


def test_threads_encode_while_the_encoder_is_swapped(tiny, tmp_path):
    """Each answer comes whole from the version that it names, cache included."""
    texts = [f"toy {i} jazz" for i in range(125)]
    right = {encoder.version: encoder.encode(texts) for encoder in tiny}
    holder = [CachedEncoder(tiny[0], capacity=200, path=tmp_path / "vectors.db")]
    versions: set[str] = set()
    worst: list[float] = []
    done = threading.Semaphore(0)

    def work() -> None:
        for start in range(0, 125, 5):
            encoder = holder[0]
            rows = encoder.encode(texts[start : start + 5])
            versions.add(encoder.version)
            expected = right[encoder.version][start : start + 5]
            worst.append(float(np.abs(rows - expected).max()))
            done.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for swap in range(1, 6):
        for _ in range(30):
            done.acquire()
        holder[0] = holder[0].over(tiny[swap % 2])
    for thread in threads:
        thread.join()
    holder[0].close()
    assert len(worst) == 200
    assert max(worst) < 1e-5
    assert versions == set(right)
