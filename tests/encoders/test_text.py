from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from encoders.text import clip, render_event, render_item, repair

ANY_TEXT = st.text(alphabet=st.characters(categories=None), max_size=40)
ODD = st.sampled_from(
    ["\u200b", "\u200d", "\u200c", "\ud800", "\x00", " ", "\n", "\u0301", "e", "\u2028", "\ufeff"]
)
ODD_TEXT = st.lists(ODD, max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("  two   spaces\t\n", "two spaces"),
        ("Ame\u0301lie", "Am\u00e9lie"),
        ("a\ud800b", "a\ufffdb"),
        ("nul\x00and\x1bescape", "nul and escape"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("right\u202eto left", "rightto left"),
        ("line\u2028separator", "line separator"),
        ("\u200b \u200d\u2060", ""),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",) * 2,
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467",) * 2,
        ("a\u200d\u200d\u200db", "a\u200db"),
        ("\u00a0no-break\u3000spaces", "no-break spaces"),
        ("", ""),
    ],
)
def test_repair(text: str, expected: str):
    assert repair(text) == (expected, text != expected)


@given(ANY_TEXT | ODD_TEXT)
@example("e\u200b\u0301")
@example("\u200d \u200d")
def test_repaired_text_is_well_formed_and_stays(text: str):
    fixed, changed = repair(text)
    assert changed == (fixed != text)
    assert repair(fixed) == (fixed, False)
    fixed.encode()
    assert unicodedata.is_normalized("NFC", fixed)
    assert not any(unicodedata.category(letter) == "Cc" for letter in fixed)
    assert fixed == fixed.strip()
    assert "  " not in fixed


def test_repair_bears_the_naughty_strings(shared: Path):
    lines = json.loads((shared / "data" / "dirty" / "blns.json").read_text(encoding="utf-8"))
    assert len(lines) > 100
    for line in lines:
        fixed = repair(line).text
        assert repair(fixed) == (fixed, False)
        fixed.encode()


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 5, ("short", False)),
        ("longer", 4, ("long", True)),
        ("two words", 4, ("two", True)),
        ("ae\u0300\u0301x", 2, ("a", True)),
        ("ae\u0300\u0301x", 4, ("ae\u0300\u0301", True)),
        ("a\U0001f468\u200d\U0001f469b", 2, ("a", True)),
        ("a\U0001f44d\U0001f3fdb", 2, ("a", True)),
        ("e" + "\u0301" * 99, 50, ("e" + "\u0301" * 49, True)),
    ],
)
def test_clip(text: str, limit: int, expected: tuple[str, bool]):
    assert clip(text, limit) == expected


@given(ANY_TEXT, st.integers(1, 50))
def test_clip_keeps_a_beginning_within_the_limit(text: str, limit: int):
    short, was_cut = clip(text, limit)
    assert len(short) <= limit
    assert text.startswith(short)
    assert was_cut == (len(text) > limit)
    assert was_cut or short == text


@pytest.mark.parametrize("limit", [0, -1])
def test_clip_refuses_a_limit_below_one(limit: int):
    with pytest.raises(ValueError, match="the least is 1"):
        clip("text", limit)


@pytest.mark.parametrize(
    ("kind", "title", "text", "expected"),
    [
        ("view", "Toy Story (1995)", None, "view: Toy Story (1995)"),
        ("search", None, "running shoes", "search: running shoes"),
        ("rate", "Heat", "too long", "rate: Heat. too long"),
        ("view", None, None, None),
        ("view", " ", "", None),
        ("", "Heat", None, "Heat"),
    ],
)
def test_render_event(kind: str, title: str | None, text: str | None, expected: str | None):
    assert render_event(kind, title, text) == expected


@pytest.mark.parametrize(
    ("title", "text", "categories", "expected"),
    [
        ("Heat", None, (), "Heat"),
        ("Heat", "A heist.", ("Crime", "Drama"), "Heat. A heist.. Crime, Drama"),
        ("", None, ("Crime", " "), "Crime"),
        ("", " ", (), None),
    ],
)
def test_render_item(
    title: str, text: str | None, categories: tuple[str, ...], expected: str | None
):
    assert render_item(title, text, categories) == expected
