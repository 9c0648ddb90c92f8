"""Entry points: looked up when a name is given, imported when it is theirs, refused by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from learners.entry_points import brought, failure, find, load, origin

ROOT = Path(__file__).resolve().parent.parent
GROUP = "penchant.tests"
OURS = ("encoders", "learners")


def test_the_two_loaders_are_one_text() -> None:
    texts = [(ROOT / package / "entry_points.py").read_bytes() for package in OURS]
    assert texts[0] == texts[1]


def test_what_is_brought_is_listed_without_an_import(foreign) -> None:
    module = foreign({f"{GROUP}:two": "TWO", f"{GROUP}:one": "ONE"}, "raise SystemExit('imported')")
    assert {name: origin(entry) for name, entry in brought(GROUP).items()} == {
        "one": "somebodys-package 1.0",
        "two": "somebodys-package 1.0",
    }
    assert find(GROUP, "one").value == f"{module}:ONE"
    assert module not in sys.modules


def test_what_is_named_is_loaded(foreign) -> None:
    foreign({f"{GROUP}:one": "ONE"}, "ONE = ['this one']")
    assert load(find(GROUP, "one")) == ["this one"]


def test_what_nobody_brings_is_none(foreign) -> None:
    foreign({f"{GROUP}:one": "ONE", "penchant.others:three": "ONE"}, "ONE = 1")
    assert find(GROUP, "three") is None
    assert find(GROUP, "packaged", ("packaged",)) is None
    assert list(brought(GROUP)) == ["one"]


def test_a_name_that_two_packages_bring_is_refused(foreign) -> None:
    for name in ("first", "second"):
        foreign({f"{GROUP}:one": "ONE"}, "ONE = 1", distribution=name)
    with pytest.raises(ValueError, match=r"'one' is brought by first 1\.0 and second 1\.0: unins"):
        find(GROUP, "one")


def test_a_name_of_ours_is_not_to_be_brought_by_another(foreign) -> None:
    foreign({f"{GROUP}:one": "ONE"}, "ONE = 1")
    with pytest.raises(ValueError, match=r"of penchant's own, and somebodys-package 1\.0 brings"):
        find(GROUP, "one", ["one"])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_library_that_is_not_there", "ModuleNotFoundError: No module named 'a_library"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("def broken(:", "SyntaxError"),
        ("ONCE = 1", "AttributeError"),
        (None, "ModuleNotFoundError: No module named 'somebodys_package'"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named(foreign, code, reason) -> None:
    foreign({f"{GROUP}:one": "ONE"}, code)
    with pytest.raises(ValueError, match=r"'one' of somebodys-package 1\.0 cannot be") as refused:
        load(find(GROUP, "one"))
    assert reason in str(refused.value)
    assert "mend or reinstall somebodys-package" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_that_no_configuration_could_hold_is_not_listed(foreign) -> None:
    foreign({f"{GROUP}:Two words": "ONE", f"{GROUP}:a,b": "ONE", f"{GROUP}:good-1.x": "ONE"})
    assert list(brought(GROUP)) == ["good-1.x"]


def test_an_error_without_words_is_its_type() -> None:
    assert failure(ValueError()) == "ValueError"
    assert len(failure(ValueError("x" * 1000))) < 400
