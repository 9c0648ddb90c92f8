from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.llm.training.loss import losses, score_candidates

quick = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
texts = st.text(st.sampled_from("abc é\n"), min_size=0, max_size=12)
titles = st.text(st.sampled_from("abcdé"), min_size=1, max_size=9)


def naive(model, prompt, target):
    """The log-likelihood of a target, token by token, each from a call of its own."""
    ids = model.prompt_ids(prompt)
    total = 0.0
    for token in model.target_ids(target):
        with torch.inference_mode():
            logits = model.model(input_ids=torch.tensor([ids])).logits[0, -1]
        total += float(torch.log_softmax(logits, dim=-1)[token])
        ids = [*ids, token]
    return total


@quick
@given(prompt=texts, candidates=st.lists(titles, min_size=1, max_size=4), batch=st.integers(1, 40))
def test_scores_are_those_of_a_naive_reading_whatever_the_batch(tiny, prompt, candidates, batch):
    found = score_candidates(tiny, prompt, candidates, batch)
    wanted = [naive(tiny, prompt, candidate) for candidate in candidates]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@quick
@given(pairs=st.lists(st.tuples(texts, titles), min_size=1, max_size=4), batch=st.integers(1, 90))
def test_losses_are_those_of_a_naive_reading_whatever_the_batch(tiny, pairs, batch):
    prompts, targets = zip(*pairs, strict=True)
    found = losses(tiny, prompts, targets, batch)
    lengths = [len(tiny.target_ids(target)) for target in targets]
    wanted = [-naive(tiny, *pair) / length for pair, length in zip(pairs, lengths, strict=True)]
    np.testing.assert_allclose(found.nll, wanted, rtol=1e-4, atol=1e-4)
    assert found.tokens.tolist() == lengths
    assert found.mean == pytest.approx(np.average(wanted, weights=lengths), rel=1e-4)


def test_a_target_without_room_is_marked_and_counts_for_nothing(tiny):
    found = losses(tiny, ["a", "b"], ["x" * 500, "c"])
    assert np.isnan(found.nll[0])
    assert found.tokens.tolist() == [0, 3]
    assert found.mean == pytest.approx(found.nll[1])
    assert np.isnan(losses(tiny, [], []).mean)


def test_a_prompt_longer_than_the_model_reads_leaves_room_for_the_target(tiny):
    long = "abc " * 100
    found = losses(tiny, [long], ["title"])
    assert found.tokens[0] == len(tiny.target_ids("title"))
    assert score_candidates(tiny, long, ["title"])[0] == pytest.approx(
        -float(found.nll[0]) * found.tokens[0], rel=1e-4
    )


def test_no_candidates_have_no_scores(tiny):
    assert score_candidates(tiny, "a", []).shape == (0,)


def test_prompts_and_targets_must_be_as_many(tiny):
    with pytest.raises(ValueError, match="zip"):
        losses(tiny, ["a", "b"], ["c"])
