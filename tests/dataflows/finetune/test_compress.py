"""A compressed encoder is a version of its own, judged against its source, never promoted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataflows.config.config import load_config
from dataflows.config.gate import GateSettings
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError, ModelError
from dataflows.finetune.compress import compress, source_of
from dataflows.finetune.encoder.tuner import EncoderTuner
from dataflows.finetune.newest_window import newest_window
from dataflows.finetune.run import IDENTITY, tuning_folder
from dataflows.finetune.window.collect import Collector
from dataflows.finetune.window.window import split
from dataflows.registry.decisions import Evidence, PairedMeasure
from dataflows.registry.registry import Registry
from dataflows.state.store import Store
from encoders.load import load_encoder
from tests.dataflows.registry.tiny import about, write_adapter
from tests.encoders.tiny_models import HIDDEN, build_model

TEXTS = ["toy story", "running shoes", "red jazz", "blue rock"]


def figure(loss: float) -> PairedMeasure:
    return PairedMeasure(-5.0, -5.0 - loss, -loss, -loss - 0.01, -loss + 0.01)


class FakeMeasurer:
    """Says how far vectors moved, as if that were a loss of rank."""

    def __init__(self, loss: float | None = None):
        self.loss = loss

    def folder(self, base):
        return base.folder

    def measure(self, parted, base, folder, trained, tell, stop):
        old, new = load_encoder(str(base.folder)), load_encoder(str(folder))
        near = (old.encode(TEXTS) * new.encode(TEXTS)).sum(1)
        loss = float(1 - near.mean()) if self.loss is None else self.loss
        even = PairedMeasure(0.5, 0.5, 0.0, -0.001, 0.001)
        figures = {"log_rank": figure(loss), "coverage": even, "pipeline_hit_rate": even}
        return Evidence("encoder", 500, figures | {"check:probe": even}, trained.health)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=1, items=60, users=20).write(folder, 400)
    return folder


@pytest.fixture(scope="module")
def sentence(tmp_path_factory) -> Path:
    return build_model(tmp_path_factory.mktemp("models") / "one", seed=1)


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def parted(shop):
    window = newest_window(load_config(None, {}, {}), shop / "events.jsonl", shop / "items.jsonl")
    return split(window, 0.25)


def add_sentence(registry, sentence):
    fingerprint = load_encoder(str(sentence)).version
    return registry.add("encoder", sentence, about(dim=HIDDEN, fingerprint=fingerprint)).id


def test_int8_is_made_judged_and_added(registry, sentence, parted):
    pytest.importorskip("onnxruntime")
    version = add_sentence(registry, sentence)
    measurer = FakeMeasurer()
    base = source_of(registry, version, "packaged")
    made, decision = compress(base, "int8", parted, registry, measurer, GateSettings())
    assert (made.form, made.parents, made.base, made.dim) == ("int8", (version,), version, HIDDEN)
    assert made.verdict == decision.verdict == "promote"
    assert decision.goal == "keep"
    assert registry.decisions() == [decision]
    assert (decision.candidate, decision.against) == (made.id, version)
    assert made.data["newest"] == len(parted.newest) > 0
    loaded = load_encoder(str(registry.fetch(made.id)))
    assert loaded.version == made.fingerprint
    assert registry.promotions() == []
    registry.promote(made.id, "smaller", 1.0)
    with pytest.raises(ModelError, match=f"is int8: compress the one it was made from, {version}"):
        source_of(registry, made.id, "packaged")


def test_a_form_that_loses_too_much_is_kept_and_not_promoted(registry, sentence, parted):
    pytest.importorskip("model2vec")
    version = add_sentence(registry, sentence)
    base = source_of(registry, version, "packaged")
    made, decision = compress(
        base, "static", parted, registry, FakeMeasurer(loss=0.5), GateSettings()
    )
    assert decision.verdict == "refuse"
    assert made.form == "static"
    assert load_encoder(str(registry.fetch(made.id))).version == made.fingerprint
    with pytest.raises(ModelError, match="the gate refused"):
        registry.promote(made.id, "smaller", 1.0)


def test_the_configured_encoder_can_be_compressed(registry, sentence, tmp_path):
    base = source_of(registry, "base", str(sentence))
    assert (base.version, base.name, base.folder) == ("", str(sentence), None)
    tuner = EncoderTuner(load_config(None, {"encoder.name": str(sentence)}, {}))
    assert tuner.folder(base) == sentence
    for name in ("hashing-64", "static:somewhere", "multilingual"):
        with pytest.raises(ModelError, match="cannot be compressed"):
            source_of(registry, "base", name)
    adapter = registry.add(
        "language", write_adapter(tmp_path / "a"), about(form="adapter", dim=16)
    ).id
    with pytest.raises(ModelError, match="is adapter"):
        source_of(registry, adapter, "packaged")


def test_the_slice_is_what_the_log_says_newest_last(shop):
    config = load_config(None, {"finetune.window_events": 100}, {})
    window = newest_window(config, shop / "events.jsonl", shop / "items.jsonl")
    lines = (shop / "events.jsonl").read_text().splitlines()
    known = [json.loads(line)["event_id"] for line in lines]
    told = [event.event_id for event in window.events]
    assert len(told) == window.fresh == 100
    assert told == [one for one in known if one in set(told)]
    assert len(window.items) == 60


def test_what_fine_tuning_kept_comes_before_the_files(shop, tmp_path):
    given = {
        "state.path": str(tmp_path / "state"),
        "files.events": str(shop / "events.jsonl"),
        "files.items": str(shop / "items.jsonl"),
    }
    config = load_config(None, given, {})
    assert len(newest_window(config).events) > 300
    store = Store.open(tuning_folder(config), 1, 0, IDENTITY)
    Collector(store, config.finetune, config.clean).commit()
    store.close()
    with pytest.raises(InputError, match="no events to judge by"):
        newest_window(config)


def test_without_events_the_remedy_is_named(tmp_path):
    given = {"state.path": str(tmp_path), "flow.source": "kafka"}
    with pytest.raises(InputError, match="penchant finetune --once"):
        newest_window(load_config(None, given, {}))
    (tmp_path / "empty.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="give a log with --events"):
        newest_window(load_config(None, given, {}), tmp_path / "empty.jsonl")
