"""Columns for the features of a dict, so that dense learners can be used as River's models are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class FeatureColumns:
    """Gives each feature name a column when it is first learnt, up to `limit` of them.

    What is beyond, or unknown when predicting, is left out. Names that are new in one
    example get their columns in the order of their text, so that the order of a dict
    changes nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._places: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, x: Mapping[Hashable, Any]) -> None:
        """Assign columns to the names that have none, while there are some left."""
        new = [name for name in x if name not in self._places]
        if new and len(self) < self.limit:
            for name in sorted(new, key=_order)[: self.limit - len(self)]:
                self._places[name] = len(self)

    def row(self, x: Mapping[Hashable, Any], width: int) -> NDArray[np.float64]:
        """Return the features as a row `(width,)` float64, 0 where there is none."""
        row = np.zeros(width)
        for name, value in x.items():
            place = self._places.get(name)
            if place is not None:
                row[place] = value
        return row


def _order(name: Hashable) -> tuple[str, str]:
    return type(name).__name__, str(name)
