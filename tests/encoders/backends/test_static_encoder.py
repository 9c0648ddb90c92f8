from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from encoders.backends.static import StaticEncoder
from encoders.base import EncoderError
from encoders.compression.static import distil_static


def test_distilling_gives_an_encoder_of_that_size(static: StaticEncoder):
    assert static.dim == 8
    assert np.linalg.norm(static.encode(["toy story"])) == pytest.approx(1.0, abs=1e-5)


def test_a_text_is_the_mean_of_its_tokens(static: StaticEncoder):
    rows = static.encode(["toy jazz", "jazz toy", "toy jazz toy jazz"])
    np.testing.assert_allclose(rows[1:], rows[[0, 0]], atol=1e-5)
    assert np.abs(static.encode(["rock"])[0] - rows[0]).max() > 0.01


def test_a_text_of_unknown_signs_is_marked_as_empty(static: StaticEncoder):
    row = static.encode(["\u4f60\u597d"])
    np.testing.assert_array_equal(row, np.zeros_like(row))


def test_a_long_text_is_read_to_its_end(static: StaticEncoder):
    many = static.encode(["toy " * 3000 + "jazz " * 3000, "toy jazz"])
    np.testing.assert_allclose(many[0], many[1], atol=1e-4)


def test_the_version_follows_the_table(static: StaticEncoder, static_folder: Path, tmp_path: Path):
    from safetensors.numpy import load_file, save_file

    copy = shutil.copytree(static_folder, tmp_path / "copy")
    assert StaticEncoder.from_folder(copy).version == static.version
    weights = load_file(copy / "model.safetensors")
    weights["embeddings"] = weights["embeddings"] + np.asarray(0.25, weights["embeddings"].dtype)
    save_file(weights, copy / "model.safetensors")
    assert StaticEncoder.from_folder(copy).version != static.version


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path):
    with pytest.raises(EncoderError, match="holds no static encoder"):
        StaticEncoder.from_folder(tmp_path)


def test_a_broken_table_is_a_clear_error(static_folder: Path, tmp_path: Path):
    folder = shutil.copytree(static_folder, tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EncoderError, match="cannot load the static encoder"):
        StaticEncoder.from_folder(folder)


def test_distilling_from_nothing_is_a_clear_error(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match="cannot distil"):
        distil_static(tmp_path / "out", source=tmp_path / "empty")
    assert not (tmp_path / "out").exists()


def test_without_model2vec_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(EncoderError, match=r"pip install 'penchant\[static\]'"):
        StaticEncoder.from_folder(tmp_path)
