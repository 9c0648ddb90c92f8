"""No test fails by the clock alone, however busy the machine is."""

from __future__ import annotations

import re
import time

import hypothesis
from hypothesis import strategies as st

from tests.conftest import ROOT

DEADLINE = re.compile(r"\bdeadline=(?!None\b)\w")
UPPER_BOUND = re.compile(r"assert .*\b(?:monotonic|perf_counter|process_time|time)\(\) - \w+ <=? ")


def lines_of_tests():
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name != "test_no_clock.py":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_no_example_has_a_deadline():
    assert hypothesis.settings().deadline is None

    @hypothesis.settings(max_examples=1, derandomize=True)
    @hypothesis.given(st.none())
    def slow(_):
        time.sleep(0.3)  # longer than what is allowed where nothing is said

    slow()
    assert [line for line in lines_of_tests() if DEADLINE.search(line)] == []
    assert DEADLINE.search("settings(deadline=200)")


def test_no_test_says_how_long_a_thing_may_take():
    assert [line for line in lines_of_tests() if UPPER_BOUND.search(line)] == []
    assert UPPER_BOUND.search("assert time.monotonic() - started < 10")
