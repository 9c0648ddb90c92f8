from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from encoders.backends.sentence import SentenceEncoder
from encoders.base import EncoderError
from encoders.text import render_item


def near(rows: np.ndarray, query: np.ndarray, k: int = 10) -> list[int]:
    return np.argsort(-(rows @ query), kind="stable")[:k].tolist()


def test_the_version_follows_the_weights_not_the_folder(
    model_folders: tuple[Path, Path], tiny: tuple[SentenceEncoder, SentenceEncoder], tmp_path: Path
):
    copy = shutil.copytree(model_folders[0], tmp_path / "copy")
    assert SentenceEncoder.from_folder(copy).version == tiny[0].version
    assert tiny[0].version != tiny[1].version


def test_one_changed_weight_is_another_version(
    model_folders: tuple[Path, Path], tiny: tuple[SentenceEncoder, SentenceEncoder]
):
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folders[0]), device="cpu")
    assert SentenceEncoder(model).version == tiny[0].version
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1e-3
    changed = SentenceEncoder(model).version
    assert changed != tiny[0].version
    model.max_seq_length = 12
    assert SentenceEncoder(model).version not in {changed, tiny[0].version}


def test_the_version_does_not_depend_on_earlier_calls(model_folders: tuple[Path, Path]):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folders[0]), device="cpu")
    first = SentenceEncoder(model)
    first.encode(["toy story", "jazz " * 100])
    assert SentenceEncoder(model).version == first.version


def test_cut_texts_are_counted_exactly(model_folders: tuple[Path, Path]):
    encoder = SentenceEncoder.from_folder(model_folders[0])
    # The limit is 24 tokens, two of them are marks: 22 words fit, the 23rd is cut.
    encoder.encode(["jazz " * 22, "jazz", "x" * 22])
    assert encoder.cut == 0
    rows = encoder.encode(["jazz " * 23, "jazz " * 22, "jazz", "x " * 250])
    assert encoder.cut == 2
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


def test_a_model_leaves_training_mode(model_folders: tuple[Path, Path]):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folders[0]), device="cpu").train()
    encoder = SentenceEncoder(model)
    rows = [encoder.encode(["toy story"]) for _ in range(3)]
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not model.training


def test_torch_works_on_one_thread(tiny: tuple[SentenceEncoder, SentenceEncoder]):
    import torch

    assert torch.get_num_threads() == 1


def test_weights_that_are_not_finite_never_reach_a_learner(model_folders: tuple[Path, Path]):
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folders[0]), device="cpu")
    with torch.no_grad():
        next(model.parameters())[:] = float("nan")
    rows = SentenceEncoder(model).encode(["toy story"])
    np.testing.assert_array_equal(rows, np.zeros_like(rows))


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path):
    with pytest.raises(EncoderError, match=r"holds no sentence-transformers model .*packaged"):
        SentenceEncoder.from_folder(tmp_path)


def test_broken_weights_are_a_clear_error(model_folders: tuple[Path, Path], tmp_path: Path):
    folder = shutil.copytree(model_folders[0], tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(EncoderError, match="cannot load the encoder") as caught:
        SentenceEncoder.from_folder(folder)
    assert "\n" not in str(caught.value)


def test_the_default_encoder_knows_meaning(minilm):
    assert minilm.dim == 384
    rows = minilm.encode(["trainers for jogging", "running shoes", "a string quartet"])
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.3


def test_the_default_encoder_gives_a_text_one_place_in_any_company(minilm):
    """Same text alone, among 64, and beside long ones: the same row, and the same neighbours."""
    titles = [f"{noun} for {use}" for noun in ("shoes", "records", "tents", "lamps", "novels",
              "pans", "bicycles", "cameras") for use in ("running", "camping", "children", "work",
              "winter", "music", "a small kitchen", "the garden")]  # fmt: skip
    long_text = "a very long description of nothing in particular " * 20
    together = minilm.encode(titles)
    alone = np.concatenate([minilm.encode([title]) for title in titles[::8]])
    beside = minilm.encode([long_text, *titles[::8], long_text])[1:-1]
    np.testing.assert_allclose(alone, together[::8], atol=1e-5)
    np.testing.assert_allclose(beside, together[::8], atol=1e-5)
    for row, other in zip(alone, beside, strict=True):
        assert near(together, row) == near(together, other)


def test_a_long_item_is_cut_and_counted_by_the_default_encoder(minilm):
    before = minilm.cut
    text = render_item("A title", "word " * 400, ("Books",))
    assert text is not None
    minilm.encode([text, "short"])
    assert minilm.cut == before + 1
