"""The limits of a setting, read from its type: for errors, docs/reference/config.md and tests."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import inspect


class Range(NamedTuple):
    """The least and the most, None where there is none."""

    low: float | None
    high: float | None


def range_of(wanted: Any) -> Range | None:
    """Return the limits of a number, or of each number in a table or a list; None for no number."""
    return _range(inspect.type_info(wanted))


def describe_limits(wanted: Any) -> str:
    """Describe the limits of a type, as `1 to 1000`; "" where no number is meant."""
    found = range_of(wanted)
    if found is None:
        return ""
    low, high = found
    return f"{'any' if low is None else _number(low)} to {'any' if high is None else _number(high)}"


def _range(kind: inspect.Type) -> Range | None:
    match kind:
        case inspect.Metadata(inner):
            return _range(inner)
        case inspect.IntType() | inspect.FloatType():
            return Range(kind.ge, kind.le)
        case inspect.DictType():
            return _range(kind.value_type)
        case inspect.VarTupleType():
            return _range(kind.item_type)
        case inspect.UnionType(types):
            others = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _range(others[0]) if len(others) == 1 else None
    return None


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.15g}"
