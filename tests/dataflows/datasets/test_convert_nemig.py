"""NeMig: impressions without times, and articles in N-Triples whose literals go over lines."""

from __future__ import annotations

import bz2
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dataflows.datasets.convert import convert
from dataflows.datasets.output.report import ConvertReport
from dataflows.datasets.output.writer import UNTIMED_START
from dataflows.errors import InputError
from tests.dataflows.datasets.convert_files import becomes, put, read, told, unreadable

BEHAVIORS = (
    "3\tU9\tnews_4\tnews_1-0 news_2-1\n"
    "1\tU7\tnews_3 news_1\tnews_2-1 news_4-0\n"
    "4\tU7\tnews_3 news_1\tnews_5-0\n"
    "2\tU7\tnews_3 news_1\tnews_4-1 news_5-0\n"
)
ADDRESS, SCHEMA = "<http://nemig_en.org/resource/news_", "<https://schema.org/"
CONTENT = (
    f'{ADDRESS}abstract_1> {SCHEMA}abstract> "First.\n\nBy \\"A\\", B\\u00e4r" .\n'
    f'{ADDRESS}title_1> {SCHEMA}headline> "One" .\n'
    f'{ADDRESS}title_2> {SCHEMA}headline> "Two"@en .\n'
    f'{ADDRESS}title_4> {SCHEMA}headline> "Four" .\n'
)
METADATA = (
    f'{ADDRESS}1> {SCHEMA}datePublished> "18.03.2021" .\n'
    f'{ADDRESS}2> {SCHEMA}datePublished> "soon" .\n'
    f'{ADDRESS}1> {SCHEMA}url> "https://x" .\n'
)
NAMES = ("en_behaviors.tsv", "nemig_en_content_literals.nt.bz2", "nemig_en_metadata_literals.nt")


def nemig(
    tmp_path: Path, behaviors: str = BEHAVIORS, content: str = CONTENT, metadata: str = METADATA
) -> ConvertReport:
    files = (behaviors, bz2.compress(content.encode()), metadata)
    folder = put(tmp_path / "in", dict(zip(NAMES, files, strict=True)))
    return convert("nemig", folder, tmp_path / "out")


def steps(tmp_path: Path) -> list[tuple[Any, ...]]:
    return [
        (event["ts"] - UNTIMED_START, event["user_id"], event["type"], event["item_id"])
        for event in read(tmp_path / "out")
    ]


def test_order_is_history_then_impressions_of_one_user_after_the_other(tmp_path: Path):
    report = nemig(tmp_path)
    assert steps(tmp_path) == [
        (0, "U7", "read", "news_3"),
        (1, "U7", "read", "news_1"),
        (2, "U7", "click", "news_2"),
        (2, "U7", "negative", "news_4"),
        (3, "U7", "click", "news_4"),
        (3, "U7", "negative", "news_5"),
        (4, "U7", "negative", "news_5"),
        (5, "U9", "read", "news_4"),
        (6, "U9", "negative", "news_1"),
        (6, "U9", "click", "news_2"),
    ]
    assert len({event["event_id"] for event in read(tmp_path / "out")}) == 10
    assert read(tmp_path / "out")[2]["context"] == {"impression": 1}
    assert (report.rows, report.events, report.refused, report.timed) == (4, 10, {}, False)
    said = told(report)
    assert "The set has no times: users stand one after the other" in said
    assert "one second apart; what was shown together has one time" in said
    assert "not in order of time" not in said
    assert "'negative': nothing is learnt from it" in said


def test_articles_have_headline_abstract_and_day(tmp_path: Path):
    report = nemig(tmp_path)
    assert read(tmp_path / "out", "items") == [
        {
            "item_id": "news_1",
            "title": "One",
            "text": 'First.\n\nBy "A", Bär',
            "attributes": {"published": "2021-03-18"},
        },
        {"item_id": "news_2", "title": "Two"},
        {"item_id": "news_4", "title": "Four"},
    ]
    assert unreadable(report) == {"datePublished": 1}
    assert becomes(report)["url"].startswith("left out")
    assert "3 of 5" in told(report)  # items of events in the catalogue


def test_broken_rows_and_triples_are_counted_and_cost_no_other(tmp_path: Path):
    behaviors = (
        "x\tU1\t\tnews_1-1\n"
        "1\tU1\t\tnews_1-1\n"
        "2\tU1\t\tnews_1-2\n"
        "3\tU1\t\t\n"
        "4\tU1\tnews_9\tnews_2-1\n"
        "5\tU1\n"
    )
    content = (
        f'{ADDRESS}title_1> {SCHEMA}headline> "never closed\n'
        f'{ADDRESS}title_2> {SCHEMA}headline> "Two" .\n'
        "no triple at all\n"
        f"{ADDRESS}2> {SCHEMA}author> <http://x/a> .\n"
        f'{ADDRESS}abstract_3> {SCHEMA}abstract> "Without a headline." .\n'
        f'{ADDRESS}title_4> {SCHEMA}headline> "cut off at the end of the file\n'
    )
    report = nemig(tmp_path, behaviors, content)
    assert (report.rows, report.events) == (6, 2)
    assert report.refused == {
        "not a number": 1, "no label": 1, "missing": 1, "wrong width": 1,
        "open quote": 2, "not a triple": 1,
    }  # fmt: skip
    assert report.notes == {
        "impressions with another history than the user's first one": 1,
        "triples without a text left out": 1,
        "articles without a headline left out": 1,
    }
    assert [item["title"] for item in read(tmp_path / "out", "items")] == ["Two"]
    lines = {(row.reason, row.line) for row in report.examples}
    assert {("open quote", 1), ("not a triple", 3), ("open quote", 6)} <= lines


def test_two_languages_in_a_folder_are_two_logs(tmp_path: Path):
    folder = put(tmp_path / "in", {"en_behaviors.tsv": BEHAVIORS, "de_behaviors.tsv": BEHAVIORS})
    with pytest.raises(InputError, match=r"holds de_behaviors.tsv and en_behaviors.tsv; give one"):
        convert("nemig", folder, tmp_path / "out")
    report = convert("nemig", folder / "de_behaviors.tsv", tmp_path / "out")
    assert report.items == 0
    assert "There is no file of content_literals beside it: no items." in told(report)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "rows", "users", "kinds", "articles"),
    [
        ("en", 15_000, 3_000, {"read": 13_953, "click": 14_148, "negative": 71_070}, 10_814),
        ("de", 17_160, 3_432, {"read": 18_743, "click": 17_153, "negative": 85_778}, 7_346),
    ],
)
def test_the_whole_set(
    shared: Path,
    tmp_path: Path,
    language: str,
    rows: int,
    users: int,
    kinds: dict[str, int],
    articles: int,
):
    path = shared / f"data/nemig/{language}_behaviors.tsv"
    report = convert("nemig", path, tmp_path / "out")
    events, items = read(tmp_path / "out"), read(tmp_path / "out", "items")
    words = [line.split("\t") for line in path.read_text().splitlines()]
    histories = {user: history.split() for _, user, history, _ in words}
    shown = sum(len(candidates.split()) for *_, candidates in words)
    assert (report.rows, report.refused, report.notes) == (rows, {}, {})
    assert len(events) == sum(map(len, histories.values())) + shown
    assert {k: sum(e["type"] == k for e in events) for k in kinds} == kinds
    assert len(items) == articles
    assert {event["item_id"] for event in events} <= {item["item_id"] for item in items}
    assert not unreadable(report)
    # Nobody comes back: the events of a user stand side by side, what was read before the rest.
    blocks = 1 + sum(a["user_id"] != b["user_id"] for a, b in pairwise(events))
    assert blocks == len(histories) == users
    after = [(a, b) for a, b in pairwise(events) if b["type"] == "read" != a["type"]]
    assert all(a["user_id"] != b["user_id"] for a, b in after)
