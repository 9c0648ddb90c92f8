"""What a setting is beside its type: a path, in which `~` is the home, or a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, inspect

PATH = "path"
SECRET = "secret"  # noqa: S105 - a word, not a password

PathText = Annotated[str, Meta(min_length=1, max_length=4096, extra={"mark": PATH})]
"""A path, or a name or URL in the place of one."""

_STATIC = "static:"
"""What stands before the folder of a static encoder."""


def is_marked(wanted: Any, mark: str) -> bool:
    """Return whether a setting's type bears a mark; a type that may be None does as well."""
    kind = inspect.type_info(wanted)
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return any(
        isinstance(one, inspect.Metadata) and (one.extra or {}).get("mark") == mark for one in kinds
    )


def expanded(text: str) -> str:
    """Return a path with the home of its user for `~`; all other text as it is."""
    if text.startswith(_STATIC):
        return _STATIC + expanded(text.removeprefix(_STATIC))
    if text != "~" and not text.startswith("~/"):
        return text
    return str(Path(text).expanduser())
