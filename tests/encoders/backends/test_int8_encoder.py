from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from encoders.backends.int8 import Int8Encoder
from encoders.base import EncoderError
from encoders.compression import int8_export
from encoders.compression.int8 import compress_int8
from encoders.load import load_encoder

pytest.importorskip("onnxruntime")

TEXTS = ["toy story", "running shoes, red", "jazz", "rock and blue jazz", "a", "toy " * 60]


def copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def test_vectors_are_near_those_of_the_source_and_of_another_version(int8: Int8Encoder, tiny):
    source = tiny[0]
    near = (int8.encode(TEXTS) * source.encode(TEXTS)).sum(1)
    assert near.min() > 0.98
    assert (int8.encode(TEXTS) * tiny[1].encode(TEXTS)).sum(1).max() < 0.9
    assert int8.version != source.version
    assert int8.version.startswith(f"onnx-{source.dim}-")


def test_a_row_is_the_same_to_the_bit_in_any_company(int8: Int8Encoder):
    alone = np.concatenate([int8.encode([text]) for text in TEXTS])
    np.testing.assert_array_equal(int8.encode(TEXTS), alone)


def test_it_is_smaller_than_its_source(int8_folder: Path, model_folders):
    size = (int8_folder / "model.onnx").stat().st_size
    weights = (model_folders[0] / "model.safetensors").stat().st_size
    # Graph and scales weigh something in a model as tiny as this.
    assert size < 2 * weights
    assert not list(int8_folder.glob("*.bin"))


def test_the_folder_is_loaded_by_its_marker(int8_folder: Path, int8: Int8Encoder, tmp_path):
    encoder = load_encoder(str(int8_folder))
    assert isinstance(encoder, Int8Encoder)
    assert encoder.version == int8.version
    copy = copied(int8_folder, tmp_path / "copy")
    assert load_encoder(str(copy)).version == int8.version


def test_a_static_folder_is_loaded_by_its_marker_too(static_folder: Path, static):
    assert load_encoder(str(static_folder)).version == static.version


def test_a_long_text_is_cut_as_its_source_cuts_it_and_counted(int8_folder: Path, tiny):
    encoder = Int8Encoder.from_folder(int8_folder)
    before = encoder.cut
    long = encoder.encode(["toy " * 22, "toy " * 23, "toy " * 400])
    assert encoder.cut - before == 2, "22 words and two signs fill the limit of 24"
    np.testing.assert_array_equal(long[1], long[2])


def test_the_version_follows_what_a_vector_depends_on(int8_folder: Path, int8, tmp_path):
    for number, change in enumerate(({"max_tokens": 9}, {"lower": True}, {"prompt": "query: "})):
        copy = copied(int8_folder, tmp_path / str(number))
        marker = json.loads((copy / "int8.json").read_bytes())
        (copy / "int8.json").write_text(json.dumps(marker | change))
        assert Int8Encoder.from_folder(copy).version != int8.version
    copy = copied(int8_folder, tmp_path / "renamed")
    marker = json.loads((copy / "int8.json").read_bytes())
    (copy / "int8.json").write_text(json.dumps(marker | {"source": "elsewhere"}))
    assert Int8Encoder.from_folder(copy).version == int8.version


def test_a_default_prompt_of_the_source_is_kept(model_folders, tmp_path):
    source = copied(model_folders[0], tmp_path / "prompted")
    path = source / "config_sentence_transformers.json"
    settings = json.loads(path.read_bytes())
    settings |= {"prompts": {"query": "running red "}, "default_prompt_name": "query"}
    path.write_text(json.dumps(settings))
    prompted = compress_int8(source, tmp_path / "int8")
    whole = load_encoder(str(source))
    assert (prompted.encode(TEXTS) * whole.encode(TEXTS)).sum(1).min() > 0.98


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.onnx", b"nothing"),
        ("model.onnx", None),
        ("tokenizer.json", b"{"),
        ("tokenizer.json", None),
        ("int8.json", b"{}"),
    ],
)
def test_a_broken_folder_is_a_clear_error(int8_folder: Path, tmp_path, name, content):
    folder = copied(int8_folder, tmp_path / "broken")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(EncoderError, match=r"cannot load the int8 encoder .*anew"):
        load_encoder(str(folder))


def test_a_truncated_model_is_a_clear_error(int8_folder: Path, tmp_path):
    folder = copied(int8_folder, tmp_path / "truncated")
    whole = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EncoderError, match="cannot load the int8 encoder"):
        load_encoder(str(folder))


@pytest.mark.parametrize("change", [{"dim": 16}, {"format": 2}])
def test_a_marker_that_says_otherwise_is_refused(int8_folder: Path, tmp_path, change):
    folder = copied(int8_folder, tmp_path / "wrong")
    marker = json.loads((folder / "int8.json").read_bytes())
    (folder / "int8.json").write_text(json.dumps(marker | change))
    with pytest.raises(EncoderError, match="anew"):
        load_encoder(str(folder))


def test_a_folder_without_a_model_is_a_clear_error(tmp_path):
    with pytest.raises(EncoderError, match="holds no int8 encoder"):
        Int8Encoder.from_folder(tmp_path)
    with pytest.raises(EncoderError, match="cannot load the encoder"):
        compress_int8(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_graph_that_gives_other_vectors_is_refused(model_folders, tmp_path, monkeypatch):
    monkeypatch.setattr(int8_export, "MOST_APART", -1.0)
    with pytest.raises(EncoderError, match="gives other vectors than the model"):
        compress_int8(model_folders[0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_onnxruntime_the_remedy_is_named(int8_folder, model_folders, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EncoderError, match=r"pip install 'penchant\[int8\]'"):
        load_encoder(str(int8_folder))
    with pytest.raises(EncoderError, match=r"pip install 'penchant\[int8\]'"):
        compress_int8(model_folders[0], tmp_path / "out")
