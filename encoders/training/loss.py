"""The loss of a step: the wanted text above all others, and no vector far from where it was.

The first part is a softmax over the texts of a batch with scores made up for how often each
is met; the second the mean of 1 - cosine(new vector, old vector) over all texts read, and once
more over those that were read for this alone. The second is what texts that were never trained
on live by: their neighbours stay where they are.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class TiedLoss(nn.Module):
    """A loss for `SentenceTransformerTrainer`, over batches of `encoders.training.batches`.

    `losses` gets the first part of each step, a number; `targets` counts the pairs that took
    part. A loss that is not finite changes no weight.
    """

    def __init__(self, model: nn.Module, scale: float, keep: float) -> None:
        super().__init__()
        self.model = model
        self._scale = scale
        self._keep = keep
        self.losses: list[float] = []
        self.targets = 0

    def forward(self, features: list[dict[str, Any]], labels: dict[str, Tensor]) -> Tensor:
        """Return the loss () of a batch: `features` of its texts, `labels` as in `batches`."""
        read = self.model(features[0])["sentence_embedding"]
        rows = functional.normalize(read.float(), dim=-1)
        ranking = self._ranking(rows, labels)
        moved = 1.0 - (rows * labels["old"]).sum(dim=-1)
        loss = ranking + self._keep * moved.mean()
        if len(labels["tied"]):
            loss = loss + self._keep * moved[labels["tied"]].mean()
        self.losses.append(float(ranking.detach()))
        if not math.isfinite(float(loss.detach())):
            self.losses[-1] = math.nan
            return torch.zeros((), device=rows.device, requires_grad=True)
        self.targets += len(labels["wanted"])
        return loss

    def _ranking(self, rows: Tensor, labels: dict[str, Tensor]) -> Tensor:
        scores = self._scale * rows[labels["anchors"]] @ rows[labels["candidates"]].T
        scores = (scores - labels["offsets"]).masked_fill(labels["barred"], -torch.inf)
        return functional.cross_entropy(scores, labels["wanted"])
