from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from dataflows.errors import InputError
from dataflows.finetune.rounds.round import (
    JUDGED,
    TRAINED,
    RoundSettings,
    base_of,
    refuse_round,
    round_key,
    run_round,
)
from dataflows.finetune.tuner import RoundStopped, StageProgress
from dataflows.registry.decisions import LOG_RANK, PairedMeasure
from dataflows.registry.registry import Registry
from tests.dataflows.finetune.doubles import TinyTuner, a_window, behave
from tests.dataflows.registry.tiny import about

RULES = RoundSettings()


class KilledError(Exception):
    """As if the process had been killed."""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def tuner(tmp_path: Path) -> TinyTuner:
    return TinyTuner(tmp_path / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "round"


def test_a_better_model_is_registered_and_promoted(tuner, registry, folder):
    steps: list[StageProgress] = []
    decision = run_round(
        a_window(), tuner, registry, folder, RULES, tell=steps.append, now=lambda: 5.0
    )
    assert decision.is_promoted
    current = registry.current("encoder")
    assert current is not None
    assert current.id == decision.candidate
    assert (current.base, current.parents, current.made) == ("hashing", (), 5.0)
    assert current.data["first_ts"] == 1e9
    assert current.data["last_ts"] == 1e9 + 79
    assert current.figures[LOG_RANK]["gain"] == 0.5
    assert current.gate == {"verdict": "promote", "reasons": []}
    assert registry.decisions() == [decision]
    assert tuner.calls("trained") == ["80 20 "]
    assert {step.stage for step in steps} == {"training", "measuring"}


def test_what_gains_nothing_is_refused_with_the_reason_and_the_old_one_serves(
    tuner, registry, folder
):
    first = run_round(a_window(), tuner, registry, folder / "0", RULES)
    behave(tuner.folder, gain=0.0)
    second = run_round(a_window(number=1), tuner, registry, folder / "1", RULES)
    assert second.verdict == "refuse"
    assert second.reasons[0].startswith("no gain")
    assert second.against == first.candidate
    current = registry.current("encoder")
    assert current is not None
    assert current.id == first.candidate
    assert [one.verdict for one in registry.decisions()] == ["promote", "refuse"]
    assert len(registry.versions()) == 1


def test_the_next_round_begins_from_the_version_in_force(tuner, registry, folder):
    first = run_round(a_window(), tuner, registry, folder / "0", RULES)
    second = run_round(a_window(number=1), tuner, registry, folder / "1", RULES)
    assert registry.get(second.candidate).parents == (first.candidate,)
    assert registry.get(second.candidate).base == first.candidate
    assert tuner.calls("trained")[1] == f"80 20 {first.candidate}"
    assert [one.version for one in registry.promotions()] == [first.candidate, second.candidate]


@pytest.mark.parametrize("window", [a_window(fresh=0), a_window(n=1, fresh=1), a_window(n=0)])
def test_a_window_with_nothing_to_train_or_judge_on_is_refused(window, tuner, registry, folder):
    decision = run_round(window, tuner, registry, folder, RULES)
    assert decision.reasons[0].startswith("too little")
    assert tuner.calls("trained") == []
    assert registry.decisions() == [decision]


def test_targets_all_cut_away_are_refused(tuner, registry, folder):
    behave(tuner.folder, targets=0)
    decision = run_round(a_window(), tuner, registry, folder, RULES)
    assert "targets were all cut away" in decision.reasons[0]
    assert registry.current("encoder") is None


def test_a_figure_that_is_no_number_is_refused_and_the_decision_kept(tuner, registry, folder):
    behave(tuner.folder)
    measure = tuner.measure

    def broken(*given):
        evidence = measure(*given)
        evidence.figures[LOG_RANK] = PairedMeasure(-6.0, math.nan, math.nan, math.nan, math.nan)
        return evidence

    tuner.measure = broken
    decision = run_round(a_window(), tuner, registry, folder, RULES)
    assert f"{LOG_RANK} is not finite" in decision.reasons
    assert registry.decisions() == [decision]


def test_a_round_that_was_stopped_trains_again(tuner, registry, folder):
    behave(tuner.folder, seconds=60)
    with pytest.raises(RoundStopped):
        run_round(a_window(), tuner, registry, folder, RULES, stop=lambda: True)
    behave(tuner.folder)
    assert run_round(a_window(), tuner, registry, folder, RULES).is_promoted
    assert registry.decisions()[0].round == round_key(a_window())


PLACES = [
    ("dataflows.finetune.rounds.round.split", 0),
    ("dataflows.finetune.rounds.round.judge", 1),
    ("dataflows.registry.registry.Registry.add", 1),
    ("dataflows.registry.registry.Registry.promote", 1),
    ("dataflows.registry.registry.Registry.decide", 1),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("place", "trainings"), PLACES)
def test_killed_anywhere_a_round_goes_on_and_does_all_once(
    place, trainings, after, tuner, registry, folder, monkeypatch
):
    module, _, name = place.rpartition(".")
    real = __import__("pkgutil").resolve_name(place)

    def killed(*given, **more):
        if after:
            real(*given, **more)
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(f"{module}.{name}", killed)
        with pytest.raises(KilledError):
            run_round(a_window(), tuner, registry, folder, RULES)
    decision = run_round(a_window(), tuner, registry, folder, RULES)
    again = run_round(a_window(), tuner, registry, folder, RULES)
    assert decision == again
    assert decision.is_promoted
    assert len(tuner.calls("trained")) == 1
    assert [one.id for one in registry.versions()] == [decision.candidate]
    assert [one.version for one in registry.promotions()] == [decision.candidate]
    assert registry.decisions() == [decision]


def test_a_half_written_candidate_is_trained_anew(tuner, registry, folder):
    (folder / "aside").mkdir(parents=True)
    (folder / "aside" / "model.safetensors").write_bytes(b"half")
    assert run_round(a_window(), tuner, registry, folder, RULES).is_promoted


def test_a_rollback_in_mid_round_wins_over_the_round(tuner, registry, folder):
    first = run_round(a_window(), tuner, registry, folder / "0", RULES)
    measure = tuner.measure

    def rolled_back(*given):
        registry.rollback("encoder", "a person", 1.0)
        return measure(*given)

    tuner.measure = rolled_back
    decision = run_round(a_window(number=1), tuner, registry, folder / "1", RULES)
    assert "came into force while the round went on" in decision.reasons[0]
    assert decision.against == first.candidate
    assert registry.current("encoder") is None
    assert registry.decisions()[-1].verdict == "refuse"


def test_what_was_trained_from_another_base_is_not_taken_up(tuner, registry, folder):
    first = run_round(a_window(), tuner, registry, folder / "0", RULES)
    behave(tuner.folder, gain=0.4)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dataflows.finetune.rounds.round.judge", _kill)
        with pytest.raises(KilledError):
            run_round(a_window(number=1), tuner, registry, folder / "1", RULES)
    registry.rollback("encoder", "a person", 1.0)
    decision = run_round(a_window(number=1), tuner, registry, folder / "1", RULES)
    assert len(tuner.calls("trained")) == 3
    assert decision.against == ""
    assert registry.get(decision.candidate).parents == ()
    assert first.candidate != decision.candidate


def _kill(*_given):
    raise KilledError


def test_a_judged_round_whose_model_is_gone_says_so(tuner, registry, folder):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dataflows.registry.registry.Registry.add", _kill)
        with pytest.raises(KilledError):
            run_round(a_window(), tuner, registry, folder, RULES)
    assert (folder / JUDGED).exists()
    (folder / TRAINED).unlink()
    with pytest.raises(InputError, match="what it trained is gone"):
        run_round(a_window(), tuner, registry, folder, RULES)


def test_a_round_that_failed_is_decided_once(registry):
    decision = refuse_round(a_window(), RULES, "the round crashed", registry, 3.0)
    refuse_round(a_window(), RULES, "the round crashed", registry, 4.0)
    assert registry.decisions() == [decision]
    assert decision.reasons == ("the round crashed",)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=type(decision)) == decision


def test_a_compressed_version_in_force_is_trained_from_what_it_was_made_of(
    tuner, registry, folder, tmp_path
):
    first = run_round(a_window(), tuner, registry, folder, RULES)
    small = tmp_path / "small"
    small.mkdir()
    save_file({"embeddings": np.ones((5, 8), np.float32)}, small / "model.safetensors")
    made = registry.add("encoder", small, about(form="static", parents=(first.candidate,)))
    registry.promote(made.id, "smaller", 1.0, anyway=True)
    base = base_of("encoder", "hashing", registry)
    assert base.version == first.candidate
    assert base.folder == registry.fetch(first.candidate)


def test_an_adapter_of_another_model_is_no_base(registry, folder, tmp_path):
    tuner = TinyTuner(tmp_path / "tiny", "language")
    first = run_round(a_window(kind="language"), tuner, registry, folder / "0", RULES)
    assert first.is_promoted
    assert base_of("language", tuner.base_name, registry).version == first.candidate
    assert base_of("language", "another model", registry).version == ""
    tuner.base_name = "another model"
    second = run_round(a_window(kind="language", number=1), tuner, registry, folder / "1", RULES)
    assert second.is_promoted
    assert second.against == ""
    current = registry.current("language")
    assert current is not None
    assert (current.id, current.base) == (second.candidate, "another model")
