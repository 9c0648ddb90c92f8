"""Encoders that differ in their seed alone, and a small shop to swap them under."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from hashlib import blake2b
from pathlib import Path

import numpy as np

from encoders.backends.hashing import HashingEncoder

DIM = 16


class Seeded:
    """Hashing, its numbers in another order and some with another sign: another space.

    What is near in one is near in all, to the last digit but for the order of sums. Counts
    how often each text was encoded. `delay` is called before each call.
    """

    def __init__(self, seed: int, dim: int = DIM, delay=None) -> None:
        self.dim = dim
        self.version = f"seeded-{dim}-{seed}"
        self.texts: Counter[str] = Counter()
        self._inner = HashingEncoder(dim)
        draw = np.random.default_rng(seed)
        self._order = draw.permutation(dim) if seed else np.arange(dim)
        self._signs = draw.choice([-1.0, 1.0], dim).astype(np.float32) if seed else 1.0
        self._delay = delay
        self._lock = threading.Lock()

    def encode(self, texts):
        if self._delay is not None:
            self._delay()
        with self._lock:
            self.texts.update(texts)
        return (self._inner.encode(texts)[:, self._order] * self._signs).astype(np.float32)


class Noise:
    """Vectors that say nothing: an encoder that was spoilt."""

    def __init__(self, dim: int = DIM) -> None:
        self.dim, self.version = dim, f"noise-{dim}"

    def encode(self, texts):
        rows = [
            np.random.default_rng(
                int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
            ).normal(size=self.dim)
            for text in texts
        ]
        rows = np.array(rows).reshape(-1, self.dim)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.maximum(lengths, 1e-9)).astype(np.float32)


def write_topics(folder: Path, events: int, topics: int = 6, users: int = 24) -> Path:
    """Users who keep to one topic, and items whose titles tell theirs: meaning says it all."""
    dice = random.Random(1)
    words = ["garden spade", "winter coat", "sonata score", "racing bike", "green tea", "chess set"]
    items = [
        {"item_id": f"i{n}", "title": f"{words[n % topics]} {n}", "categories": [f"c{n % topics}"]}
        for n in range(topics * 10)
    ]
    lines = [
        {
            "event_id": f"e{n}",
            "user_id": f"u{(user := dice.randrange(users))}",
            "item_id": f"i{dice.randrange(10) * topics + user % topics}",
            "type": "view",
            "ts": 1.7e9 + 30 * n,
        }
        for n in range(events)
    ]
    for name, rows in (("items", items), ("events", lines)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
