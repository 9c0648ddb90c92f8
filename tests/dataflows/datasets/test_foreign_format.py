"""Formats that another package brings: named as ours are, and refused in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dataflows.datasets import convert as converting
from dataflows.datasets.convert import convert
from dataflows.errors import InputError

GROUP = converting.GROUP
LINES = """
from dataflows.datasets.rows.draft import Draft, ItemLine, Log

def open_log(path, tally):
    words = path.read_text().split()
    rows = tally.each(path.name, enumerate(words, 1), event)
    return Log(rows, iter([ItemLine("a", "A")]))

def event(line, word):
    user, item = word.split(">")
    yield float(line), Draft(f"e{line}", user, "view", item)

def as_list(path, tally):
    return []

def late(path, tally):
    log = open_log(path, tally)
    return Log(log.events, (1 / 0 for _ in range(1)))
"""


@pytest.fixture
def arrows(foreign, tmp_path) -> Path:
    names = {"arrows": "open_log", "as-list": "as_list", "late": "late"}
    foreign({f"{GROUP}:{name}": of for name, of in names.items()}, LINES)
    path = tmp_path / "log.txt"
    path.write_text("ada>a bo>b")
    return path


def test_it_is_converted_as_ours_are_and_the_report_names_its_package(arrows, tmp_path) -> None:
    report = convert("arrows", arrows, tmp_path / "out")
    assert report.format == "arrows (somebodys-package 1.0)"
    events = [json.loads(line) for line in report.events_path.read_text().splitlines()]
    assert [(event["user_id"], event["item_id"]) for event in events] == [("ada", "a"), ("bo", "b")]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("as-list", "ada>a", r"'as-list' of somebodys-package 1\.0 gave list, not a Log"),
        ("late", "ada>a", r"'late' of somebodys-package 1\.0 failed on .*: ZeroDivisionError"),
        ("arrows", "ada", r"'arrows' of somebodys-package 1\.0 failed on .*: ValueError: not eno"),
        ("arows", "ada>a", r"is unknown \(did you mean arrows\?\); .*, arrows, as-list, l"),
    ],
)
def test_what_goes_wrong_is_one_line_and_nothing_is_written(
    arrows, tmp_path, name, text, told
) -> None:
    arrows.write_text(text)
    with pytest.raises(InputError, match=told) as refused:
        convert(name, arrows, tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert list((tmp_path / "out").glob("*")) == []


def test_a_package_that_is_broken_is_named(foreign, tmp_path) -> None:
    foreign({f"{GROUP}:arrows": "open_log"}, "import a_library_that_is_not_there")
    with pytest.raises(InputError, match=r"^format 'arrows' of somebodys-package 1\.0 cannot be"):
        convert("arrows", tmp_path, tmp_path / "out")


def test_a_name_of_ours_or_of_two_packages_is_refused(foreign, tmp_path) -> None:
    foreign({f"{GROUP}:recbole": "open_log", f"{GROUP}:two": "open_log"}, LINES)
    foreign({f"{GROUP}:two": "open_log"}, LINES, distribution="another")
    with pytest.raises(InputError, match="'recbole' is a name of penchant's own"):
        convert("recbole", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match=r"by another 1\.0 and somebodys-package 1\.0"):
        convert("two", tmp_path, tmp_path / "out")


def test_nothing_foreign_is_imported_where_ours_is_named(foreign, tmp_path) -> None:
    module = foreign({f"{GROUP}:arrows": "open_log"}, LINES)
    with pytest.raises(InputError, match="holds none of"):
        convert("movielens", tmp_path, tmp_path / "out")
    assert module not in sys.modules
