from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from encoders.base import unit_rows


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_becomes_zeros_alone(bad: float):
    rows = unit_rows(np.array([[3.0, 4.0], [bad, 1.0], [0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0], [0.0, 0.0]], atol=1e-7)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(width=32)))
def test_any_matrix_gives_unit_or_zero_rows(matrix: np.ndarray):
    rows = unit_rows(matrix)
    assert rows.dtype == np.float32
    assert rows.shape == matrix.shape
    assert rows is not matrix
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    usable = np.isfinite(matrix).all(axis=1) & (np.abs(matrix).max(axis=1) > 1e-12)
    np.testing.assert_allclose(lengths, usable.astype(float), atol=1e-5)
