"""The converters on the real data sets: counts and first rows that were looked up by hand."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataflows.config.events import EventSettings
from dataflows.datasets.convert import convert
from dataflows.datasets.output.report import ConvertReport
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, decode_item
from dataflows.messages.raw import Raw

SETTINGS = EventSettings()


def run(
    name: str, path: Path, out: Path, shuffle: int | None = None
) -> tuple[ConvertReport, list[dict[str, Any]], list[dict[str, Any]]]:
    """Convert, and read both files back twice: as JSON, and by the engine's own decoder."""
    report = convert(name, path, out, shuffle, force=True)
    lines = [(out / f"{part}.jsonl").read_bytes().splitlines() for part in ("events", "items")]
    for line in lines[0]:
        assert isinstance(decode_event(Raw("events", "e", 0, 0, None, line), SETTINGS), EventRecord)
    for line in lines[1]:
        assert isinstance(decode_item(Raw("items", "i", 0, 0, None, line), SETTINGS), ItemRecord)
    events, items = ([msgspec.json.decode(line) for line in part] for part in lines)
    assert (report.events, report.items) == (len(events), len(items))
    assert all(a["ts"] <= b["ts"] for a, b in pairwise(events))
    assert (report.first, report.last) == (events[0]["ts"], events[-1]["ts"])
    assert len({event["event_id"] for event in events}) == len(events) - report.repeated_ids
    assert not list(out.glob("*.part"))
    assert all(column.becomes for column in report.columns)
    assert not any(column.unreadable for column in report.columns)
    return report, events, items


def test_recbole_ml100k(ml100k: Path, tmp_path: Path):
    report, events, items = run("recbole", ml100k, tmp_path)
    assert (report.rows, report.events, report.items, report.refused) == (
        100_000,
        100_000,
        1682,
        {},
    )
    assert report.timed
    assert not report.was_sorted
    assert events[0] == {
        "event_id": "ml-100k-216",
        "user_id": "259",
        "type": "rating",
        "item_id": "255",
        "value": 4.0,
        "ts": 874724710,
    }
    assert len({event["user_id"] for event in events}) == 943
    assert Counter(event["value"] for event in events) == {
        1.0: 6110, 2.0: 11370, 3.0: 27145, 4.0: 34174, 5.0: 21201,
    }  # fmt: skip
    assert items[0] == {
        "item_id": "1",
        "title": "Toy Story",
        "categories": ["Animation", "Children's", "Comedy"],
        "attributes": {"release_year": "1995"},
    }
    kinds = {name for item in items for name in item.get("categories", [])}
    assert {"Sci-Fi", "Film-Noir", "Children's"} <= kinds
    assert len(kinds) == 19
    lines = (ml100k / "ml-100k.inter").read_text().splitlines()[1:]
    rows = [(float(line.split("\t")[3]), n) for n, line in enumerate(lines, 2)]
    assert [f"ml-100k-{n}" for _, n in sorted(rows)] == [event["event_id"] for event in events]


@pytest.mark.slow
def test_completejourney(shared: Path, tmp_path: Path):
    pytest.importorskip("pyarrow", reason="products are a parquet file")
    report, events, items = run("completejourney", shared / "data/completejourney", tmp_path)
    assert (report.rows, report.events, report.refused) == (138_552, 138_552, {})
    assert report.was_sorted
    assert len({event["user_id"] for event in events}) == 248
    assert len({event["session_id"] for event in events}) == 15_572
    bought = {event["item_id"] for event in events}
    assert len(bought) == 26_381
    assert {item["item_id"] for item in items} <= bought
    assert len(items) == 26_378
    assert events[0] == {
        "event_id": "completejourney-2",
        "user_id": "83",
        "type": "purchase",
        "item_id": "1046485",
        "value": 10.99,
        "session_id": "31198676089",
        "context": {"quantity": 1, "store": "381"},
        "ts": 1483277513,
    }
    assert all(item["title"] for item in items)


@pytest.mark.slow
def test_wikispeedia(shared: Path, tmp_path: Path):
    report, events, items = run("wikispeedia", shared / "data/wikispeedia", tmp_path)
    assert (report.rows, report.events, report.refused) == (24_875, 129_295 + 24_875, {})
    kinds = Counter(event["type"] for event in events)
    assert kinds["search"] == 24_875
    assert kinds["back"] == 12_907
    assert kinds["start"] == 24_875
    assert len({event["user_id"] for event in events}) == 11_485
    assert all("context" in event or event["text"] for event in events)
    assert all(event["context"]["goal"] for event in events if event["type"] != "search")
    titles = {item["item_id"]: item for item in items}
    assert titles["Áedán_mac_Gabráin"]["title"] == "Áedán mac Gabráin"
    assert titles["Åland"]["categories"] == [
        "Countries", "Geography", "European Geography", "European Countries",
    ]  # fmt: skip
    assert {event["item_id"] for event in events if "item_id" in event} <= set(titles)
    labels = Counter(event["intent"] for event in events if "intent" in event)
    assert sum(labels.values()) == 24_833  # the targets of 42 sessions have no category
    assert labels.most_common(2) == [("Science", 6_170), ("Everyday life", 3_939)]
    sessions: dict[str, list[float]] = {}
    for event in events:
        sessions.setdefault(event["session_id"], []).append(event["ts"])
    ends = _ends(shared / "data/wikispeedia/paths_unfinished.tsv")
    for name, times in sessions.items():
        start, end = ends[name]
        assert start == times[0] <= times[-1] <= end


def _ends(path: Path) -> dict[str, tuple[float, float]]:
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            found[f"wikispeedia-{number}"] = (int(cells[1]), int(cells[1]) + int(cells[2]))
    return found


def test_deskdrop_keeps_64_bit_ids_and_shows_copies(shared: Path, tmp_path: Path):
    report, events, items = run("deskdrop", shared / "data/deskdrop", tmp_path)
    assert (report.rows, report.events, report.repeated_ids) == (72_312, 72_312, 2_284)
    assert not report.was_sorted
    assert items == []
    assert Counter(event["type"] for event in events) == {
        "view": 61_086, "like": 5_745, "bookmark": 2_463, "comment": 1_611, "follow": 1_407,
    }  # fmt: skip
    assert len({event["user_id"] for event in events}) == 1_895
    assert "-3499919498720038879" in {event["item_id"] for event in events}
    assert len({event["item_id"] for event in events}) == 2_987


def test_serenade(shared: Path, tmp_path: Path):
    report, events, items = run("serenade", shared / "data/serenade-example", tmp_path)
    assert (report.rows, report.events, report.repeated_ids) == (116_285, 116_285, 0)
    assert items == []
    parts = Counter(event["user_id"].partition("-")[0] for event in events)
    assert parts == {"train": 113_601, "valid": 1_451, "test": 1_233}
    assert len({event["user_id"] for event in events}) == 23_753 + 330 + 302
    assert all(event["user_id"] == event["session_id"] for event in events)


def test_amazon(shared: Path, tmp_path: Path):
    report, events, _ = run("amazon", shared / "data/amazon-all-beauty-5", tmp_path)
    assert (report.rows, report.events, report.repeated_ids) == (5_269, 5_269, 1_108)
    assert len({event["user_id"] for event in events}) == 991
    assert len({event["item_id"] for event in events}) == 85
    assert sum("text" not in event for event in events) <= 5
    assert all(1.0 <= event["value"] <= 5.0 for event in events)
    texts = {event.get("text") for event in events}
    assert "Five Stars. As advertised. Reasonably priced" in texts


@pytest.mark.parametrize(
    ("name", "folder", "count", "intents"),
    [
        ("banking77", "banking77", 13_083, 77),
        ("clinc150", "clinc150", 23_700, 151),
        ("cais-zh", "cais-zh", 10_001, None),
    ],
)
def test_intent_sets(
    shared: Path, tmp_path: Path, name: str, folder: str, count: int, intents: int | None
):
    path = shared / "data/intents" / folder
    report, events, items = run(name, path, tmp_path, shuffle=1)
    assert (report.rows, len(events), items, report.refused) == (count, count, [], {})
    assert not report.timed
    assert len({event["user_id"] for event in events}) == count
    assert all(event["text"] and event["intent"] and "item_id" not in event for event in events)
    assert [event["ts"] for event in events] == [1_600_000_000 + n for n in range(count)]
    if intents:
        assert len({event["intent"] for event in events}) == intents


def test_cais_zh_sentences_are_put_together_from_their_characters(shared: Path, tmp_path: Path):
    _, events, _ = run("cais-zh", shared / "data/intents/cais-zh", tmp_path)
    assert events[0]["text"] == "我要听吴雨霏的歌"
    assert events[0]["intent"] == "PlayMusic"


def test_a_shuffle_is_drawn_with_its_seed(shared: Path, tmp_path: Path):
    path = shared / "data/intents/banking77/test.csv"
    runs = [run("banking77", path, tmp_path, shuffle=seed)[1] for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    plain = run("banking77", path, tmp_path)[1]
    assert {e["event_id"] for e in plain} == {e["event_id"] for e in runs[0]}
    # The file is sorted by intent; mixed, neighbours have the same intent about once in 77.
    same = sum(a["intent"] == b["intent"] for a, b in pairwise(runs[0]))
    assert same < 120
    assert sum(a["intent"] == b["intent"] for a, b in pairwise(plain)) > 2900
