"""The code of the pages on the library is run, from top to bottom, and prints what they say."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import encoders
import learners
import learners.estimators
from learners.recommender import recommender

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```python\n(>>> .*?)^```", re.DOTALL | re.MULTILINE)
PAGES = {"README.md": 5, "docs/how-to/library.md": 40}
"""Pages with code, and how many statements they have at least."""


def faults(text: str, name: str, given: dict[str, object]) -> tuple[int, int, list[str]]:
    """Run the examples of a text; return how many failed, how many ran, and what was told."""
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest(text, given, name, name, 0)
    failed, ran = doctest.DocTestRunner().run(test, out=told.append)
    return failed, ran, told


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_prints_what_the_page_says(page, tmp_path) -> None:
    code = "\n".join(BLOCK.findall((ROOT / page).read_text(encoding="utf-8")))
    failed, ran, told = faults(code, page, {"tmp_path": tmp_path})
    assert not failed, "".join(told)
    assert ran >= PAGES[page]


def test_a_page_that_says_something_else_would_be_found() -> None:
    failed, ran, told = faults(">>> 1 + 1\n3\n>>> 2\n2\n", "a page", {})
    assert (failed, ran) == (1, 2)
    assert "Expected:\n    3\nGot:\n    2" in "".join(told)


MODULES = [learners, learners.estimators, encoders, recommender]


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__)
def test_the_examples_of_docstrings_are_true(module) -> None:
    failed, ran = doctest.testmod(module)
    assert not failed
    assert ran
