"""The limits of the house: how much a folder, a file, a class and a function may hold.

What was over a limit when it was set stands below with its number then: it may shrink, and
must leave the list once it is within the limit, but never grow. `python tests/test_house.py`
prints what is over each limit now.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("dataflows", "learners", "encoders")

ENTRIES = 18
"""Of a folder, files and folders, without `__init__.py` and `py.typed`."""

ENTRIES_OF_ONE_KIND = 25
ONE_KIND = (
    "dataflows/datasets/formats",
    "dataflows/evaluation/html",
    "dataflows/evaluation/baselines",
    "learners/signals",
)
"""Folders whose files are all of one kind: formats, figures, baselines, signals."""

LINES = 300
"""Of a file."""

METHODS = 20
"""Of a class, private ones and properties included."""

PARAMETERS = 8
"""Of a function, without self. Each one of a command is an option of its own: it has no limit."""

KERNELS = ("_compare", "_insert", "fill", "gather")
"""Compiled functions with more: they take arrays one by one."""

FOLDERS_OVER: dict[str, int] = {}
FILES_OVER = {
    "dataflows/cli/main.py": 394,
    "dataflows/state/store.py": 356,
    "learners/users/user.py": 343,
}
CLASSES_OVER = {
    "SemanticIndex": 21,
    "Succession": 21,
    "User": 27,
}
FUNCTIONS_OVER = {"FileSource.__init__": 9, "replay": 9, "twins": 9}
NAMES_TWICE: dict[str, int] = {}
"""Names of public classes that more than one module has, and how many have them."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """Its path as of the checkout, its length in lines, and what it defines."""

    path: str
    lines: int
    body: list[ast.stmt]


@cache
def modules() -> list[Module]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            name = path.relative_to(ROOT).as_posix()
            found.append(Module(name, len(text.splitlines()), ast.parse(text).body))
    return found


def classes() -> Iterator[ast.ClassDef]:
    for module in modules():
        yield from (node for node in module.body if isinstance(node, ast.ClassDef))


def functions() -> Iterator[tuple[str, Function]]:
    """Yield every function that is not within another, methods as `Class.method`."""
    for module in modules():
        for node in module.body:
            if isinstance(node, Function):
                yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from (
                    (f"{node.name}.{part.name}", part)
                    for part in node.body
                    if isinstance(part, Function)
                )


def parameters(function: Function) -> int:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def is_decorated(function: Function, name: str) -> bool:
    return any(name in ast.unparse(each) for each in function.decorator_list)


def folders_over() -> dict[str, int]:
    entries: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                parts = path.relative_to(ROOT).parts
                for depth in range(1, len(parts)):
                    entries.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
    counts = {name: len(found - {"__init__.py", "py.typed"}) for name, found in entries.items()}
    return {
        name: count
        for name, count in counts.items()
        if count > (ENTRIES_OF_ONE_KIND if name in ONE_KIND else ENTRIES)
    }


def files_over() -> dict[str, int]:
    return {module.path: module.lines for module in modules() if module.lines > LINES}


def classes_over() -> dict[str, int]:
    counts = {
        node.name: sum(isinstance(part, Function) for part in node.body) for node in classes()
    }
    return {name: count for name, count in counts.items() if count > METHODS}


def functions_over() -> dict[str, int]:
    return {
        name: count
        for name, node in functions()
        if (count := parameters(node)) > PARAMETERS
        and not is_decorated(node, ".command")
        and not is_decorated(node, "compiled")
    }


def names_twice() -> dict[str, int]:
    counts = Counter(node.name for node in classes() if not node.name.startswith("_"))
    return {name: count for name, count in counts.items() if count > 1}


RULES = {
    "folders": (folders_over, FOLDERS_OVER),
    "files": (files_over, FILES_OVER),
    "classes": (classes_over, CLASSES_OVER),
    "functions": (functions_over, FUNCTIONS_OVER),
    "names": (names_twice, NAMES_TWICE),
}
HELD = ("folders", "files", "classes", "functions", "names")
"""Those of the rules that the tests hold."""


@pytest.mark.parametrize("rule", HELD)
def test_nothing_new_is_over_a_limit_and_nothing_grows(rule) -> None:
    over, known = RULES[rule]
    assert {name: n for name, n in over().items() if n > known.get(name, 0)} == {}


@pytest.mark.parametrize("rule", HELD)
def test_what_is_within_its_limit_is_no_exception_any_more(rule) -> None:
    over, known = RULES[rule]
    assert set(known) - set(over()) == set()


def test_compiled_functions_with_many_parameters_are_listed() -> None:
    found = {
        name
        for name, node in functions()
        if is_decorated(node, "compiled") and parameters(node) > PARAMETERS
    }
    assert found == set(KERNELS)


def test_the_page_of_the_architecture_names_every_room() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    rooms = [
        folder
        for package in PACKAGES
        for folder in sorted((ROOT / package).iterdir())
        if (folder / "__init__.py").is_file()
    ]
    assert len(rooms) > 20
    assert [
        str(room.relative_to(ROOT)) for room in rooms if f"`{room.relative_to(ROOT)}`" not in page
    ] == []


if __name__ == "__main__":
    for rule, (over, _) in RULES.items():
        print(rule, dict(sorted(over().items())))  # noqa: T201 - that is what it is for
