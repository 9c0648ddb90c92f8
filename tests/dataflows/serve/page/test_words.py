"""The page's words: the same keys in both languages, and words for every key that is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataflows.serve.page import page_files

STATIC = Path(__file__).parents[4] / "dataflows" / "serve" / "page" / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
WORDS = [script for script in SCRIPTS if script.name.startswith("words")]
_KEY = re.compile(r'^    "([\w.]+)": (?:"|\n)', re.MULTILINE)
_USED = re.compile(r"""\bt\((?:"([\w.]+)"|`([\w.]+)\$\{)""")


def keys(script: Path, language: str) -> list[str]:
    """The keys of a language in a file of words."""
    found = re.search(
        rf"^  {language}: \{{$(.*?)^  \}},$", script.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found is not None, script
    return _KEY.findall(found[1])


@pytest.mark.parametrize("script", WORDS, ids=lambda one: one.name)
def test_both_languages_say_the_same(script):
    assert keys(script, "en") == keys(script, "zh")
    assert len(set(keys(script, "en"))) == len(keys(script, "en"))


def test_no_key_is_in_two_files():
    found = [key for script in WORDS for key in keys(script, "en")]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.name)
def test_every_key_that_is_used_has_words(script):
    known = {key for words in WORDS for key in keys(words, "en")}
    for whole, begun in _USED.findall(script.read_text()):
        if whole:
            assert whole in known
        else:
            assert any(key.startswith(begun) for key in known), begun
    titles = re.findall(r'^export const title = "([\w.]+)"', script.read_text(), re.MULTILINE)
    assert known.issuperset(titles)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.name)
def test_nothing_is_put_in_as_html(script):
    banned = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:")
    text = script.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not [one for one in banned if one in text]


def test_every_file_is_served_as_what_it_is():
    served = page_files()
    assert served["/"].media_type.startswith("text/html")
    for file in STATIC.rglob("*.*"):
        if file.name != "index.html":
            path = file.relative_to(STATIC).as_posix()
            assert served[f"/page/{path}"].body == file.read_bytes()
