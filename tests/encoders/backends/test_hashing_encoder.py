from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from encoders.backends.hashing import HashingEncoder
from encoders.base import EncoderError

ROOT = Path(__file__).resolve().parents[3]
PRINT_ROW = (
    "from encoders.backends.hashing import HashingEncoder as H;"
    "print(H(32).encode(['Am\\u00e9lie, toys'])[0].tobytes().hex())"
)


def test_the_hash_seed_of_the_process_plays_no_part():
    rows = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        result = subprocess.run(
            [sys.executable, "-c", PRINT_ROW],
            capture_output=True, text=True, check=True, cwd=ROOT, env=environment,
        )  # fmt: skip
        rows.add(result.stdout.strip())
    assert rows == {HashingEncoder(32).encode(["Am\u00e9lie, toys"])[0].tobytes().hex()}


def test_a_row_is_the_signed_sum_of_words_and_their_pieces():
    """The same computed the long way, feature by feature."""
    row = np.zeros(64)
    for word in ("red", "hat"):
        marked = f"<{word}>"
        grams = [marked[0:3], marked[1:4], marked[2:5], marked[0:4], marked[1:5]]
        for feature, weight in [(f" {word}", 1.0), *((gram, 5**-0.5) for gram in grams)]:
            code = crc32(feature.encode())
            row[(code >> 1) % 64] += weight if code & 1 else -weight
    np.testing.assert_allclose(
        HashingEncoder(64).encode(["Red hat"])[0], row / np.linalg.norm(row), atol=1e-6
    )


def test_near_spellings_are_near_and_strangers_are_not():
    rows = HashingEncoder(1024).encode(["running shoes", "runing shoe", "blue jazz record"])
    assert rows[0] @ rows[1] > 0.2
    assert abs(rows[0] @ rows[2]) < 0.1


def test_case_and_compatibility_forms_do_not_matter():
    rows = HashingEncoder(64).encode(["TOY story", "toy story", "\uff34\uff2f\uff39 story"])
    np.testing.assert_allclose(rows[1:], rows[[0, 0]], atol=1e-6)


@pytest.mark.parametrize("text", ["\u4f60\u597d", "?!", "\U0001f600"])
def test_text_without_latin_letters_still_says_something(text: str):
    assert np.linalg.norm(HashingEncoder(64).encode([text])[0]) == pytest.approx(1.0, abs=1e-5)


def test_the_version_tells_sizes_apart():
    assert HashingEncoder(64).version == HashingEncoder(64).version
    assert HashingEncoder(64).version != HashingEncoder(128).version


@pytest.mark.parametrize("dim", [-1, 0, 7, 65_537])
def test_an_impossible_size_is_refused(dim: int):
    with pytest.raises(EncoderError, match="choose 8 to 65536"):
        HashingEncoder(dim)
