"""State goes out and comes back bit for bit, and nothing unknown is read."""

from __future__ import annotations

import math
import struct
from typing import Any

import hypothesis.extra.numpy as hnp
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from learners.codec import StateError, pack, unpack, unpack_as, version_of

_dtypes = st.sampled_from(
    ["?", "i1", "<i2", "i4", "i8", "u1", "u2", "u8", "<f2", "<f4", "<f8", ">f4", ">i8"]
)
_arrays = _dtypes.flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, min_side=0))
)
_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Part(msgspec.Struct):
    """A small state with an array inside."""

    name: str
    weights: NDArray[Any]
    ids: tuple[str, ...] = ()


@given(_arrays)
def test_arrays_come_back_bit_for_bit(array: NDArray[Any]) -> None:
    back = unpack(pack("part", 1, {"a": array}), "part", 1)["a"]
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.shape == array.shape
    assert back.astype(array.dtype).tobytes() == array.tobytes()
    assert back.flags.writeable


@given(_plain)
def test_plain_values_come_back_equal(value: object) -> None:
    assert unpack(pack("part", 3, value), "part", 3) == value


def test_layout_of_memory_does_not_matter() -> None:
    square = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (square.T, square[::2], square[:, ::-1], np.asfortranarray(square)):
        assert np.array_equal(unpack(pack("part", 1, view), "part", 1), view)
        assert pack("part", 1, view) == pack("part", 1, view.copy())


def test_odd_floats_keep_their_bits() -> None:
    for value in (math.nan, -0.0, math.inf, 5e-324, 0.1):
        back = unpack(pack("part", 1, value), "part", 1)
        assert struct.pack("<d", back) == struct.pack("<d", value)


def test_what_was_read_shares_nothing_with_the_record() -> None:
    blob = pack("part", 1, np.zeros(4))
    unpack(blob, "part", 1)[:] = 7
    assert np.array_equal(unpack(blob, "part", 1), np.zeros(4))


def test_a_struct_comes_back_as_itself() -> None:
    part = Part("p", np.array([[1.5, -2.0]], dtype=np.float32), ("a", "b"))
    back = unpack_as(pack("part", 1, part), "part", 1, Part)
    assert (back.name, back.ids) == (part.name, part.ids)
    assert back.weights.dtype == np.float32
    assert np.array_equal(back.weights, part.weights)


def test_numpy_scalars_become_plain() -> None:
    assert unpack(pack("part", 1, [np.int64(3), np.float64(0.5)]), "part", 1) == [3, 0.5]


def test_another_version_is_refused_with_the_remedy() -> None:
    blob = pack("part", 9, {})
    with pytest.raises(StateError, match=r"version 9; this release reads 1, 2; use the release"):
        unpack(blob, "part", (1, 2))
    assert version_of(blob) == ("part", 9)
    assert unpack(blob, "part", (8, 9)) == {}


def test_another_kind_is_refused() -> None:
    with pytest.raises(StateError, match="'other' was found where 'part' was expected"):
        unpack(pack("other", 1, {}), "part", 1)


@pytest.mark.parametrize(
    "value", [object(), np.array([object()]), np.array(["text"]), 2**70, 1j, "\ud800"]
)
def test_what_is_not_plain_is_refused_when_written(value: object) -> None:
    with pytest.raises(StateError):
        pack("part", 1, {"value": value})


@given(st.binary(max_size=60))
def test_any_bytes_either_read_or_raise_the_one_error(blob: bytes) -> None:
    try:
        unpack(blob, "part", 1)
    except StateError:
        return
    assert version_of(blob) == ("part", 1)


@given(st.data())
def test_a_damaged_record_reads_or_raises_the_one_error(data: st.DataObject) -> None:
    blob = bytearray(pack("part", 1, {"a": np.arange(3, dtype=np.int16), "n": 4}))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] = data.draw(st.integers(0, 255))
    try:
        unpack(bytes(blob), "part", 1)
    except StateError:
        return
    assert version_of(bytes(blob)) == ("part", 1)


def test_an_array_that_does_not_fit_its_shape_is_refused() -> None:
    body = msgspec.msgpack.encode(["<f4", [3], b"\x00" * 8])
    record = msgspec.msgpack.encode(["part", 1, msgspec.msgpack.Ext(1, body)])
    with pytest.raises(StateError, match="does not fit 8 bytes"):
        unpack(record, "part", 1)


def test_an_unknown_extension_is_refused() -> None:
    record = msgspec.msgpack.encode(["part", 1, msgspec.msgpack.Ext(5, b"x")])
    with pytest.raises(StateError, match="extension type 5"):
        unpack(record, "part", 1)
