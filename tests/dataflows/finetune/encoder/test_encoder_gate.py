"""What is measured of two encoders, and what the gate makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from dataflows.config.config import load_config
from dataflows.config.gate import GateSettings
from dataflows.datasets.shop.needs import NEEDS
from dataflows.evaluation.metrics.bootstrap import bootstrap
from dataflows.finetune.encoder.evaluate import (
    LIVE,
    encoder_evidence,
    reciprocal_ranks,
    slice_figures,
)
from dataflows.finetune.encoder.holdout import is_apart, may_train, texts_to_keep, trained_texts
from dataflows.finetune.encoder.questions import Answers, answer, questions
from dataflows.finetune.gate import judge
from dataflows.finetune.tuner import RoundStopped, StageProgress
from dataflows.finetune.window.window import Split, WindowEvent, WindowItem
from dataflows.registry.decisions import COVERAGE, LOG_RANK, PIPELINE, UNSEEN, TrainingHealth
from encoders.backends.hashing import HashingEncoder
from encoders.base import Vectors, unit_rows
from encoders.load import load_encoder

KINDS, EACH = 6, 12
ITEMS = {
    f"k{kind}n{n}": WindowItem(f"k{kind}n{n}", f"kind{kind} thing{kind * EACH + n}")
    for kind in range(KINDS)
    for n in range(EACH)
}
HEALTH = TrainingHealth(True, 10, 0.1, 100)


def shop_of_kinds(events: int = 900, seed: int = 0) -> Split:
    """Users of one kind each, who take things of that kind."""
    rng = np.random.default_rng(seed)
    made = [
        WindowEvent(
            f"e{n}",
            f"u{user}",
            "view",
            1.7e9 + n,
            f"k{user % KINDS}n{rng.integers(EACH)}",
        )
        for n, user in enumerate(rng.integers(200, size=events).tolist())
    ]
    cut = events * 2 // 3
    return Split(made[:cut], made[cut:], ITEMS)


class ByWords:
    """An encoder that looks at one of the words alone: 0 the kind, 1 what is of no use."""

    def __init__(self, word: int, noise: float = 0.2) -> None:
        self.version = f"by-word-{word}-{noise}"
        self.dim = 32
        self._word = word
        self._noise = noise
        self._inner = HashingEncoder(self.dim)

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        words = [text.rsplit(": ", 1)[-1].split() for text in texts]
        rows = self._inner.encode([word[min(self._word, len(word) - 1)] for word in words])
        return unit_rows(rows + self._noise * self._inner.encode(texts))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory):
    given = {"state.path": str(tmp_path_factory.mktemp("state")), "encoder.name": "hashing-32"}
    return load_config(None, given, {})


@pytest.fixture(scope="module")
def parted() -> Split:
    return shop_of_kinds()


@pytest.fixture(scope="module")
def evidence(config, parted):
    told: list[StageProgress] = []
    found = encoder_evidence(ByWords(1), ByWords(0), parted, HEALTH, config, told.append)
    assert len(told) == 3
    return found


def test_an_encoder_that_knows_kinds_wins_and_goes_live(evidence):
    figures = evidence.figures
    assert set(figures) == {
        LOG_RANK,
        UNSEEN,
        COVERAGE,
        PIPELINE,
        LIVE,
        "recall@10",
        "recall@50",
        "mrr",
        "check:needs",
    }
    assert figures[LOG_RANK].low > 0
    assert figures[LOG_RANK].after - figures[LOG_RANK].before == pytest.approx(
        figures[LOG_RANK].gain
    )
    assert figures[UNSEEN].gain > 0
    assert figures["recall@10"].after > figures["recall@10"].before
    assert figures[LIVE].gain > 0
    assert 0 < figures[COVERAGE].after <= 1
    assert all(figure.is_finite for figure in figures.values())
    assert evidence.events > 100
    assert evidence.health is HEALTH
    # The lists of so small a log move by some points with any other first weights.
    rules = GateSettings(pipeline_loss=0.1)
    assert not [reason for reason in judge(evidence, rules).reasons if "check" not in reason]


def test_an_encoder_that_forgets_kinds_is_refused(config, parted):
    found = encoder_evidence(ByWords(0), ByWords(1), parted, HEALTH, config)
    assert found.figures[LOG_RANK].high < 0
    decision = judge(found)
    assert decision.verdict == "refuse"
    assert any("no gain on the newest slice" in reason for reason in decision.reasons)
    assert any("unseen in training" in reason for reason in decision.reasons)


def test_a_broken_encoder_is_measured_and_refused(parted):
    asked = questions(parted, 20)
    good = answer(asked, ByWords(0).encode(asked.texts))
    broken = answer(asked, np.full((len(asked.texts), 32), np.nan, np.float32))
    figures = slice_figures(asked, good, broken, set(), 0)
    assert figures[LOG_RANK].high < 0


def test_a_training_that_failed_and_two_of_the_same_are_not_measured(config, parted):
    failed = TrainingHealth(False, 3, 0.1, 10)
    for old, new, health in ((ByWords(1), ByWords(0), failed), (ByWords(0), ByWords(0), HEALTH)):
        found = encoder_evidence(old, new, parted, health, config)
        assert (found.events, found.figures, found.health) == (0, {}, health)
        assert not judge(found).is_promoted


def test_a_wish_to_stop_is_heard(config, parted):
    with pytest.raises(RoundStopped):
        encoder_evidence(ByWords(1), ByWords(0), parted, HEALTH, config, stop=lambda: True)


def test_figures_are_paired_over_the_same_events(parted):
    asked = questions(parted, 20)
    rng = np.random.default_rng(0)
    old = Answers(rng.integers(1, 60, len(asked.taken)), 10)
    new = Answers(np.maximum(1, old.ranks // 2), 20)
    figures = slice_figures(asked, old, new, set(asked.texts), 3)
    assert UNSEEN not in figures
    gains = np.log2(old.ranks) - np.log2(new.ranks)
    assert figures[LOG_RANK].gain == pytest.approx(gains.mean())
    low, high = bootstrap(gains[:, None], asked.users, seed=3)[0]
    assert (figures[LOG_RANK].low, figures[LOG_RANK].high) == (low, high)
    assert figures["recall@10"].before == pytest.approx((old.ranks <= 10).mean())
    assert figures["mrr"].after == pytest.approx((1 / new.ranks).mean())
    assert figures[COVERAGE].after == pytest.approx(20 / len(asked.texts))


def test_items_set_apart_are_never_trained_on(parted):
    apart = {item_id for item_id in (f"item {n}" for n in range(20_000)) if is_apart(item_id)}
    assert 0.04 < len(apart) / 20_000 < 0.06
    ours = {item_id for item_id in ITEMS if is_apart(item_id)}
    assert ours
    assert ours.isdisjoint(event.item_id for event in may_train(parted.train))
    texts = {f"{ITEMS[item_id].title}" for item_id in ours}
    assert texts.isdisjoint(trained_texts(parted))
    assert texts.isdisjoint(texts_to_keep(parted))
    assert len(texts_to_keep(parted)) == len(ITEMS) - len(ours)


def test_an_event_without_an_item_may_be_trained_on():
    words = WindowEvent("e", "u", "search", 1.0, None, 1.0, "shoes")
    assert may_train([words]) == [words]


def test_the_check_set_is_told_apart_by_meaning_alone():
    class Blind(ByWords):
        def encode(self, texts: Sequence[str]) -> Vectors:
            return np.ones((len(texts), self.dim), np.float32) / math.sqrt(self.dim)

    class Broken(ByWords):
        def encode(self, texts: Sequence[str]) -> Vectors:
            return np.full((len(texts), self.dim), np.nan, np.float32)

    words = reciprocal_ranks(HashingEncoder(512))
    assert len(words) == sum(len(need.phrases) for need in NEEDS)
    assert 0.3 < words.mean() < 0.6
    assert reciprocal_ranks(Blind(0)).mean() == pytest.approx(1 / len(NEEDS))
    assert reciprocal_ranks(Broken(0)).mean() == pytest.approx(1 / len(NEEDS))


@pytest.mark.slow
def test_the_packaged_encoder_tells_most_requests_apart():
    assert reciprocal_ranks(load_encoder("packaged")).mean() > 0.8
