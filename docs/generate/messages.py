"""Tables of the messages: fields from the schemas, reasons from the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataflows.messages.json_schemas import schema
from dataflows.messages.raw import Reason
from docs.generate.attributes import attribute_docstrings, cell

MOST_WORDS = 5
"""So many words that a field may hold are named in the table."""

HEAD = "| field | needed | type | what |\n|---|---|---|---|\n"


def fields(name: str) -> str:
    """Return the table of one kind of message, with the fields of what it holds below each."""
    whole = schema(name)
    return HEAD + "".join(_rows(whole, whole.get("$defs", {}), ""))


def reasons() -> str:
    """Return the table of why a record may be a dead letter."""
    told = attribute_docstrings(Reason)
    rows = [f"| `{reason.value}` | {cell(told[reason.name])} |\n" for reason in Reason]
    return "| reason | what is wrong |\n|---|---|\n" + "".join(rows)


def _rows(owner: Mapping[str, Any], known: Mapping[str, Any], before: str) -> Iterator[str]:
    for name, wanted in owner["properties"].items():
        needed = "yes" if name in owner.get("required", ()) else ""
        found, suffix = _inner(wanted, known)
        what = cell(wanted.get("description") or found.get("description", ""))
        row = f"| `{before}{name}` | {needed} | {cell(_kind(wanted, known))} | {what} |\n"
        yield row.replace("|  |", "| |")
        if "properties" in found:
            yield from _rows(found, known, f"{before}{name}{suffix}.")


def _inner(wanted: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Return what a field holds behind reference, list and `null`, and `[]` where in a list."""
    if "$ref" in wanted:
        return known[wanted["$ref"].rpartition("/")[2]], ""
    if "items" in wanted:
        return _inner(wanted["items"], known)[0], "[]"
    others = [one for one in wanted.get("anyOf", ()) if one.get("type") != "null"]
    return _inner(others[0], known) if len(others) == 1 else (wanted, "")


def _kind(wanted: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return the type of a field in words."""
    if "anyOf" in wanted:
        return " or ".join(dict.fromkeys(_kind(one, known) for one in wanted["anyOf"]))
    if "$ref" in wanted:
        return "object"
    if "enum" in wanted:
        words = [f'`"{one}"`' for one in wanted["enum"]]
        return " or ".join(words) if len(words) <= MOST_WORDS else f"one of {len(words)} words"
    found = wanted.get("type", "anything")
    if found == "array":
        each = _kind(wanted["items"], known)
        return f"list of ({each})" if " or " in each else f"list of {each}"
    if found == "object" and "additionalProperties" in wanted:
        return f"object of {_kind(wanted['additionalProperties'], known)}"
    return str(found)
