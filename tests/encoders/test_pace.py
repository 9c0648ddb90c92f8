from contextlib import closing

import numpy as np
import pytest

from encoders.backends.hashing import HashingEncoder
from encoders.cache.cached import CachedEncoder
from encoders.text import tokens_ahead
from encoders.throughput import AT_ONCE, FIRST_RATE, EncodingPace, Padded, estimated_tokens


def test_a_text_costs_by_its_bytes_and_a_very_long_one_no_more_than_is_read():
    assert estimated_tokens("") == 2
    assert estimated_tokens("a" * 40) == 12
    assert estimated_tokens("я" * 40) == 22
    assert estimated_tokens("灯" * 40) == 32
    assert estimated_tokens("\ud800") == 2
    assert estimated_tokens("a" * 2048) == estimated_tokens("a" * 1_000_000) == 514


def test_short_texts_beside_a_long_one_are_padded_to_its_length():
    assert Padded().total == 0
    assert Padded([10] * 5).total == 50
    assert Padded([10, 100, 10]).total == 300
    assert Padded([10] * AT_ONCE + [100]).total == 10 * AT_ONCE + 100
    tokens = Padded()
    for count in [3, 50, 7] * AT_ONCE:
        expected = tokens.after(count)
        tokens.add(count)
        assert tokens.total == expected


def test_the_pace_follows_what_is_measured_and_gets_over_a_slow_first_call():
    pace = EncodingPace()
    assert pace.tokens_per_second == FIRST_RATE
    pace.measured([100], 2.0)
    assert pace.tokens_per_second == pytest.approx(50)
    for _ in range(25):
        pace.measured([400], 0.1)
    assert pace.tokens_per_second == pytest.approx(4000, rel=0.02)
    for _ in range(6):
        pace.measured([400], 0.4)
    assert pace.tokens_per_second < 1300, "a machine that got busy is noticed soon"


def test_nothing_measured_is_no_pace_of_zero():
    pace = EncodingPace()
    pace.measured([], 0.0)
    pace.measured([], 1.0)
    pace.measured([10], 0.0)
    assert pace.tokens_per_second > 0


def test_only_what_the_encoder_has_to_do_counts(tmp_path):
    path = tmp_path / "cache.db"
    with closing(CachedEncoder(HashingEncoder(32), 2, path)) as first:
        assert first.tokens_ahead(["a lamp", "a chair", "a lamp"]) == [3, 3, 0]
        first.encode(["a lamp", "a chair", "a table"])  # the memory holds two
        before = first.counts
        assert first.tokens_ahead(["a lamp", "a table", "a stool"]) == [0, 0, 3]
        assert first.counts == before, "to look is not to use"
    with closing(CachedEncoder(HashingEncoder(32), 2)) as alone:
        alone.encode(["a lamp", "a chair", "a table"])
        assert alone.tokens_ahead(["a lamp", "a table"]) == [3, 0]


def test_a_look_does_not_keep_a_text_in_memory():
    encoder = CachedEncoder(HashingEncoder(32), 2)
    encoder.encode(["old"])
    encoder.encode(["new"])
    encoder.tokens_ahead(["old"])
    encoder.encode(["newer"])
    assert encoder.tokens_ahead(["old", "new"]) == [2, 0]


def test_what_is_encoded_is_measured_and_another_version_has_a_pace_of_its_own():
    encoder = CachedEncoder(HashingEncoder(32), 10)
    encoder.encode(["a lamp", "a chair"])
    assert encoder.pace.tokens_per_second != FIRST_RATE
    other = encoder.over(HashingEncoder(32))
    assert other.pace.tokens_per_second == FIRST_RATE


def test_no_text_costs_nothing_and_an_encoder_that_cannot_tell_says_so():
    texts = [None, "a lamp", " \u200b", "a\ud800lamp", "a\ufffdlamp"]
    ahead = tokens_ahead(CachedEncoder(HashingEncoder(32), 10), texts)
    assert ahead[0] == ahead[2] == ahead[4] == 0
    assert ahead[1] > 0
    assert ahead[3] > 0
    assert tokens_ahead(HashingEncoder(32), texts) == [0] * len(texts)
    assert np.array_equal(tokens_ahead(HashingEncoder(32), []), [])
