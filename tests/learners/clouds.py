"""Labelled clouds of unit vectors around known centres: worlds whose right answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def clusters(
    n: int, labels: int, seed: int, dim: int = 16, noise: float = 0.15
) -> tuple[NDArray[Any], list[str]]:
    """`n` unit vectors around as many centres as labels, and their labels."""
    rng = np.random.default_rng(seed)
    centres = np.eye(dim)[:labels]
    wanted = rng.integers(0, labels, n)
    vectors = centres[wanted] + rng.normal(0, noise, (n, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), [f"need-{label}" for label in wanted]
