"""A round of training on a tiny encoder: what it learns, keeps, saves, and when it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from encoders.backends.minilm import packaged_folder
from encoders.backends.sentence import SentenceEncoder
from encoders.base import EncoderError, TrainingProgress
from encoders.load import load_encoder
from encoders.training.finetune import EncoderRound, tune_encoder
from encoders.training.interpolation import relative_change
from encoders.training.loss import TiedLoss
from encoders.training.pairs import TextPairs
from encoders.training.settings import EncoderTuning
from encoders.training.trainer import check_libraries

KINDS = "abcdefgh"
TEXTS = [f"{kind} toy {letter}" for kind in KINDS for letter in "klmnop"]
QUICK = {"steps": 6, "batch_size": 16, "others": 8, "hard": 4, "layers": 1.0}


def some_pairs(count: int = 400, seed: int = 0) -> TextPairs:
    """Pairs of two texts of one kind."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(len(KINDS), size=count) * 6
    ends = np.array([rng.choice(6, 2, replace=False) for _ in range(count)])
    hard = rng.integers(len(TEXTS), size=count)
    return TextPairs(
        [TEXTS[place] for place in kinds + ends[:, 0]],
        [TEXTS[place] for place in kinds + ends[:, 1]],
        np.ones(count, np.float32),
        [TEXTS[place] for place in hard],
    )


def tuned(base: Path, pairs: TextPairs | None = None, **given: object) -> EncoderRound:
    settings = EncoderTuning(**{**QUICK, **given})
    return tune_encoder(base, pairs or some_pairs(), TEXTS, settings)


@pytest.fixture(scope="module")
def base(model_folders: tuple[Path, Path]) -> Path:
    return model_folders[0]


@pytest.fixture(scope="module")
def done(base: Path) -> EncoderRound:
    return tuned(base)


def test_a_round_tells_how_it_went(done):
    assert len(done.losses) == done.steps == 6
    assert np.isfinite(done.losses).all()
    assert done.targets == 6 * 16
    assert done.changed > 0
    assert done.batch_size == 16
    assert done.seconds > 0
    assert done.peak_bytes > 0


def test_what_is_saved_is_the_model_under_its_fingerprint(done, base, tmp_path):
    done.save(tmp_path / "new" / "model")
    loaded = load_encoder(str(tmp_path / "new" / "model"))
    assert isinstance(loaded, SentenceEncoder)
    assert loaded.version == SentenceEncoder(done.model).version
    assert loaded.version != SentenceEncoder.from_folder(base).version
    direct = done.model.encode(TEXTS, show_progress_bar=False, normalize_embeddings=True)
    np.testing.assert_allclose(loaded.encode(TEXTS), direct, atol=1e-5)
    (weights,) = (tmp_path / "new" / "model").rglob("*.safetensors")
    with safe_open(weights, "np") as file:
        assert not [name for name in file.keys() if "lora" in name]  # noqa: SIM118 - no mapping
    assert not list(tmp_path.rglob("*.bin"))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_what_goes_together_comes_together_and_the_rest_stays(base, method):
    old = SentenceEncoder.from_folder(base)
    given = {"method": method, "learning_rate": 5e-3, "steps": 25, "blends": (1.0,)}
    loose = SentenceEncoder(tuned(base, keep=0.0, **given).model)
    tied = SentenceEncoder(tuned(base, keep=50.0, **given).model)
    before, free, kept = (encoder.encode(TEXTS) for encoder in (old, loose, tied))
    assert apart(free) > apart(before) + 0.02
    assert (kept * before).sum(1).mean() > (free * before).sum(1).mean()
    assert (kept * before).sum(1).mean() > 0.99


def apart(rows: np.ndarray) -> float:
    """How much closer texts of one kind are than those of two."""
    kinds = np.repeat(np.arange(len(KINDS)), 6)
    same = kinds[:, None] == kinds[None, :]
    cosines = rows @ rows.T
    inside = cosines[same & ~np.eye(len(rows), dtype=bool)].mean()
    return float(inside - cosines[~same].mean())


def test_one_seed_gives_one_model(done, base):
    again, other = tuned(base), tuned(base, seed=1)
    version = SentenceEncoder(done.model).version
    assert SentenceEncoder(again.model).version == version
    assert again.losses == done.losses
    assert SentenceEncoder(other.model).version != version


def test_only_the_last_layers_are_trained(base):
    new = tuned(base, layers=0.5, method="full", blends=(1.0,)).model.state_dict()
    old = tuned(base, steps=1, learning_rate=1e-9, method="full").model.state_dict()
    changed = {name for name in old if (new[name] - old[name]).abs().max() > 1e-6}
    assert changed
    assert all(".layer.1." in name for name in changed)


def test_it_stops_when_asked_and_tells_how_far_it_is(base):
    told: list[TrainingProgress] = []
    done = tune_encoder(
        base,
        some_pairs(),
        TEXTS,
        EncoderTuning(**QUICK),
        told.append,
        lambda: len(told) >= 2,
    )
    assert done.steps == 2
    assert [(each.step, each.steps) for each in told] == [(1, 6), (2, 6)]
    assert [each.loss for each in told] == done.losses


def test_a_stop_at_once_trains_nothing(base):
    done = tune_encoder(
        base,
        some_pairs(),
        TEXTS,
        EncoderTuning(**QUICK),
        stop=lambda: True,
    )
    assert (done.steps, done.targets, done.changed) == (0, 0, 0.0)


def test_time_bounds_the_steps(base):
    done = tuned(base, steps=10_000, passes=1e5, max_seconds=1.0)
    assert 1 <= done.steps < 10_000


def test_no_more_steps_than_see_the_pairs_so_often(base):
    assert tuned(base, some_pairs(64), steps=100, passes=1.0, held_out=0.0).steps == 4


def test_the_batch_is_cut_to_fit_into_memory(base, monkeypatch):
    monkeypatch.setattr("encoders.training.batch_size.used_bytes", lambda device: 1_000_000)
    monkeypatch.setattr("encoders.training.batch_size.peak_bytes", lambda device: 1_800_000)
    # 100,000 bytes a text: 3,520,000 of 4,000,000 bytes for 12 further texts and 11 pairs.
    done = tuned(base, max_bytes=5_000_000)
    assert done.batch_size == 12
    with pytest.raises(EncoderError, match="allow more, or lower"):
        tuned(base, max_bytes=2_000_000)


def test_memory_that_runs_out_halves_the_batch(base, monkeypatch):
    real, failed = TiedLoss.forward, []

    def forward(self, features, labels):
        if len(labels["wanted"]) > 8:
            failed.append(len(labels["wanted"]))
            raise torch.OutOfMemoryError
        return real(self, features, labels)

    monkeypatch.setattr(TiedLoss, "forward", forward)
    assert tuned(base).batch_size == 8
    assert failed == [16]


def test_memory_that_runs_out_for_good_is_told(base, monkeypatch):
    def forward(self, features, labels):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(TiedLoss, "forward", forward)
    with pytest.raises(EncoderError, match="no memory for a batch of 4 pairs"):
        tuned(base)


def test_a_loss_that_is_no_number_ends_it_and_reaches_no_weight(base, monkeypatch):
    real, calls = TiedLoss._ranking, []

    def ranking(self, rows, labels):
        calls.append(1)
        return real(self, rows, labels) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(TiedLoss, "_ranking", ranking)
    done = tuned(base, blends=(1.0,))
    assert len(done.losses) == 3
    assert np.isnan(done.losses[-1])
    assert done.steps == 2
    assert all(bool(torch.isfinite(each).all()) for each in done.model.state_dict().values())


def test_a_gradient_that_is_no_number_reaches_no_weight(base, monkeypatch):
    real = TiedLoss._ranking

    def ranking(self, rows, labels):
        loss = real(self, rows, labels)
        loss.register_hook(lambda gradient: gradient * float("inf"))
        return loss

    monkeypatch.setattr(TiedLoss, "_ranking", ranking)
    done = tuned(base, blends=(1.0,))
    assert done.steps == 0
    assert np.isnan(done.losses[-1])
    assert done.changed == 0.0


def test_what_cannot_be_trained_is_refused(base, tmp_path, static_folder):
    with pytest.raises(EncoderError, match=r"no modules\.json"):
        tuned(tmp_path)
    with pytest.raises(EncoderError, match="no layers to train"):
        tuned(static_folder)
    with pytest.raises(EncoderError, match="nothing to train on"):
        tuned(base, TextPairs([""], ["x"], np.ones(1, np.float32)))


def test_a_missing_library_is_told_with_its_remedy(base, monkeypatch):
    remedy = r"pip install 'penchant\[llm\]'"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "peft", None)
        with pytest.raises(EncoderError, match=remedy):
            tuned(base)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(EncoderError, match=remedy):
        check_libraries()


def test_the_change_is_relative_to_the_weights_that_changed():
    old = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([100.0])}
    new = {"a": torch.tensor([3.0, 4.5]), "b": torch.tensor([100.0])}
    assert relative_change(old, new) == pytest.approx(0.1)
    assert relative_change(old, old) == 0.0
    assert np.isnan(relative_change(old, old | {"a": torch.tensor([np.nan, 0.0])}))


@pytest.mark.slow
def test_a_round_of_the_packaged_encoder(tmp_path):
    done = tuned(packaged_folder(), steps=3, layers=0.5, blends=(1.0,))
    done.save(tmp_path / "new")
    old, new = load_encoder("packaged"), load_encoder(str(tmp_path / "new"))
    assert done.steps == 3
    assert (new.dim, done.targets) == (old.dim, 3 * 16)
    assert new.version != old.version
    assert (old.encode(TEXTS) * new.encode(TEXTS)).sum(1).min() > 0.95
