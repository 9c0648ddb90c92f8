"""A round of the encoder with a tiny one: trained, loaded again under its version."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.config.config import Config, load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError
from dataflows.finetune.encoder.pairs import Pair
from dataflows.finetune.encoder.tuner import EncoderTuner, as_texts
from dataflows.finetune.rounds.once import read_window
from dataflows.finetune.rounds.round import base_of
from dataflows.finetune.tuner import Base, RoundStopped, StageProgress
from dataflows.finetune.window.window import Split, split
from dataflows.registry.registry import Registry
from encoders.backends.minilm import packaged_folder
from encoders.load import load_encoder
from tests.encoders.tiny_models import HIDDEN, build_model


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    model = build_model(tmp_path_factory.mktemp("tiny") / "made", seed=0)
    given = {"encoder.name": str(model), "tuning.steps": 3, "tuning.batch_size": 8}
    return load_config(None, given, {})


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Split:
    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=1, items=60, users=60).write(folder, 600)
    window = read_window(config, folder / "events.jsonl", folder / "items.jsonl", "encoder")
    return split(window, 0.2)


def test_what_was_trained_is_loaded_again_under_its_version(config, parted, tmp_path):
    tuner = EncoderTuner(config)
    steps: list[StageProgress] = []
    base = base_of("encoder", tuner.base_name, Registry(tmp_path / "models"))
    trained = tuner.train(parted, base, tmp_path / "new", steps.append, lambda: False)
    assert trained.health.finite
    assert trained.health.steps == 3
    assert trained.health.changed > 0
    assert (trained.form, trained.dim, trained.needs) == ("sentence-transformers", HIDDEN, "")
    assert [step.done for step in steps if step.total] == [1, 2, 3]
    new = load_encoder(str(tmp_path / "new"))
    old = load_encoder(tuner.base_name)
    assert new.version == trained.fingerprint != old.version
    texts = ["a view of something", "another"]
    assert not np.allclose(new.encode(texts), old.encode(texts), atol=1e-6)


def test_a_training_that_is_stopped_leaves_nothing(config, parted, tmp_path):
    tuner = EncoderTuner(config)
    base = base_of("encoder", tuner.base_name, Registry(tmp_path / "models"))
    with pytest.raises(RoundStopped):
        tuner.train(parted, base, tmp_path / "new", lambda step: None, lambda: True)
    assert not (tmp_path / "new").exists()


def test_where_a_round_begins(config, tmp_path):
    tuner = EncoderTuner(config)
    assert tuner.folder(Base("", "packaged", None)) == packaged_folder()
    assert tuner.folder(Base("encoder-0001-abc", "x", tmp_path)) == tmp_path
    assert tuner.folder(Base("", str(tmp_path), None)) == tmp_path
    with pytest.raises(InputError, match="cannot be tuned"):
        tuner.folder(Base("", "hashing-64", None))


def test_pairs_as_the_training_takes_them():
    pairs = as_texts([Pair("a", "b", 0.5, None), Pair("c", "d", 1.5, "e")])
    assert (pairs.anchors, pairs.positives) == (["a", "c"], ["b", "d"])
    assert pairs.negatives == ["", "e"]
    assert pairs.weights.dtype == np.float32
    assert pairs.weights.tolist() == [0.5, 1.5]
