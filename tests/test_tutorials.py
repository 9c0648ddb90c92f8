"""Tutorials and how-to pages: their commands run in order, and print what the page says.

Each page in a folder of its own; `tests/told.py` says how blocks are marked.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.foreign_packages import write_package
from tests.told import as_told, marked

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = [
    page
    for folder in ("tutorial", "how-to")
    for page in sorted((DOCS / folder).glob("*.md"))
    if "<!-- run -->" in page.read_text("utf-8")
]


def installed(folder: Path) -> None:
    """Install what the page has packed up, as `pip install .` would, but into its own folder."""
    target = folder / "installed"
    if not (folder / "pyproject.toml").is_file() or target.exists():
        return
    target.mkdir()
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    for group, brought in project["entry-points"].items():
        for name, where in brought.items():
            module, _, what = where.partition(":")
            code = (folder / f"{module}.py").read_text("utf-8")
            write_package(target, {f"{group}:{name}": what}, code, distribution=project["name"])


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_print_what_it_says(page, shell) -> None:
    printed = ""
    try:
        for kind, block in marked(page.read_text("utf-8")):
            if kind == "run":
                printed = shell(f"exec 2>&1\n{block}")
                installed(shell.folder)
                continue
            missing = [line for line in block.splitlines() if not as_told(line).search(printed)]
            assert missing == [], printed
    finally:
        shell("[ ! -f penchant.pid ] || kill -9 $(cat penchant.pid) 2> /dev/null || true")


def test_there_is_something_to_run() -> None:
    assert {"first-list", "own-data", "own-signal", "shop", "news", "upgrade"} <= {
        page.stem for page in PAGES
    }


def test_a_line_is_found_as_it_is_shown() -> None:
    assert as_told("dead letters ... 12").search("│ dead letters    │   100 │ 12 │")
    assert not as_told("dead letters ... 12").search("│ dead letters    │   13 │")
    assert as_told("HR 0.1...").search("HR   0.1786  0.0832")
    assert not as_told("HR 0.1...").search("HR   0.0786  0.1832")
