"""Settings whose types say what they may be: held to it wherever they are made."""

from __future__ import annotations

import sys
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

LARGEST = sys.float_info.max
"""The largest number that is finite."""

AboveZero = Annotated[float, Meta(gt=0)]
FiniteAboveZero = Annotated[float, Meta(gt=0, le=LARGEST)]
FiniteFromZero = Annotated[float, Meta(ge=0, le=LARGEST)]
FromOne = Annotated[float, Meta(ge=1)]
Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]


class LimitedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings with their limits in their types, as `Annotated[int, Meta(ge=1, le=9)]`.

    msgspec holds what it reads to them, this class what is made in Python. Raises ValueError
    with name, value and limit; NaN is outside of all. A subclass that checks more calls
    `super().__post_init__()` first.
    """

    def __post_init__(self) -> None:
        for name, wanted in _types(type(self)).items():
            value = getattr(self, name)
            try:
                msgspec.convert(value, wanted)
            except msgspec.ValidationError as error:
                # What a table holds may be a password.
                shown = "not usable" if isinstance(value, dict) else repr(value)
                raise ValueError(f"{name} is {shown}: {error}") from error


@cache
def _types(settings: type[LimitedSettings]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(settings)}
