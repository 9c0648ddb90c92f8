from __future__ import annotations

import math

import msgspec
import pytest
import torch

from encoders.llm.budget import MemoryBudget, TimeBudget
from encoders.llm.errors import TuningError
from encoders.llm.training.finetune import TextExample, _Training, tune_language
from encoders.llm.training.loss import losses, score_candidates
from encoders.llm.training.settings import LanguageTuning

FOLLOWS = {"Heat": "Ran", "Ran": "Alien", "Alien": "Brazil", "Brazil": "Heat"}
EXAMPLES = [TextExample(f"{a}\nNext:", b, "next") for a, b in FOLLOWS.items()] * 4
QUICK = LanguageTuning(
    steps=25, batch_size=8, passes=50, learning_rate=0.02, rank=4, layers=1.0, max_seconds=None
)


def targets(model):
    return losses(model, [each.prompt for each in EXAMPLES], [each.target for each in EXAMPLES])


@pytest.fixture(scope="module")
def trained(tiny):
    return tune_language(tiny, EXAMPLES, QUICK)


def test_what_was_wanted_gets_likelier_and_the_base_stays_as_it_is(tiny, trained, tmp_path):
    before = targets(tiny).mean
    trained.save(tmp_path / "adapter")
    after = tiny.with_adapter(tmp_path / "adapter")
    assert targets(after).mean < 0.7 * before
    assert targets(tiny).mean == before
    assert trained.steps == len(trained.losses) == 25
    assert trained.changed > 1e-3
    of_all = 4 * sum(len(tiny.target_ids(title)) for title in FOLLOWS.values())
    assert abs(trained.targets - 12.5 * of_all) <= of_all / 4
    assert trained.cut == 0
    assert trained.peak_bytes > 1e6


def test_what_is_saved_is_safetensors_and_json_alone(trained, tmp_path):
    trained.save(tmp_path / "adapter")
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "base.json",
    ]


def test_the_same_seed_gives_the_same_adapter_and_leaves_the_dice_alone(tiny, trained, tmp_path):
    torch.manual_seed(7)
    again = tune_language(tiny, EXAMPLES, QUICK)
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(1))
    assert again.losses == trained.losses
    again.save(tmp_path / "a")
    trained.save(tmp_path / "b")
    one, two = tiny.with_adapter(tmp_path / "a"), tiny.with_adapter(tmp_path / "b")
    assert one.version == two.version


def test_a_round_goes_on_from_the_adapter_in_force(tiny, trained, tmp_path):
    trained.save(tmp_path / "first")
    first = tiny.with_adapter(tmp_path / "first")
    none = tune_language(first, EXAMPLES, QUICK, stop=lambda: True)
    assert none.changed == 0.0
    none.save(tmp_path / "same")
    assert targets(tiny.with_adapter(tmp_path / "same")).mean == targets(first).mean
    second = tune_language(first, EXAMPLES, QUICK)
    second.save(tmp_path / "second")
    assert targets(tiny.with_adapter(tmp_path / "second")).mean < targets(first).mean
    assert second.base == tiny.version


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_loss_that_is_told_is_that_of_targets_alone(tiny, share):
    settings = msgspec.structs.replace(QUICK, steps=1, prompt_share=share, batch_size=16)
    assert tune_language(tiny, EXAMPLES, settings).losses == pytest.approx(
        [targets(tiny).mean], rel=1e-4
    )


def test_layers_that_get_no_adapter_are_the_first_ones(tiny):
    half = msgspec.structs.replace(QUICK, layers=0.5, steps=1)
    names = [
        name
        for name, weights in tune_language(tiny, EXAMPLES, half).adapted.named_parameters()
        if weights.requires_grad
    ]
    assert names
    assert all(".layers.1." in name for name in names)


def test_targets_that_are_all_cut_away_are_seen_and_nothing_is_trained(tiny):
    long = [TextExample("a\nNext:", "x" * 300, "next")] * 5
    nothing = tune_language(tiny, long, QUICK)
    assert (nothing.targets, nothing.steps, nothing.cut, nothing.changed) == (0, 0, 5, 0.0)
    some = tune_language(tiny, [*long, *EXAMPLES], QUICK)
    assert some.cut == 5
    assert some.targets > 0


def test_no_examples_train_nothing(tiny):
    nothing = tune_language(tiny, [], QUICK)
    assert (nothing.targets, nothing.steps, nothing.losses) == (0, 0, [])


def test_examples_are_not_seen_more_often_than_allowed(tiny):
    twice = msgspec.structs.replace(QUICK, passes=2)
    assert tune_language(tiny, EXAMPLES, twice).steps == 4


def test_a_loss_that_is_not_finite_ends_the_round_before_it_reaches_a_weight(
    tiny, monkeypatch, tmp_path
):
    gradients = _Training._gradients
    calls = []

    def spoilt(self, lines):
        calls.append(lines)
        loss = gradients(self, lines)
        if len(calls) == 3:
            self._trained[0].grad.fill_(math.nan)
        return loss

    monkeypatch.setattr(_Training, "_gradients", spoilt)
    ended = tune_language(tiny, EXAMPLES, QUICK)
    assert ended.steps == 2
    assert len(ended.losses) == 3
    assert math.isnan(ended.losses[-1])
    ended.save(tmp_path / "adapter")
    after = tiny.with_adapter(tmp_path / "adapter")
    assert all(math.isfinite(score) for score in score_candidates(after, "a", ["b", "c"]))


def test_stop_is_asked_before_every_step_and_progress_told_after_it(tiny):
    told = []
    ended = tune_language(tiny, EXAMPLES, QUICK, told.append, stop=lambda: len(told) == 3)
    assert ended.steps == 3
    assert [(each.step, each.steps) for each in told] == [(1, 25), (2, 25), (3, 25)]
    assert [each.loss for each in told] == ended.losses


@pytest.mark.parametrize("piece", [1, 3, 8])
def test_reading_fewer_examples_at_once_changes_nothing(tiny, trained, piece, monkeypatch):
    monkeypatch.setattr(MemoryBudget, "measure", lambda room, _: setattr(room, "piece", piece))
    cut = tune_language(tiny, EXAMPLES, QUICK)
    assert cut.piece == piece
    assert cut.losses == pytest.approx(trained.losses, rel=0.02)


def test_the_piece_is_halved_until_memory_does(tiny, trained, monkeypatch):
    pieces = _Training._in_pieces

    def small(self, lines):
        if self._room.piece > 2:
            raise MemoryError
        return pieces(self, lines)

    monkeypatch.setattr(_Training, "_in_pieces", small)
    cut = tune_language(tiny, EXAMPLES, QUICK)
    assert cut.piece == 2
    assert cut.losses == pytest.approx(trained.losses, rel=0.02)


def test_where_there_is_no_memory_for_one_example_it_is_said(tiny, monkeypatch):
    def none(self, lines):
        raise MemoryError

    monkeypatch.setattr(_Training, "_in_pieces", none)
    with pytest.raises(TuningError, match="no memory for one example: lower max_tokens"):
        tune_language(tiny, EXAMPLES, QUICK)
    with pytest.raises(TuningError, match=r"max_bytes.* allows 1 MB"):
        tune_language(tiny, EXAMPLES, msgspec.structs.replace(QUICK, max_bytes=1_000_000))


def test_room_is_what_the_longest_example_takes(monkeypatch):
    taken = iter([100, 130])
    monkeypatch.setattr("encoders.llm.budget.used_bytes", lambda _: next(taken))
    monkeypatch.setattr("encoders.llm.budget.peak_bytes", lambda _: next(taken))
    monkeypatch.setattr("encoders.llm.budget.reset_peak", lambda _: None)
    room = MemoryBudget(8, 200, "cpu")
    room.measure(lambda: None)
    assert room.piece == 3  # 30 each, and 90 of the 100 that are free


def test_steps_are_cut_to_the_time_there_is():
    now = [0.0]
    time = TimeBudget(100, 100.0, lambda: now[0])
    for seconds in (20.0, 25.0, 30.0):
        now[0] = seconds
        time.made()
    assert time.steps == 3 + (90 - 30) // 5
    now[0] = 95.0
    time.made()
    assert time.steps == 4  # over: no more
    free = TimeBudget(100, None, lambda: now[0])
    free.made()
    assert free.steps == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("max_tokens", 3), ("layers", 1.5), ("learning_rate", -1), ("max_bytes", 0)],
)
def test_settings_that_cannot_be_meant_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        LanguageTuning(**{name: value})
