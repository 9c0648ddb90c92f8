"""Which weights of a sentence-transformer are trained, and how far they went."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from encoders.base_errors import EncoderError
from encoders.training.settings import EncoderTuning

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

State = dict[str, Any]
"""Weights by name, as torch tensors."""


class Slot:
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

    slot = Slot(model)
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
    slot = Slot(model)
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
