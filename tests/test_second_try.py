"""What fails once is run again, alone, and is named either way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAD = """
import os, pathlib, pytest
def first(name):
    path = pathlib.Path(name)
    is_first = not path.exists()
    path.touch()
    return is_first
"""
GOOD = "def test_good(): pass\n"
FLAKY = "def test_flaky(): assert not first('flaky')\n"
BROKEN = "def test_broken(): assert False\n"
CRASHING = "def test_crashing():\n    if first('crash'): os._exit(9)\n"
SKIPPED = "def test_away():\n    assert not first('away')\n    pytest.skip('no broker')\n"
TORN = "@pytest.fixture\ndef torn():\n    yield\n    assert not first('torn')\n"
TORN += "def test_torn(torn): pass\n"


def tried(folder: Path, code: str, *options: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(HEAD + code)
    done = subprocess.run(
        [sys.executable, "-m", "tests.second_try", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


def last_lines(said: str) -> list[str]:
    """What is said after the last run of pytest."""
    return said.splitlines()[-1:]


def test_what_passes_alone_is_named_and_is_no_failure(tmp_path):
    status, said = tried(tmp_path, GOOD + FLAKY, "-n", "2", "--dist", "loadfile")
    assert status == 0, said
    assert last_lines(said) == ["failed once, passed alone: test_it.py::test_flaky"]
    assert "failed, and is run once more, alone: test_it.py::test_flaky" in said
    assert "1 passed" in said.splitlines()[-2]  # the second time it alone


def test_what_fails_again_is_a_failure(tmp_path):
    status, said = tried(tmp_path, FLAKY + BROKEN)
    assert status == 1, said
    assert said.splitlines()[-2:] == [
        "failed once, passed alone: test_it.py::test_flaky",
        "failed twice: test_it.py::test_broken",
    ]


def test_an_end_that_fails_is_a_failure_too_and_is_tried_again(tmp_path):
    status, said = tried(tmp_path, TORN)
    assert status == 0, said
    assert last_lines(said) == ["failed once, passed alone: test_it.py::test_torn"]


@pytest.mark.parametrize(
    ("code", "options", "status", "name"),
    [
        (CRASHING, ("-n", "1"), 1, "test_it.py::test_crashing"),
        (FLAKY + "import nowhere_to_be_found\n", (), 2, "test_it.py"),
        (FLAKY + "import nowhere_to_be_found\n", ("-n", "2"), 1, "test_it.py"),
    ],
    ids=["crash", "collection", "collection-in-workers"],
)
def test_no_second_try(tmp_path, code, options, status, name):
    found, said = tried(tmp_path, code, *options)
    assert found == status, said
    assert "once more" not in said
    assert f"failed: {name}" in said.splitlines()[-2:]


@pytest.mark.parametrize(("code", "status"), [(GOOD, 0), ("", 5)], ids=["good", "none"])
def test_where_nothing_failed_the_status_is_that_of_pytest(tmp_path, code, status):
    found, said = tried(tmp_path, code)
    assert found == status, said
    assert "failed: " not in said


def test_a_wrong_option_is_a_failure(tmp_path):
    assert tried(tmp_path, GOOD, "--no-such-option")[0] == 4


def test_what_is_skipped_the_second_time_has_not_passed(tmp_path):
    status, said = tried(tmp_path, SKIPPED)
    assert status == 1, said
    assert last_lines(said) == ["failed twice: test_it.py::test_away"]


def test_many_failures_are_no_want_of_time(tmp_path):
    many = "@pytest.mark.parametrize('n', range(9))\ndef test_many(n): assert not first(f'{n}')\n"
    status, said = tried(tmp_path, many)
    assert status == 1, said
    assert "once more" not in said
    assert sum(line.startswith("failed: ") for line in said.splitlines()) == 9


def test_a_worker_that_is_gone_fails_though_what_is_left_passes(tmp_path):
    status, said = tried(tmp_path, GOOD + CRASHING + FLAKY, "-n", "2")
    assert status == 1, said
    assert "failed: test_it.py::test_crashing" in said


def test_after_a_crash_beside_a_broker_all_that_has_not_passed_is_run_alone(tmp_path):
    there = tmp_path / "connectors" / "kafka"
    there.mkdir(parents=True)
    after = "def test_after(): first('after')\n"
    (there / "test_crash.py").write_text(HEAD + CRASHING + after)
    status, said = tried(tmp_path, GOOD, "-n", "2", "--dist", "loadfile")
    assert status == 0, said
    name = "connectors/kafka/test_crash.py::test_crashing"
    assert last_lines(said) == [f"failed once, passed alone: {name}"]
    assert "2 passed" in said.splitlines()[-2]
    assert (tmp_path / "after").exists()
