"""The look at a catalogue, row by row, and at what it knows of the events."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from rich.console import Console

from dataflows.config.config import load_config
from dataflows.errors import InputError
from dataflows.evaluation.log_check.check import check_events
from dataflows.evaluation.log_check.items import check_items
from dataflows.evaluation.log_check.near_ids import FORMS, NearIds
from dataflows.evaluation.log_check.report import CheckReport, render

T = 1_772_355_600


def catalogue(folder: Path, rows: list[dict], name: str = "items.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def log(folder: Path, items: list[str]) -> Path:
    lines = [
        {"event_id": n, "user_id": f"u{n % 5}", "item_id": item, "type": "view", "ts": T + n}
        for n, item in enumerate(items)
    ]
    return catalogue(folder, lines, "events.jsonl")


def row(item: str, **fields: object) -> dict:
    return {"item_id": item, "title": f"thing {item}", "categories": ["c"], **fields}


def printed(report: CheckReport) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        render(report, console)
    return captured.get()


def test_odd_rows_are_each_told_with_line_and_reason(shared: Path):
    cases = shared / "cases" / "catalogue"
    report, ids = check_items(cases / "odd_items.jsonl")
    assert ids == {"i1", "i2", "i3", "i11", "i15"}
    assert (report.rows, report.taken, report.items) == (16, 6, 5)
    assert report.refused == {"bad_field": 8, "missing_field": 2}
    assert (report.repeated, report.blank_title, report.no_category) == (1, 1, 3)
    because = {one.line: one.detail for one in report.examples}
    for line, words in {
        1: "categories is a list [{'id': 1, 'name': 'Kitchen'}]; want a list of strings: of obj",
        4: "bare id",
        5: "title is missing",
        7: "available is the string 'false'; want true or false, bare",
        8: "available is the number 0",
        10: "title is a list",
        11: "of lists one string each",
        13: "item_id is missing",
        14: "attributes is a list [1]; want an object",
        15: "'i1' has a row before; this counts",
    }.items():
        assert words in because[line]
    told = " ".join(report.remarks)
    assert "10 of 16 rows would be refused" in told
    assert "'id' what is wanted as item_id" in told
    assert "availability, id, name, price" in told


def test_a_compressed_catalogue_is_read_and_ghosts_are_told(shared: Path):
    cases = shared / "cases" / "catalogue"
    report = check_events(cases / "ghost_events.jsonl", items=cases / "items.jsonl.gz")
    assert report.joined is not None
    assert (report.joined.events, report.joined.events_known) == (30, 15)
    assert (report.joined.items, report.joined.items_known) == (3, 2)
    assert report.joined.unknown == ("ghost",)
    assert "The catalogue knows 2 of 3 items of events, 50.0%" in " ".join(report.remarks)
    assert "'ghost'" in printed(report)
    assert report.outcomes == check_events(cases / "ghost_events.jsonl").outcomes


def test_good_rows_and_events_that_join_are_no_matter(tmp_path: Path):
    items = catalogue(tmp_path, [row("a"), row("b", available=False), row("c", text="fine")])
    report = check_events(log(tmp_path, ["a", "b", "a"]), items=items)
    assert report.catalogue is not None
    assert (report.remarks, report.catalogue.remarks) == ((), ())
    assert report.is_usable
    assert report.is_clean
    assert (report.catalogue.unavailable, report.catalogue.no_text) == (1, 2)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("a", title="<b>Mug</b>"), row("b")], "Rows with HTML in title or text: 1"),
        ([row("a", text="Blue &amp; white")], "Rows with HTML in title or text: 1"),
        ([row("a", available=False)], "No item may be recommended"),
        ([row("a", title=" ")], "blank title: 1"),
        ([row("a", colour="red")], "ignored: colour"),
        ([row("a", title="蓝色的杯子"), row("b", title="手机壳 iPhone 15")], "multilingual"),
        ([row("a", title="Синяя кружка")], "most in Cyrillic"),
    ],
)
def test_what_a_row_may_have_is_told(tmp_path: Path, rows: list[dict], words: str):
    report, _ = check_items(catalogue(tmp_path, rows))
    assert words in " ".join(report.remarks)


@pytest.mark.parametrize("title", ["1 < 2 and 3 > 2", "AT&T", "Tom & Jerry", "a <3 b", "x&y;"])
def test_signs_alone_are_no_html(tmp_path: Path, title: str):
    assert check_items(catalogue(tmp_path, [row("a", title=title)]))[0].html == 0


def test_other_scripts_are_no_matter_to_an_encoder_that_reads_them(tmp_path: Path):
    path = catalogue(tmp_path, [row("a", title="蓝色的杯子")])
    config = load_config(None, {"encoder.name": "multilingual"}, {})
    assert check_items(path, config)[0].remarks == ()


def test_a_torn_and_an_empty_catalogue(tmp_path: Path):
    path = tmp_path / "items.jsonl"
    path.write_bytes(json.dumps(row("a")).encode() + b'\n{"item_id": "b", "ti')
    assert "breaks off" in " ".join(check_items(path)[0].remarks)
    path.write_bytes(b"\n")
    with pytest.raises(InputError, match="holds no lines"):
        check_items(path)
    path.write_bytes(gzip.compress(json.dumps(row("a")).encode()))
    assert check_items(path)[1] == {"a"}


def test_other_files_are_named(shared: Path, tmp_path: Path):
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,price\n1,mug,3\n")
    report, ids = check_items(path)
    assert not ids
    assert "CSV" in report.remarks[0]
    assert check_items(shared / "cases" / "array.json")[1] == set()


@pytest.mark.parametrize(
    ("unknown", "known", "words"),
    [
        ("10.0", "10", '".0" at the end'),
        ("10", "10.0", '".0" at the end'),
        (" a1", "a1", "blanks around"),
        ("A1", "a1", "capital and small"),
        ("007", "7", "zeros in front"),
        ("e\u0301", "\u00e9", "Unicode"),
        ("shop/item:12", "12", "what stands before"),
    ],
)
def test_ids_that_differ_in_one_thing_alone_are_told(tmp_path: Path, unknown, known, words):
    items = catalogue(tmp_path, [row(known), row("other")])
    report = check_events(log(tmp_path, [unknown, "other"]), items=items)
    (told,) = [remark for remark in report.remarks if "write ids the same way" in remark]
    assert words in told
    assert repr(unknown) in told
    assert repr(known) in told


def test_ids_that_have_nothing_in_common_get_no_hint():
    near = NearIds()
    for name in ("x9", "10.5", "0", ".0", ""):
        near.note(name)
    assert list(near.remarks({"a", "b", "12"})) == []
    assert [form("plain") for _, form in FORMS] == ["plain"] * len(FORMS)


def test_ids_of_a_large_catalogue_are_sampled(tmp_path: Path):
    items = catalogue(tmp_path, [row(str(n)) for n in range(50)])
    report = check_events(log(tmp_path, [f"{n}.0" for n in range(3000)]), items=items)
    assert report.joined is not None
    assert report.joined.events_known == 0
    assert "50 of 1,000" not in " ".join(report.remarks)  # less than a tenth of those tried
    assert "0.0% of the events" in " ".join(report.remarks)
