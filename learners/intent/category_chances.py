"""Chances of needs by category number, as the features of items read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learners.signals.items import ItemTable


class CategoryChances:
    """Remembers which need is which category, for as long as neither gets another name."""

    def __init__(self) -> None:
        self._mapped: tuple[list[str], int] = ([], 0)
        self._categories = np.zeros(0, np.int32)

    def spread(
        self, labels: Sequence[str], chances: NDArray[np.float64], items: ItemTable
    ) -> NDArray[np.float32]:
        """Return chances (n,) of labels by category number; 0 for categories that are no label."""
        # A category may get the name of a label that is known already.
        mapped = (labels, len(items.category_names))
        if self._mapped != mapped:
            self._mapped = (list(labels), len(items.category_names))
            known = [items.category_index.get(label, 0) for label in labels]
            self._categories = np.array(known, np.int32)
        spread = np.zeros(len(items.category_names), np.float32)
        spread[self._categories] = chances
        spread[0] = 0.0
        return spread
