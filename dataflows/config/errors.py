"""What is wrong with a configuration, in one line: where, the value, the limit, the page.

A value is shown only where it cannot be a secret: a number, or short text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

import msgspec

from dataflows.config.environment import PAGE
from dataflows.config.kinds import SECRET, is_marked
from dataflows.config.limits import describe_limits
from dataflows.errors import InputError
from dataflows.lifecycle.redaction import masked

_LONGEST = 60
"""Characters of a text that are shown."""

_KIND = re.compile(r"Expected `([^`]+)`, got `[^`]+`")
_LENGTH = re.compile(r"Expected `([^`]+)` of length (>=|<=) (\d+)")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "array": "a list",
    "object": "a table",
}
"""What the decoder calls a kind of value, in plain words."""
_PARTS = {"str": "characters"}


def refusal(
    message: str,
    tree: Mapping[str, Any],
    origins: Mapping[str, str],
    types: Mapping[str, Any],
) -> InputError:
    """Turn msgspec's message into one that says where the value came from, and its limits.

    `tree` is what was given, by section and name; `origins` says where each setting stands,
    `types` what it must be.
    """
    reason, _, place = message.partition(" - at `$.")
    parts = re.split(r"[.\[]", place.rstrip("`]"))[:2]
    unknown = re.search(r"unknown field `(.+?)`", reason)
    if unknown and len(parts) == 1:
        return _unknown(".".join(part for part in (parts[0], unknown[1]) if part), origins, types)
    name = ".".join(parts)
    if name not in origins:  # what a section says of itself
        return InputError(f"{_origin(name, origins)}: [{name}] {masked(reason)}; see {PAGE}")
    value = tree[parts[0]][parts[1]]
    _, inside, field = place.rstrip("`").rpartition("].")  # of a table in a table
    return InputError(
        f"{origins[name]}: {name}{_given(value, types[name])}{inside and f' {field}'}: "
        f"{_wanted(reason, types[name])}; see {PAGE}"
    )


def shown(value: object) -> str:
    """Show a value that stands in a wrong place: numbers as they are, all else by its kind."""
    if isinstance(value, bool | int | float):
        return repr(value)
    return f"a {type(value).__name__}"


def _given(value: object, wanted: Any) -> str:
    """Describe a setting, or its wrong entry; never the value of a secret."""
    if is_marked(wanted, SECRET):
        if isinstance(value, dict):
            return ""
        return f' is {shown(value)}, not a table such as {{"client.id" = "shop"}}'
    if isinstance(value, dict | list):
        of_each = [one for one in get_args(_plain(wanted)) if one not in (str, ...)]
        entries = value.items() if isinstance(value, dict) else enumerate(value, 1)
        for key, entry in entries:
            if of_each and not _fits(entry, of_each[0]):
                return f": {key!r}" + ("" if isinstance(entry, dict) else f" is {_short(entry)}")
        return f" is {shown(value)} of {len(value)}"
    return f" is {_short(value)}"


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return shown(value)
    text = masked(repr(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def _wanted(reason: str, wanted: Any) -> str:
    """Describe what is allowed."""
    plain = _plain(wanted)
    if reason.startswith("Invalid enum"):
        return "expected one of " + ", ".join(map(repr, get_args(plain)))
    limits = describe_limits(wanted)
    if limits and re.search(r"[<>]=", reason) and "length" not in reason:
        return f"it must be from {limits}"
    length = _LENGTH.fullmatch(reason)
    if length is not None and length[2] == ">=" and length[3] == "1":
        return "it must not be empty"
    if length is not None:
        bound = "at least" if length[2] == ">=" else "at most"
        return f"it must have {bound} {length[3]} {_PARTS.get(length[1], 'entries')}"
    kind = _KIND.fullmatch(reason)
    if kind is not None:
        names = [_WORDS.get(name, name) for name in kind[1].split(" | ") if name != "null"]
        of_each = "" if _WORDS["int"] in names or _WORDS["float"] in names else " of numbers"
        return f"it must be {' or '.join(names)}" + (f"{of_each} from {limits}" if limits else "")
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return f"{reason}, from {limits}" if limits and "length" not in reason else reason


def _plain(wanted: Any) -> Any:
    """Return a type without what is annotated of it."""
    return getattr(wanted, "__origin__", wanted) if hasattr(wanted, "__metadata__") else wanted


def _fits(entry: object, wanted: Any) -> bool:
    try:
        msgspec.convert(entry, wanted)
    except msgspec.ValidationError:
        return False
    return True


def _unknown(name: str, origins: Mapping[str, str], types: Mapping[str, Any]) -> InputError:
    kind = "setting" if "." in name else "section"
    sections = {known.partition(".")[0] for known in types}
    near = get_close_matches(name, list(types) if kind == "setting" else sections, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return InputError(
        f"{_origin(name, origins)}: there is no {kind} {name}{meant}; {PAGE} has them all"
    )


def _origin(name: str, origins: Mapping[str, str]) -> str:
    """Describe where a setting came from, or all places that a section came from."""
    places = [at for key, at in origins.items() if key == name or key.startswith(f"{name}.")]
    return ", ".join(dict.fromkeys(places)) or "the configuration"
