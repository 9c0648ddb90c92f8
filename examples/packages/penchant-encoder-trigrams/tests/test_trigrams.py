from __future__ import annotations

import pytest
from penchant_encoder_trigrams import TrigramEncoder

from encoders.base import EncoderError
from encoders.testing import ENCODER_CHECKS, check_installed


@pytest.mark.parametrize("check", ENCODER_CHECKS, ids=lambda check: check.__name__)
def test_it_is_an_encoder(check) -> None:
    check(TrigramEncoder())


@pytest.mark.parametrize("name", ["trigrams", "trigrams:64"])
def test_it_is_found_by_its_name(name) -> None:
    check_installed(name)


def test_words_that_are_spelt_alike_are_near() -> None:
    kettle, kettles, novel = TrigramEncoder().encode(["tea kettle", "Tea  kettles", "a novel"])
    assert kettle @ kettles > 0.7
    assert kettle @ novel < 0.3


@pytest.mark.parametrize("dim", ["", "seven", "12", "8192", "-8"])
def test_an_impossible_size_is_refused(dim) -> None:
    with pytest.raises(EncoderError, match="give a multiple of 8 from 8 to 4096"):
        TrigramEncoder(dim)
