"""Tables of the settings: names, defaults and limits from the types, meanings from docstrings."""

from __future__ import annotations

from typing import Any

import msgspec

from dataflows.config.config import Config
from dataflows.config.limits import describe_limits
from docs.generate.attributes import attribute_docstrings, cell

HEAD = "| setting | default | limits | meaning |\n|---|---|---|---|\n"
SECTIONS: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Config)}


def settings(section: str) -> str:
    """Return the table of one section. Raises KeyError where a setting has no docstring."""
    owner = SECTIONS[section]
    meanings = attribute_docstrings(owner)
    rows = [
        f"| `{section}.{field.name}` | `{default_of(field)}` | {describe_limits(field.type)} "
        f"| {cell(meanings[field.name])} |\n".replace("|  |", "| |")
        for field in msgspec.structs.fields(owner)
    ]
    return HEAD + "".join(rows)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Return a default as TOML would write it."""
    default = field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    if default is None:
        return "(none)"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return str(list(default))
    return f'"{default}"' if isinstance(default, str) else str(default)
