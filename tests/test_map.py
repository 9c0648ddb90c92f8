"""docs/reference/map.md: every file that it names is there and defines what is named beside it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATH = r"[a-z_0-9]+(?:/[a-z_0-9]+)+\.py"
ROWS = re.findall(
    rf"^\| (.+?) \| `({PATH})` \| (.+?) \|$",
    (ROOT / "docs" / "reference" / "map.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def places(first: str, cell: str) -> list[tuple[str, str]]:
    """Names of a row with the file of each: those that a cell gives for themselves, or the first.

    Words before a semicolon are in the file of the row; behind one stand names, then `in` their
    file, or a file, a colon and then its names.
    """
    found = []
    for part in cell.split("; "):
        quoted = re.findall(r"`([^`]+)`", part)
        file = next((word for word in quoted if re.fullmatch(PATH, word)), first)
        found += [(file, word) for word in quoted if word != file]
    return found


def defined(path: Path) -> set[str]:
    """Functions, classes and, as `Class.method`, methods of a module."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if hasattr(part, "name")}
    return names


def test_twenty_things_are_told() -> None:
    assert len(ROWS) == 20


@pytest.mark.parametrize(("what", "file", "there"), ROWS)
def test_what_is_named_is_there(what, file, there) -> None:
    named = places(file, there)
    assert (file, named[0][1]) == named[0], "the first name is of the file of the row"
    assert [(path, name) for path, name in named if name not in defined(ROOT / path)] == []
