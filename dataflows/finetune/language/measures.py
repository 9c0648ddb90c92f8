"""What one language model answers to one question, in figures; and two models side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.metrics.bootstrap import bootstrap
from dataflows.finetune.language.questions import IntentQuestion, NextQuestion
from dataflows.finetune.window.window import WindowItem
from dataflows.generation.prompts import item_line, next_prompt
from dataflows.registry.decisions import PairedMeasure
from encoders.llm.decoding.constrained import beam_search
from encoders.llm.decoding.trie import Trie
from encoders.llm.model import LanguageModel
from encoders.llm.training.loss import score_candidates

LISTED = 10
"""Items that are generated for a user."""

Floats = NDArray[np.float64]


class NextItemFound(NamedTuple):
    """How a model found the item that came next.

    `likelihood` is -log2 of its rank among the candidates by how likely each is: by `scores`
    (c,), in nats; `loss` is nats a token, its end included.
    """

    likelihood: float
    loss: float
    scores: Floats


def following(model: LanguageModel, question: NextQuestion) -> NextItemFound:
    """Score the candidates of a question by a model."""
    scores = score_candidates(model, question.prompt, question.candidates)
    loss = -float(scores[0]) / len(model.target_ids(question.target))
    return NextItemFound(_log_rank(scores), loss, scores)


def lift(question: NextQuestion, scores: Floats, priors: Mapping[str, float]) -> float:
    """Return -log2 of the rank by how much likelier the history makes each than `priors_of`."""
    return _log_rank(scores - np.array([priors[line] for line in question.candidates]))


def priors_of(model: LanguageModel, lines: Sequence[str]) -> dict[str, float]:
    """Return how likely each item's line is without any history, in nats."""
    scores = score_candidates(model, next_prompt([]), lines)
    return dict(zip(lines, scores.tolist(), strict=True))


def is_right(model: LanguageModel, question: IntentQuestion) -> float:
    """Return 1 where the true label is the likeliest, 0 where it is not; ties are wrong."""
    scores = score_candidates(model, question.prompt, question.candidates)
    return float(_rank(scores) == 1)


def hits(
    model: LanguageModel, questions: Sequence[NextQuestion], items: Iterable[WindowItem]
) -> Floats:
    """Return 1 (n,) where the true item is among those that beam search names, else 0."""
    trie = Trie(model.end_id)
    for item in items:
        if item.available and (line := item_line(item.title, item.categories)):
            trie.put(item.item_id, model.target_ids(line))
    prompts = [question.prompt for question in questions]
    excluded = [question.met for question in questions]
    found = beam_search(model, trie, prompts, LISTED, excluded=excluded)
    return np.array(
        [
            question.item_id in {each.item_id for each in named}
            for question, named in zip(questions, found, strict=True)
        ],
        np.float64,
    )


def compare(
    before: Sequence[float] | Floats,
    after: Sequence[float] | Floats,
    users: Sequence[str],
    *,
    is_loss: bool = False,
) -> PairedMeasure:
    """Compare two models over the same questions (n,), at least one; `users` asked them.

    Means, and the 95 % interval of the gain, by bootstrap over users. Of a loss, less is better.
    """
    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    gains = old - new if is_loss else new - old
    numbers = np.unique(np.asarray(users), return_inverse=True)[1].astype(np.int64)
    low, high = bootstrap(gains[:, None], numbers)[0].tolist()
    return PairedMeasure(float(old.mean()), float(new.mean()), float(gains.mean()), low, high)


def _log_rank(scores: Floats) -> float:
    return -float(np.log2(_rank(scores)))


def _rank(scores: Floats) -> int:
    """Return the rank of the first among all, 1 the best; ties, and what is no number, lose."""
    if np.isnan(scores[0]):
        return len(scores)
    return 1 + int(np.count_nonzero(scores[1:] >= scores[0]))
