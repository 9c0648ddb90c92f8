"""What the gate asks language models, and how it counts the answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataflows.datasets.shop.shop import Shop
from dataflows.finetune.gate import judge
from dataflows.finetune.language import measures
from dataflows.finetune.language.evaluate import (
    HIT_RATE,
    LIFT,
    NEXT_LOSS,
    QuestionBudget,
    language_evidence,
)
from dataflows.finetune.language.measures import compare, following, lift
from dataflows.finetune.language.questions import (
    check_questions,
    is_check_user,
    newest_questions,
    trained_on,
)
from dataflows.finetune.rounds.once import read_window
from dataflows.finetune.window.window import split
from dataflows.registry.decisions import CHECK, LOG_RANK, health_of
from encoders.llm.load import load_language_model
from tests.encoders.llm.tiny_folder import write_adapter, write_tiny

FEW = QuestionBudget(following=12, least=12, check=4, intents=4, generated=2)
HEALTH = health_of([2.0, 1.0], steps=2, changed=0.1, targets=10)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = write_tiny(tmp_path_factory.mktemp("tiny") / "model", seed=0)
    return load_language_model(str(folder), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    from dataflows.config.config import load_config

    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=2, items=60, users=80, label_share=0.5).write(folder, 1500)
    config = load_config(None, {}, {})
    log, items = folder / "events.jsonl", folder / "items.jsonl"
    return split(read_window(config, log, items, "language"), 0.2)


def test_two_of_the_same_are_equal_in_everything_and_refused(tiny, parted):
    evidence = language_evidence(tiny, tiny, parted, HEALTH, FEW)
    assert {LOG_RANK, LIFT, NEXT_LOSS, HIT_RATE, CHECK + NEXT_LOSS} <= set(evidence.figures)
    assert all(figure.gain == 0 for figure in evidence.figures.values())
    decision = judge(evidence)
    assert decision.verdict == "refuse"
    assert any("no gain" in reason for reason in decision.reasons)


def test_another_model_is_measured_on_the_same_questions(tiny, parted, tmp_path):
    other = tiny.with_adapter(write_adapter(tiny, tmp_path / "other", seed=3))
    there = language_evidence(tiny, other, parted, HEALTH, FEW).figures
    back = language_evidence(other, tiny, parted, HEALTH, FEW).figures
    for name, figure in there.items():
        assert figure.before == pytest.approx(back[name].after)
        assert figure.gain == pytest.approx(-back[name].gain)
        sign = -1 if "loss" in name else 1
        assert figure.gain == pytest.approx(sign * (figure.after - figure.before))
    assert there[LOG_RANK].gain != 0


def test_after_a_failed_training_nothing_is_asked(tiny, parted):
    failed = health_of([math.nan], steps=1, changed=0.1, targets=10)
    assert language_evidence(tiny, tiny, parted, failed, FEW).figures == {}


def test_ranks_count_ties_and_what_is_no_number_against_the_true_title(tiny, parted, monkeypatch):
    question = newest_questions(parted, 1, 0)[0]
    others = len(question.candidates) - 1

    def scored(true, rest):
        scores = np.array([true, *rest])
        monkeypatch.setattr(measures, "score_candidates", lambda *_: scores)
        return following(tiny, question)

    worse = np.full(others, -9.0)
    assert scored(-1.0, worse).likelihood == 0.0
    assert scored(-1.0, np.full(others, -1.0)).likelihood == -math.log2(others + 1)
    assert scored(-1.0, np.append(worse[1:], 0.0)).likelihood == -1.0
    assert scored(math.nan, worse).likelihood == -math.log2(others + 1)
    length = len(tiny.target_ids(question.target))
    assert scored(-6.0, worse).loss == pytest.approx(6.0 / length)


def test_a_title_that_is_likely_for_anybody_counts_for_less_by_lift(parted):
    question = newest_questions(parted, 1, 0)[0]
    scores = np.full(len(question.candidates), -9.0)
    scores[0], scores[1] = -2.0, -1.0
    assert lift(question, scores, dict.fromkeys(question.candidates, -9.0)) == -1.0
    priors = dict.fromkeys(question.candidates, -9.0) | {question.candidates[1]: -1.0}
    assert lift(question, scores, priors) == 0.0


def test_when_time_is_over_the_least_is_asked_and_the_check_set(tiny, parted):
    late = QuestionBudget(following=9, least=4, check=2, intents=4, generated=4, seconds=-1.0)
    evidence = language_evidence(tiny, tiny, parted, HEALTH, late)
    assert evidence.events == 4
    assert {name for name in evidence.figures if not name.startswith(CHECK)} == {
        LOG_RANK,
        NEXT_LOSS,
    }
    assert CHECK + NEXT_LOSS in evidence.figures


def test_questions_are_of_new_items_and_check_users_are_never_trained_on(parted):
    questions = newest_questions(parted, 50, 0)
    assert questions
    for question in questions:
        assert question.item_id not in question.met
        assert question.candidates[0] == question.target
        assert len(set(question.candidates)) == len(question.candidates)
    users = {question.user for question in check_questions(parted, 50, 0)}
    assert users
    assert all(map(is_check_user, users))
    assert users.isdisjoint(event.user_id for event in trained_on(parted.train))


def test_intervals_are_drawn_over_whole_users():
    before, after = [0.0] * 8, [1.0] * 4 + [-1.0] * 4
    one_each = compare(before, after, list("abcdefgh"))
    two_users = compare(before, after, ["a"] * 4 + ["b"] * 4)
    assert one_each.gain == two_users.gain == 0.0
    assert two_users.high - two_users.low > one_each.high - one_each.low
