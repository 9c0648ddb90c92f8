"""Every encoder of ours does what an encoder must; and the checks find one that does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from encoders.backends.hashing import HashingEncoder
from encoders.base import Encoder, Vectors
from encoders.cache.cached import CachedEncoder
from encoders.testing import ENCODER_CHECKS, check_encoder, check_installed
from encoders.text import encode_optional


@pytest.fixture(params=["hashing", "cached", "sentence", "static", "int8", "multilingual"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    if request.param == "hashing":
        return HashingEncoder(32)
    if request.param == "cached":
        return CachedEncoder(HashingEncoder(32), capacity=4)
    if request.param == "sentence":
        return request.getfixturevalue("tiny")[0]
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("check", ENCODER_CHECKS, ids=lambda check: check.__name__)
def test_it_is_an_encoder(encoder: Encoder, check: Callable[[Encoder], None]) -> None:
    check(encoder)


def test_a_value_that_is_no_text_is_a_missing_one(encoder: Encoder) -> None:
    answers = encode_optional(encoder, ["jazz", 3.5, "toy  story"])
    assert answers[1] is None
    np.testing.assert_allclose(
        np.stack([answers[0], answers[2]]), encoder.encode(["jazz", "toy story"]), atol=1e-5
    )


def test_the_version_names_kind_size_and_fingerprint(encoder: Encoder) -> None:
    assert re.fullmatch(rf"[a-z]+-{encoder.dim}-[0-9a-f]{{8,}}", encoder.version)


def test_ours_is_the_same_in_every_process() -> None:
    check_installed("hashing-32")


class Faulty(HashingEncoder):
    """An encoder of 16 numbers whose `encode` does one thing wrong."""

    def __init__(self, encode: Callable[..., Vectors], **wrong: object) -> None:
        super().__init__(16)
        self._encode = encode
        self.held = np.empty((200, 16), np.float32)
        self.__dict__ |= wrong

    def encode(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self, texts, HashingEncoder(16).encode(texts))


def well(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    return rows


def error(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    return rows if all(texts) else rows[[len(texts)]]


def nan(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    rows[["?!" in text for text in texts] if texts else []] = np.nan
    return rows


def last_counts(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    return np.roll(rows, bool(texts) and texts[-1] == "toy story", axis=1)


def crowded(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    return np.roll(rows, len(texts) > 60, axis=1)


def buffer(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    self.held[: len(texts)] = rows
    return self.held[: len(texts)]


def constant(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    return HashingEncoder(16).encode(["jazz"] * len(texts))


def counting(self: Faulty, texts: Sequence[str], rows: Vectors) -> Vectors:
    self.version += "x"
    return rows


FAULTS = {
    "its version is ''": Faulty(well, version=""),
    "its dim is 16.0": Faulty(well, dim=16.0),
    "out of bounds": Faulty(error),
    "float64 of shape": Faulty(lambda self, texts, rows: rows.astype(np.float64)),
    "list, not an array": Faulty(lambda self, texts, rows: rows.tolist()),
    "a row of length 2, not 1 or 0": Faulty(lambda self, texts, rows: rows * 2.0),
    "a row of length nan": Faulty(nan),
    "differ by 0 at most": Faulty(constant),
    "opposite order": Faulty(last_counts),
    "63 others": Faulty(crowded),
    "rows given out changed": Faulty(buffer),
    "changed by encoding": Faulty(counting),
}


@pytest.mark.parametrize(("told", "faulty"), FAULTS.items())
def test_what_is_wrong_with_an_encoder_is_found(told: str, faulty: Encoder) -> None:
    with pytest.raises((AssertionError, IndexError), match=re.escape(told)):
        check_encoder(faulty)


def test_an_encoder_that_hangs_on_the_hash_seed_is_found(foreign) -> None:
    code = (
        "from encoders.backends.hashing import HashingEncoder\n"
        "class Seeded(HashingEncoder):\n"
        "    def __init__(self):\n"
        "        super().__init__(16)\n"
        "    def encode(self, texts):\n"
        "        return super().encode([f'{text} {hash(text)}' for text in texts])\n"
    )
    foreign({"penchant.encoders:seeded": "Seeded"}, code)
    with pytest.raises(AssertionError, match="two processes gave"):
        check_installed("seeded")
