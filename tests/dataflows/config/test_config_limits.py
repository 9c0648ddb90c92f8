"""Every number has limits, they hold wherever a setting is made, and errors say them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from dataflows.config.config import Config, load_config, settings
from dataflows.config.limits import describe_limits, range_of
from dataflows.errors import InputError

NUMBERS = {name: field.type for name, field in settings() if range_of(field.type) is not None}
SECTIONS = {field.name: field.type for field in msgspec.structs.fields(Config)}


def is_whole(wanted: Any) -> bool:
    kind = inspect.type_info(wanted)
    if isinstance(kind, inspect.UnionType):
        kind = kind.types[0]
    return isinstance(kind, inspect.IntType)


def kept(name: str, number: float) -> object:
    """Give a number in the form that the setting wants."""
    if name in {"clean.weights", "clean.rests"}:
        return {"view": number}
    return (number,) if name == "tuning.blends" else number


def refused(name: str, value: object) -> str:
    with pytest.raises(InputError) as caught:
        load_config(None, {name: value}, {})
    return str(caught.value)


def test_every_number_has_both_limits():
    # Whatever a type says of numbers is found: no union, list or table hides one.
    assert len(NUMBERS) > 100
    for name, field in settings():
        text = str(field.type)
        assert ("int" in text or "float" in text) <= (
            name in NUMBERS or name.startswith("kafka.") or "Literal" in text
        ), name
    for name, wanted in NUMBERS.items():
        low, high = range_of(wanted) or (None, None)
        assert low is not None, name
        assert high is not None, name
        assert -math.inf < low < high < math.inf, name


@pytest.mark.parametrize("name", NUMBERS)
def test_what_lies_just_outside_is_refused_in_one_line_with_its_limits(name):
    wanted = NUMBERS[name]
    low, high = range_of(wanted)
    step = 1 if is_whole(wanted) else 0.0
    below = low - step if step else math.nextafter(low, -math.inf)
    above = high + step if step else math.nextafter(high, math.inf)
    outside = [below, above, 10**24, 1e300, math.inf, -math.inf, math.nan]
    for number in outside:
        message = refused(name, kept(name, number))
        assert "\n" not in message
        assert name in message
        assert f"from {describe_limits(wanted)}" in message
        assert "docs/reference/config.md" in message
        assert repr(number) in message


@pytest.mark.parametrize("name", NUMBERS)
def test_the_limits_themselves_are_allowed(name):
    low, high = range_of(NUMBERS[name])
    # What belongs together is set together.
    other = {"learner.k": {"learner.candidates": 10_000}, "events.min_time": {}}.get(name, {})
    for number in (low, high):
        given = {name: kept(name, number), **other}
        if (name, number) == ("events.min_time", high) or (name, number) == (
            "events.max_time",
            low,
        ):
            assert "below max_time" in refused(name, number)
        elif (name, number) == ("learner.candidates", low):
            assert "above candidates" in refused(name, number)
        else:
            load_config(None, given, {})


@pytest.mark.parametrize("name", NUMBERS)
def test_the_limits_hold_for_what_is_made_in_python(name):
    section, _, field = name.partition(".")
    low, high = range_of(NUMBERS[name])
    for number in (low - 1, high * 2 + 1, math.nan):
        with pytest.raises(ValueError, match=field):
            SECTIONS[section](**{field: kept(name, number)})
        with pytest.raises(ValueError, match=field):
            msgspec.structs.replace(SECTIONS[section](), **{field: kept(name, number)})


def test_the_two_rooms_hold_settings_to_their_types_alike():
    """The packages may not import each other: what both do is written twice, and stays the same."""
    from encoders.limited_settings import LimitedTrainingSettings
    from learners.limited_settings import LimitedSettings

    def written(base: type) -> str:
        text = Path(str(sys.modules[base.__module__].__file__)).read_text(encoding="utf-8")
        return text.partition("\nclass ")[2].replace(base.__name__, "Base").partition("\n")[2]

    assert "def " in written(LimitedSettings)
    assert written(LimitedSettings) == written(LimitedTrainingSettings)


def test_a_table_has_a_limit_of_entries():
    for name in ("clean.weights", "clean.rests"):
        assert "10000" in refused(name, {str(n): 1.0 for n in range(10_001)})
    assert "10000" in refused("events.retracts", {str(n): "buy" for n in range(10_001)})
