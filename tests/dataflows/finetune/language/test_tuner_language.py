"""A round of the language model with a tiny one: trained, loaded again, judged."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dataflows.config.config import Config, load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.finetune.gate import judge
from dataflows.finetune.language.questions import is_check_user
from dataflows.finetune.language.tuner import LanguageTuner
from dataflows.finetune.rounds.once import read_window, run_once
from dataflows.finetune.rounds.round import RoundSettings, base_of, run_round
from dataflows.finetune.tuner import RoundStopped, StageProgress
from dataflows.finetune.window.window import Split, Window, split
from dataflows.registry.decisions import LOG_RANK, Evidence
from dataflows.registry.manifest import About
from dataflows.registry.registry import Registry
from encoders.llm.load import load_language_model
from tests.encoders.llm.tiny_folder import write_tiny


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=1, items=60, users=60, label_share=0.3).write(folder, 1200)
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    model = write_tiny(tmp_path_factory.mktemp("tiny") / "model", seed=0)
    given = {"generate.model": str(model), "language.steps": 4, "language.batch_size": 4}
    return load_config(None, given, {})


@pytest.fixture(scope="module")
def parted(shop: Path, config: Config) -> Split:
    window = read_window(config, shop / "events.jsonl", shop / "items.jsonl", "language")
    return split(window, 0.2)


def test_what_was_trained_is_loaded_again_under_its_version(config, parted, tmp_path):
    tuner = LanguageTuner(config)
    steps: list[StageProgress] = []
    base = base_of("language", tuner.base_name, Registry(tmp_path / "models"))
    trained = tuner.train(parted, base, tmp_path / "new", steps.append, lambda: False)
    assert trained.health.finite
    assert trained.health.steps == 4
    assert trained.health.changed > 0
    assert (trained.form, trained.needs, trained.dim) == ("adapter", tuner.base_name, 32)
    model = load_language_model(tuner.base_name, adapter=tmp_path / "new")
    assert model.version == trained.fingerprint
    assert [step.done for step in steps if step.total] == [1, 2, 3, 4]

    registry = Registry(tmp_path / "models")
    about = About(
        base=trained.needs, form="adapter", fingerprint=trained.fingerprint, made=1.0, dim=32
    )
    version = registry.add("language", tmp_path / "new", about)
    registry.promote(version.id, "a test", 1.0, anyway=True)
    base = base_of("language", tuner.base_name, registry)
    assert base.version == version.id
    again = tuner.train(parted, base, tmp_path / "newer", steps.append, lambda: False)
    assert again.fingerprint not in (trained.fingerprint, "")


def test_no_user_of_the_check_set_is_trained_on_and_intents_are_a_part(config, parted):
    assert any(is_check_user(event.user_id) for event in parted.train)
    own = Split([event for event in parted.train if is_check_user(event.user_id)], [], parted.items)
    tuner = LanguageTuner(config)
    assert tuner.examples(own) == []
    kinds = [example.kind for example in tuner.examples(parted)]
    assert 0 < kinds.count("intent") <= 0.31 * len(kinds)


def test_a_training_that_is_stopped_leaves_nothing(config, parted, tmp_path):
    tuner = LanguageTuner(config)
    base = base_of("language", tuner.base_name, Registry(tmp_path / "models"))
    with pytest.raises(RoundStopped):
        tuner.train(parted, base, tmp_path / "new", lambda step: None, lambda: True)
    assert not (tmp_path / "new").exists()


def test_targets_that_are_all_cut_away_are_refused(config, parted, tmp_path):
    long = {
        item_id: msgspec.structs.replace(item, title=f"{item.title} {'long ' * 20}")
        for item_id, item in parted.items.items()
    }
    events = [msgspec.structs.replace(event, intent=None) for event in parted.train]
    language = msgspec.structs.replace(config.language, max_tokens=16)
    tuner = LanguageTuner(msgspec.structs.replace(config, language=language))
    registry = Registry(tmp_path / "models")
    decision = run_round(
        Window("language", 0, events, len(events), long),
        tuner,
        registry,
        tmp_path / "round",
        RoundSettings(),
    )
    assert decision.reasons == (
        "the targets were all cut away: nothing took part in the loss",
        "nothing was trained: no step was made",
    )
    assert registry.current("language") is None
    assert registry.versions() == []


def test_a_training_that_changes_no_weight_is_refused(config, parted, tmp_path):
    language = msgspec.structs.replace(config.language, learning_rate=1e-9)  # the least there is
    tuner = LanguageTuner(msgspec.structs.replace(config, language=language))
    base = base_of("language", tuner.base_name, Registry(tmp_path / "models"))
    trained = tuner.train(parted, base, tmp_path / "new", lambda step: None, lambda: False)
    assert trained.health.steps == 4
    (reason,) = judge(Evidence("language", 0, {}, trained.health)).reasons
    assert reason.startswith("nothing was trained: the weights changed by")


@pytest.mark.slow
def test_a_whole_round_ends_in_a_decision_with_its_figures(config, shop, tmp_path):
    registry = Registry(tmp_path / "models")
    decision = run_once(
        config, shop / "events.jsonl", shop / "items.jsonl", "language", registry, limit=600
    )
    assert LOG_RANK in decision.evidence.figures
    assert decision.evidence.health is not None
    assert decision.evidence.health.steps == 4
    assert registry.decisions() == [decision]
    assert (registry.current("language") is not None) == decision.is_promoted
