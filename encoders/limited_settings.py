"""Settings of trainings, whose types say what they may be: held to it wherever they are made."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec


class LimitedTrainingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
def _types(settings: type[LimitedTrainingSettings]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(settings)}
