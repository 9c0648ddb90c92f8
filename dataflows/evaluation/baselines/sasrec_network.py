"""SASRec's network: self-attention over a user's newest items, the next item from each.

Kang and McAuley, "Self-attentive sequential recommendation" (2018), with the softmax over all
items in place of one negative (Klenitskiy and Vasilev, "Turning dross into gold loss", 2023),
a bias of each item, and layers that normalise first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

MOST_ITEMS = 32_768
"""Rows of the item table: a bound on memory, and on the time of a step."""

DIM = 64
LENGTH = 50
BLOCKS = 2
HEADS = 1
DROPOUT = 0.2
SPREAD = 0.05


class AttentionBlock(nn.Module):
    """Attention to the items so far, then a layer at each place; both added to what was there."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.LayerNorm(DIM)
        self.mix = nn.Linear(DIM, 3 * DIM)
        self.out = nn.Linear(DIM, DIM)
        self.between = nn.LayerNorm(DIM)
        self.wide = nn.Linear(DIM, 2 * DIM)
        self.narrow = nn.Linear(2 * DIM, DIM)

    def forward(self, states: Tensor) -> Tensor:
        """Return float32 `(n, length, DIM)` for the same."""
        count, length, _ = states.shape
        mixed = self.mix(self.before(states)).view(count, length, 3, HEADS, DIM // HEADS)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        seen = self.out(seen.transpose(1, 2).reshape(count, length, DIM))
        states = states + functional.dropout(seen, DROPOUT, self.training)
        added = self.narrow(functional.gelu(self.wide(self.between(states))))
        return states + functional.dropout(added, DROPOUT, self.training)


class Network(nn.Module):
    """What comes after each item of a sequence.

    Sequences are filled up at their end: attention looks back only, so what stands there
    changes nothing before it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.items = nn.Parameter(SPREAD * torch.randn(MOST_ITEMS, DIM))
        self.places = nn.Parameter(SPREAD * torch.randn(LENGTH, DIM))
        self.biases = nn.Parameter(torch.zeros(MOST_ITEMS))
        self.blocks = nn.ModuleList(AttentionBlock() for _ in range(BLOCKS))
        self.last = nn.LayerNorm(DIM)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the state after each item, float32 `(n, length, DIM)`, for int64 `(n, length)`."""
        states = functional.embedding(rows, self.items) + self.places[: rows.shape[1]]
        states = functional.dropout(states, DROPOUT, self.training)
        for block in self.blocks:
            states = block(states)
        normed: Tensor = self.last(states)
        return normed

    def logits(self, states: Tensor, items: Tensor | slice) -> Tensor:
        """Score some items after each state, float32 `(n, items)` for `(n, DIM)`."""
        return states @ self.items[items].T + self.biases[items]
