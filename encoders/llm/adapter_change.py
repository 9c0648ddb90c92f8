"""How far an adapter moved a model: the change of its weights relative to what they were."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from encoders.llm.adapter import ONLY


def trained_now(adapted: Any) -> list[tuple[Any, Any]]:
    """Keep a copy of each pair of matrices (A, B) of a peft model, for `relative_change`."""
    return [
        (layer.lora_A[ONLY].weight.detach().clone(), layer.lora_B[ONLY].weight.detach().clone())
        for layer in _layers(adapted)
    ]


def relative_change(adapted: Any, before: list[tuple[Any, Any]]) -> float:
    """Return |change| / |weights|, Frobenius, over all weights that the adapter reaches.

    The change of a weight is what B A is now, scaled, less what it was in `before`.
    """
    moved = whole = 0.0
    for layer, (a, b) in zip(_layers(adapted), before, strict=True):
        now = layer.lora_B[ONLY].weight.detach() @ layer.lora_A[ONLY].weight.detach()
        change = (now - b @ a) * layer.scaling[ONLY]
        moved += float(change.double().pow(2).sum())
        whole += float(layer.get_base_layer().weight.detach().double().pow(2).sum())
    return math.sqrt(moved / whole) if whole > 0 else 0.0


def _layers(adapted: Any) -> Iterator[Any]:
    for module in adapted.modules():
        if hasattr(module, "lora_A") and ONLY in module.lora_A:
            yield module
