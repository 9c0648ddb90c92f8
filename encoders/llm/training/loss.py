"""How likely a language model finds answers: losses of targets, and scores of candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoders.llm.model import LanguageModel
from encoders.llm.training.batching import batches, line, rows, token_losses

MOST_TOKENS = 1024
"""Tokens of one call of the model: more are no faster on a CPU, and take more memory."""


class Losses(NamedTuple):
    """For each example (n,): `nll`, the mean loss of its target's tokens in nats, and `tokens`.

    An example whose target has no room at all has 0 tokens and a loss of NaN.
    """

    nll: NDArray[np.float64]
    tokens: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """The mean loss of a token over all examples, in nats; NaN where there is none."""
        total = float(np.sum(self.nll * self.tokens, where=self.tokens > 0))
        return total / float(self.tokens.sum()) if self.tokens.any() else float("nan")


def losses(
    model: LanguageModel,
    prompts: Sequence[str],
    targets: Sequence[str],
    batch: int = MOST_TOKENS,
    most: int | None = None,
) -> Losses:
    """Measure the loss of each target after its prompt, its end included.

    `batch` is the tokens of one call, `most` those of one example (None: what the model can
    read). Raises ValueError where the two sequences differ in length.
    """
    import torch

    limit = model.limit if most is None else most
    all_lines = [
        line(model, prompt, target, limit) for prompt, target in zip(prompts, targets, strict=True)
    ]
    places = [place for place, found in enumerate(all_lines) if found is not None]
    lines = [found for found in all_lines if found is not None]
    nll, tokens = np.full(len(all_lines), np.nan), np.zeros(len(all_lines), np.int64)
    for chosen in batches(lines, batch):
        part = rows(model, [lines[place] for place in chosen])
        with model.lock, torch.inference_mode():
            sums = (token_losses(model.model, part) * part.targets).sum(dim=1)
        for place, total in zip(chosen, sums.double().cpu().tolist(), strict=True):
            count = lines[place].targets
            nll[places[place]], tokens[places[place]] = total / count, count
    return Losses(nll, tokens)


def score_candidates(
    model: LanguageModel, prompt: str, candidates: Sequence[str], batch: int = MOST_TOKENS
) -> NDArray[np.float64]:
    """Return the log-likelihood (c,) of each candidate after a prompt, its end included, in nats.

    The prompt is read once with all candidates behind it in one sequence, in which each sees
    the prompt and itself only, and what several begin with is read once (tree attention: Miao
    et al., 2023, "SpecInfer"). Candidates that hold more than `batch` tokens together take
    several calls.
    """
    import torch

    targets = [model.target_ids(candidate) for candidate in candidates]
    longest = max(map(len, targets), default=0)
    ids = model.prompt_ids(prompt, max(1, model.limit - longest))
    scores: list[float] = []
    for part in _parts(targets, batch):
        with model.lock, torch.inference_mode():
            scores += _score(model, ids, part)
    return np.array(scores, np.float64)


def _parts(targets: list[list[int]], batch: int) -> Iterator[list[list[int]]]:
    part: list[list[int]] = []
    size = 0
    for target in targets:
        if part and size + len(target) > batch:
            yield part
            part, size = [], 0
        part.append(target)
        size += len(target)
    if part:
        yield part


def _score(model: LanguageModel, prompt: list[int], targets: list[list[int]]) -> list[float]:
    """Read prompt and targets as one sequence, and sum what each target's tokens had."""
    import torch

    tree = _tree(targets)
    first, total = len(prompt), len(prompt) + len(tree.tokens)
    sees = np.tri(total, dtype=bool)
    sees[first:, first:] = tree.sees
    places = np.concatenate([np.arange(first), first - 1 + tree.sees.sum(axis=1)])
    mask = torch.zeros((1, 1, total, total), dtype=model.dtype)
    mask.masked_fill_(torch.from_numpy(~sees), torch.finfo(model.dtype).min)
    logits = model.model(
        input_ids=torch.tensor([prompt + tree.tokens], device=model.device),
        attention_mask=mask.to(model.device),
        position_ids=torch.from_numpy(places[None]).to(model.device),
        use_cache=False,
        logits_to_keep=total - first + 1,
    ).logits[0]
    known = torch.log_softmax(logits.float(), dim=-1)
    wanted = torch.tensor([token for target in targets for token in target], device=known.device)
    each = known[torch.tensor(tree.after, device=known.device), wanted].double().cpu().numpy()
    starts = np.cumsum([0, *map(len, targets[:-1])])
    sums: list[float] = np.add.reduceat(each, starts).tolist()
    return sums


class _Tree(NamedTuple):
    """Targets that share what they begin with: the `tokens` that something follows.

    `sees` (t, t) bool tells which of them each can look at: those before it, and itself. `after`
    says for each token of each target what it follows: 0 the prompt, 1 + n the n-th of `tokens`.
    """

    tokens: list[int]
    sees: NDArray[np.bool_]
    after: list[int]


def _tree(targets: Sequence[Sequence[int]]) -> _Tree:
    known: dict[tuple[int, int], int] = {}
    after: list[int] = []
    for target in targets:
        place = 0
        for token in target[:-1]:
            after.append(place)
            place = known.setdefault((place, token), len(known) + 1)
        after.append(place)
    sees = np.eye(len(known), dtype=bool)
    for number, (before, _) in enumerate(known):
        if before:
            sees[number] |= sees[before - 1]
    return _Tree([token for _, token in known], sees, after)
