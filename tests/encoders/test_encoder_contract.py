"""What every encoder must do, whatever is inside it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import numpy as np
import pytest

from encoders.backends.hashing import HashingEncoder
from encoders.base import Encoder, encode_optional
from encoders.cache.cached import CachedEncoder

TEXTS = ["toy story", "running shoes, red", "jazz", "toy story", "rock and blue jazz", "a"]


@pytest.fixture(params=["hashing", "cached", "sentence", "static", "int8", "multilingual"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    if request.param == "hashing":
        return HashingEncoder(32)
    if request.param == "cached":
        return CachedEncoder(HashingEncoder(32), capacity=4)
    if request.param == "sentence":
        return request.getfixturevalue("tiny")[0]
    return request.getfixturevalue(request.param)


def assert_close(some: np.ndarray, others: np.ndarray) -> None:
    np.testing.assert_allclose(some, others, atol=1e-5)


def test_rows_are_unit_float32_in_order(encoder: Encoder):
    rows = encoder.encode(TEXTS)
    assert rows.shape == (len(TEXTS), encoder.dim)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert_close(rows[0], rows[3])
    assert np.abs(rows[0] - rows[1]).max() > 0.01
    assert_close(encoder.encode(TEXTS[::-1])[::-1], rows)


def test_no_texts_give_no_rows(encoder: Encoder):
    rows = encoder.encode([])
    assert rows.shape == (0, encoder.dim)
    assert rows.dtype == np.float32


def test_a_text_alone_is_as_in_any_company(encoder: Encoder):
    company = [f"jazz {i} " + "rock " * (i % 30) for i in range(63)]
    alone = encoder.encode(["running shoes"])[0]
    assert_close(encoder.encode(["running shoes", *company])[0], alone)
    assert_close(encoder.encode([*company, "running shoes"])[-1], alone)


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "\u4f60\u597d", "?!", "a" * 20_000])
def test_odd_text_gives_a_finite_row_and_harms_no_neighbour(encoder: Encoder, text: str):
    rows = encoder.encode(["toy story", text, "jazz"])
    assert np.isfinite(rows).all()
    length = np.linalg.norm(rows[1])
    assert length == 0.0 or abs(length - 1.0) < 1e-5
    assert_close(rows[[0, 2]], encoder.encode(["toy story", "jazz"]))


def test_no_text_is_a_marked_state_among_good_ones(encoder: Encoder):
    answers = encode_optional(encoder, ["jazz", "", None, 3.5, "toy  story", "\u200b"])
    assert [answer is None for answer in answers] == [False, True, True, True, False, True]
    assert_close(np.stack([answers[0], answers[4]]), encoder.encode(["jazz", "toy story"]))


def test_a_row_does_not_change_later(encoder: Encoder):
    rows = encoder.encode(TEXTS)
    kept = rows.copy()
    encoder.encode([f"other {i}" for i in range(20)])
    np.testing.assert_array_equal(rows, kept)
    rows[:] = 7.0
    assert_close(encoder.encode(TEXTS), kept)


def test_the_version_names_kind_size_and_fingerprint(encoder: Encoder):
    assert re.fullmatch(rf"[a-z]+-{encoder.dim}-[0-9a-f]{{8,}}", encoder.version)


def test_threads_get_what_one_thread_gets(encoder: Encoder):
    texts = [f"toy {i} jazz" for i in range(40)]
    expected = encoder.encode(texts)
    found: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        found[number] = np.concatenate([encoder.encode([text]) for text in texts])

    run_together([lambda n=n: work(n) for n in range(8)])
    assert len(found) == 8
    for rows in found.values():
        assert_close(rows, expected)


def run_together(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
