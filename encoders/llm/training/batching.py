"""Prompts and targets as rows of tokens, and rows as batches that waste little on padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoders.llm.model import LanguageModel


class TokenizedExample(NamedTuple):
    """The tokens of a prompt and its target; the target begins at `start`, 1 at least."""

    ids: list[int]
    start: int

    @property
    def targets(self) -> int:
        """How many tokens the target has, its end included."""
        return len(self.ids) - self.start


class TokenBatch(NamedTuple):
    """A batch of lines as tensors on the model's device, padded on the left.

    `ids` and `places` (b, t) int64, `mask` (b, t) int64 with 0 over padding. The last `kept`
    tokens of every row hold all that a loss is wanted of: `targets` and `prompts` (b, kept)
    float32 are 1 where such a token belongs to a target, or to a prompt after its start.
    """

    ids: Any
    mask: Any
    places: Any
    kept: int
    targets: Any
    prompts: Any


def line(model: LanguageModel, prompt: str, target: str, most: int) -> TokenizedExample | None:
    """Put a prompt and its target into at most `most` tokens; None if the target has no room.

    What is cut is the beginning of the prompt, never the target: a loss over a target that
    was cut away would be nothing, and look perfect.
    """
    ids = model.target_ids(target)
    room = min(most, model.limit) - len(ids)
    if room < 1 or len(ids) < 2:
        return None
    before = model.prompt_ids(prompt, room)
    return TokenizedExample(before + ids, len(before))


def batches(lines: Sequence[TokenizedExample], most_tokens: int) -> Iterable[list[int]]:
    """Part lines into batches of about one length, at most `most_tokens` with the padding.

    Returns places in `lines`; a line over the limit is a batch by itself.
    """
    order = sorted(range(len(lines)), key=lambda place: len(lines[place].ids))
    batch: list[int] = []
    for place in order:
        if batch and (len(batch) + 1) * len(lines[place].ids) > most_tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def rows(
    model: LanguageModel, lines: Sequence[TokenizedExample], *, with_prompts: bool = False
) -> TokenBatch:
    """Pad lines on the left into one batch; `with_prompts` also keeps what prompts lose."""
    import torch

    width = max(len(each.ids) for each in lines)
    kept = width - 1 if with_prompts else max(each.targets for each in lines)
    ids = np.full((len(lines), width), model.end_id, np.int64)
    mask, prompts = np.zeros_like(ids), np.zeros(ids.shape, np.float32)
    targets = np.zeros_like(prompts)
    for row, each in enumerate(lines):
        begin = width - len(each.ids)
        ids[row, begin:] = each.ids
        mask[row, begin:] = 1
        prompts[row, begin + 1 : begin + each.start] = 1.0
        targets[row, begin + each.start :] = 1.0
    places = np.maximum(np.cumsum(mask, axis=1) - 1, 0)

    def on_device(array: NDArray[Any]) -> Any:
        return torch.from_numpy(array).to(model.device)

    last = slice(width - kept, width)
    return TokenBatch(
        on_device(ids),
        on_device(mask),
        on_device(places),
        kept,
        on_device(targets[:, last]),
        on_device(prompts[:, last]),
    )


def token_losses(module: Any, batch: TokenBatch) -> Any:
    """Return the negative log-likelihood (b, kept) float32 of the last `kept` tokens, in nats."""
    import torch

    logits = module(
        input_ids=batch.ids,
        attention_mask=batch.mask,
        position_ids=batch.places,
        use_cache=False,
        logits_to_keep=batch.kept + 1,
    ).logits[:, :-1]
    wanted = batch.ids[:, -batch.kept :]
    flat = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), wanted.flatten(), reduction="none"
    )
    return flat.view(wanted.shape)
