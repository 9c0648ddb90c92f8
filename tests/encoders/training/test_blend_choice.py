"""How much of a change is taken over: what helps, and harms nothing that was never met."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.training.interpolation import HeldOutPairs, choose

TEXTS = np.arange(4)
NOBODY = (np.zeros(0, np.intp), np.zeros(0, np.intp))


def rows(*angles: float) -> np.ndarray:
    """Unit vectors (4, 2) at these angles."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


# Text 0 asks for 3, the furthest; text 1 asks for 0, the nearest.
OLD = rows(0.0, 0.1, 0.3, 1.0)
KNOWN, STRANGE = (np.array([0]), np.array([3])), (np.array([1]), np.array([0]))


def choice(new: dict[float, np.ndarray], known=KNOWN, strange=STRANGE):
    return choose(tuple(new), HeldOutPairs(TEXTS, known, strange), OLD, new.__getitem__)


def test_the_greatest_gain_without_harm_is_taken():
    better, best = rows(0.0, 0.1, 1.2, 1.0), rows(0.0, 0.6, 1.2, 0.5)
    found = choice({1.0: best, 0.5: better, 0.2: OLD})
    assert found.blend == 0.5  # at 1.0 text 1 has lost sight of text 0
    assert found.known == pytest.approx(np.log2(3) - 1)
    assert found.strange == 0.0


def test_where_all_do_harm_the_least_is_taken():
    worse, worst = rows(0.0, 0.5, 0.6, 1.2), rows(0.0, 0.5, 0.6, 0.7)
    found = choice({1.0: worst, 0.5: worse})
    assert found.blend == 0.5
    assert found.strange < 0.0


def test_a_vector_that_is_no_number_is_harm():
    broken = np.full((4, 2), np.nan, np.float32)
    assert choice({1.0: broken, 0.5: OLD}).blend == 0.5


def test_without_pairs_to_choose_by_the_first_is_taken():
    found = choice({1.0: OLD, 0.5: OLD}, NOBODY, NOBODY)
    assert found.blend == 1.0
    assert np.isnan(found.known)


def test_texts_never_met_alone_decide_where_there_are_no_others():
    closer = rows(0.0, 0.1, 0.3, 1.0)
    found = choice({1.0: rows(0.0, 0.5, 0.6, 1.0), 0.5: closer}, known=NOBODY)
    assert found.blend == 0.5
