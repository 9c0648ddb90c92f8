"""How much of a change is taken over, and the weights that it is of.

The part is chosen on pairs kept out of the training. Some are of texts that it met, some of texts
that it never met; the most that helps the first and does not harm the second is taken.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoders.base import EncoderError, Vectors
from encoders.training.pairs import Numbers, PairSplit
from encoders.training.settings import EncoderTuning

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

State = dict[str, Any]
"""Weights by name, as torch tensors."""

_MOST_TEXTS = 800
"""Texts that are encoded anew for each blend; of more, pairs are left out."""


class BlendChoice(NamedTuple):
    """The part of the change taken over, and its gain of mean -log2(rank) on pairs kept out.

    `known`: of texts that the training met; `strange`: of texts that it did not. NaN where no
    such pair was kept out.
    """

    blend: float
    known: float
    strange: float


class HeldOutPairs(NamedTuple):
    """Texts to rank among (numbers), and the pairs ranked, by places among those."""

    texts: Numbers
    known: tuple[Numbers, Numbers]
    strange: tuple[Numbers, Numbers]


def held(parts: PairSplit, rng: np.random.Generator) -> HeldOutPairs:
    """Pick the texts that pairs kept out are ranked among, those of the pairs first of all."""
    both = (parts.strange, parts.known)
    texts = np.unique(np.concatenate([side for pair in both for side in pair]))
    if len(texts) > _MOST_TEXTS:
        texts = np.sort(rng.permutation(texts)[:_MOST_TEXTS])
    known, strange = (_places(pair, texts) for pair in (parts.known, parts.strange))
    return HeldOutPairs(texts, known, strange)


def _places(pair: tuple[Numbers, Numbers], texts: Numbers) -> tuple[Numbers, Numbers]:
    is_here = np.isin(pair[0], texts) & np.isin(pair[1], texts)
    return np.searchsorted(texts, pair[0][is_here]), np.searchsorted(texts, pair[1][is_here])


def choose(
    blends: Sequence[float], among: HeldOutPairs, old: Vectors, encode: Callable[[float], Vectors]
) -> BlendChoice:
    """Return the best blend: the greatest gain on known texts among those that harm no strange one.

    Where all of them do, the one that does least harm. `old` and what `encode` gives are rows
    (t, dim) of `among.texts`. The first blend is taken unseen where there is nothing to choose
    by.
    """
    if not len(among.known[0]) and not len(among.strange[0]):
        return BlendChoice(blends[0], np.nan, np.nan)
    before = [_log_ranks(old, pair) for pair in (among.known, among.strange)]
    choices = []
    for part in blends:
        rows = encode(part)
        gains = [
            _mean(was - _log_ranks(rows, pair))
            for was, pair in zip(before, (among.known, among.strange), strict=True)
        ]
        choices.append(BlendChoice(part, *gains))
    harmless = [choice for choice in choices if not choice.strange < 0.0]
    if harmless and not np.isnan(harmless[0].known):
        return max(harmless, key=lambda choice: choice.known)
    return max(harmless or choices, key=lambda choice: choice.strange)


def _log_ranks(rows: Vectors, pair: tuple[Numbers, Numbers]) -> NDArray[np.float64]:
    """Return log2(rank) (n,) of the second text of each pair for the first; ties lose."""
    anchors, positives = pair
    ranks = np.empty(len(anchors), np.int64)
    for start in range(0, len(anchors), 512):
        part = slice(start, start + 512)
        scores = rows[anchors[part]] @ rows.T
        places = np.arange(len(scores))
        wanted = scores[places, positives[part]].copy()
        scores[places, anchors[part]] = -np.inf
        # Put this way round, a score that is no number stands before all others.
        ranks[part] = np.count_nonzero(~(scores < wanted[:, None]), axis=1)
    return np.log2(np.maximum(ranks, 1))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else np.nan


class InnerModel:
    """The place in a sentence-transformer of the model with layers. Raises EncoderError."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._holder: Any = model[0]
        inside = dict(self._holder.named_children())
        # It was called auto_model before version 5.4.
        self._name = next((name for name in ("model", "auto_model") if name in inside), "")
        if not self._name:
            raise EncoderError(
                f"a {type(self._holder).__name__} has no layers to train: take a "
                "sentence-transformer, such as `packaged`"
            )

    def get(self) -> Any:
        """Return the model."""
        return getattr(self._holder, self._name)

    def put(self, inner: Any) -> None:
        """Put another in its place."""
        setattr(self._holder, self._name, inner)


def make_trainable(model: SentenceTransformer, settings: EncoderTuning) -> None:
    """Make the last layers of a model trainable, by an adapter or themselves; nothing else.

    Dropout is switched off, so that a text has one vector in a step, and is tied to its old
    one without noise. Raises EncoderError.
    """
    import torch

    slot = InnerModel(model)
    inner = slot.get()
    for weights in model.parameters():
        weights.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    names = list(_linear(inner, settings.layers))
    if not names:
        raise EncoderError(
            f"a {type(inner).__name__} has no numbered layers to train: take another encoder"
        )
    if settings.method == "lora":
        peft = _peft()
        config = peft.LoraConfig(
            r=settings.rank, lora_alpha=2 * settings.rank, target_modules=names
        )
        with warnings.catch_warnings():  # what peft asks of transformers is going out of use
            warnings.simplefilter("ignore", FutureWarning)
            slot.put(peft.get_peft_model(inner, config))
        return
    for name in names:
        for weights in inner.get_submodule(name).parameters():
            weights.requires_grad_(True)


def merge(model: SentenceTransformer) -> None:
    """Add what adapters learnt to the weights, so that the model is a plain one again."""
    slot = InnerModel(model)
    inner = slot.get()
    if hasattr(inner, "merge_and_unload"):
        slot.put(inner.merge_and_unload())


def copied(model: SentenceTransformer) -> State:
    """Copy the weights, by name."""
    return {name: weights.detach().clone() for name, weights in model.state_dict().items()}


def blend(model: SentenceTransformer, old: State, new: State, part: float) -> None:
    """Set the weights to old + part (new - old).

    Weights between two trainings lie in one valley and often serve better than either end
    (Wortsman and others, 2022, "Robust fine-tuning of zero-shot models").
    """
    model.load_state_dict(
        {
            name: weights + part * (new[name] - weights) if weights.is_floating_point() else weights
            for name, weights in old.items()
        }
    )


def relative_change(old: State, new: State) -> float:
    """Return |new - old| / |old| over the weights that differ, Frobenius; 0 where none does."""
    moved = whole = 0.0
    for name, weights in old.items():
        change = float((new[name].double() - weights.double()).pow(2).sum())
        if change != 0.0:  # true for NaN as well
            moved += change
            whole += float(weights.double().pow(2).sum())
    return math.sqrt(moved / whole) if moved > 0.0 else moved


def _linear(inner: Any, part: float) -> Iterator[str]:
    """Name the linear modules of the last layers: those with a number in their name."""
    import torch

    found: list[tuple[int, str]] = []
    for name, module in inner.named_modules():
        numbers = [int(piece) for piece in name.split(".") if piece.isdecimal()]
        if isinstance(module, torch.nn.Linear) and numbers:
            found.append((numbers[0], name))
    layers = max((number for number, _ in found), default=-1) + 1
    first = layers - max(1, round(layers * part))
    yield from (name for number, name in found if number >= first)


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise EncoderError(
            "training an encoder by an adapter needs peft: run `pip install 'penchant[llm]'`"
        ) from error
    return peft
