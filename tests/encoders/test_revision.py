"""Which commit of a hub model is taken; no hub is asked here."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import msgspec
import pytest

import encoders.llm.load as language
from dataflows.config.config import load_config
from dataflows.errors import InputError
from dataflows.finetune.encoder.tuner import EncoderTuner
from dataflows.finetune.tuner import Base
from dataflows.hotswap.configured_encoder import load_configured, named
from encoders.backends import sentence
from encoders.base import EncoderError
from encoders.llm.errors import LanguageError
from encoders.load import is_of_hub, load_encoder

NAME, COMMIT = "someone/some-model", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"


def configured(**given):
    return load_config(None, {"encoder.name": NAME, **given}, {})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, model_folders: tuple[Path, Path]):
    """A hub with one model at two commits; what it was asked for."""
    asked: list[tuple[str, str | None]] = []
    load = sentence.load_sentence_transformer

    def fetch(name: str, revision: str | None = None, **options: object) -> str:
        asked.append((name, revision))
        return str(model_folders[revision == COMMIT])

    def loaded(name: str, revision: str | None = None, **options: object):
        if name != NAME:
            return load(name, **options)
        return load(fetch(name, revision), local_files_only=True)

    monkeypatch.setattr(sentence, "load_sentence_transformer", loaded)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    return asked


def test_the_revision_is_asked_for_and_another_one_is_another_version(hub, tiny):
    newest = load_configured(configured().encoder)
    pinned = load_configured(configured(**{"encoder.revision": COMMIT}).encoder)
    assert hub == [(NAME, None), (NAME, COMMIT)]
    assert newest.version == tiny[0].version
    assert pinned.version == tiny[1].version != newest.version


def test_a_library_is_handed_the_revision(monkeypatch):
    given = {}

    class LoadedError(Exception):
        pass

    def make(name, **options):
        given.update(options, name=name)
        raise LoadedError("far enough")

    monkeypatch.setattr("encoders.backends.sentence.unreachable", lambda name: None)
    monkeypatch.setattr("sentence_transformers.SentenceTransformer", make)
    with pytest.raises(EncoderError, match="far enough"):
        load_encoder(NAME, revision=COMMIT)
    assert (given["name"], given["revision"]) == (NAME, COMMIT)


def test_a_round_of_training_takes_the_same_one(hub):
    tuner = EncoderTuner(configured(**{"encoder.revision": COMMIT}))
    tuner.folder(Base("", NAME, None))
    tuner.folder(Base("", "another/model", None))
    assert hub == [(NAME, COMMIT), ("another/model", None)]


def test_the_language_model_too(hub):
    folder = language._folder(NAME, None, COMMIT)
    assert (folder / "config.json").is_file()
    assert hub == [(NAME, COMMIT)]


@pytest.mark.parametrize("name", ["packaged", "multilingual", "hashing", "hashing-64", "static:x"])
def test_what_is_not_of_the_hub_has_no_revision(name):
    assert not is_of_hub(name)
    with pytest.raises(EncoderError, match="leave the revision out") as caught:
        load_encoder(name, revision=COMMIT)
    assert "\n" not in str(caught.value)


def test_folders_have_none_either(model_folders):
    with pytest.raises(EncoderError, match="leave the revision out"):
        load_encoder(str(model_folders[0]), revision=COMMIT)
    for name in ("packaged", str(model_folders[0])):
        with pytest.raises(LanguageError, match="leave the revision out"):
            language.load_language_model(name, revision=COMMIT)


def test_it_is_a_setting_with_limits():
    assert configured().encoder.revision is None
    assert named(configured().encoder) == NAME
    assert named(configured(**{"encoder.revision": "v2"}).encoder) == f"{NAME}@v2"
    for name in ("encoder.revision", "generate.revision"):
        for wrong in ("", "x" * 256):
            with pytest.raises(InputError, match=name):
                load_config(None, {name: wrong}, {})
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"revision": 5}, type(configured().encoder))
