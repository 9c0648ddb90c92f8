"""Ids join within one conversion, and what does not join is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.datasets.convert import convert
from tests.dataflows.datasets.convert_files import (
    FILMS,
    RATED,
    movielens,
    put,
    read,
    told,
    unreadable,
)


@pytest.mark.parametrize(
    ("events", "items", "mended"),
    [
        (("10.0", "7.0"), ("10", "7"), ["ratings.csv"]),
        (("10", "7"), ("10.0", "7.00"), ["movies.csv"]),
        (("10.0", "7.0"), ("10.0", "7.0"), ["ratings.csv", "movies.csv"]),
        (("10", "7"), ("10", "7"), []),
    ],
)
def test_whole_floats_join_with_whole_numbers(tmp_path: Path, events, items, mended):
    rows = "".join(f"1,{item},3,100\n" for item in ("", *events))
    films = "".join(f"{item},F,\n" for item in items)
    report = movielens(tmp_path, {"ratings.csv": RATED + rows, "movies.csv": FILMS + films})
    assert [event["item_id"] for event in read(tmp_path / "out")] == ["10", "7"]
    assert report.join.known == report.join.items == 2
    changed = [c.file for c in report.columns if "10.0 is written as 10" in c.becomes]
    assert changed == mended


def test_only_columns_of_nothing_but_whole_floats_are_rewritten(tmp_path: Path):
    rows = "1,007,3,100\n1,7,3,100\n1,7.0,3,100\n1,7.5,3,100\n"
    movielens(tmp_path, {"ratings.csv": RATED + rows})
    assert [e["item_id"] for e in read(tmp_path / "out")] == ["007", "7", "7.0", "7.5"]
    rows = "1,007.0,3,100\n1,7.0,3,100\n"
    movielens(tmp_path, {"ratings.csv": RATED + rows}, force=True)
    assert [e["item_id"] for e in read(tmp_path / "out")] == ["007", "7"]


def test_floats_of_parquet_join_too(tmp_path: Path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = put(
        tmp_path / "in",
        {
            "transactions.csv": "household_id,basket_id,product_id,quantity,sales_value,"
            "transaction_timestamp\n5,b,10,x,—,2017-01-01 13:31:53\n5,,11,1e300,1,2017-01-01\n"
        },
    )
    names = ("department", "brand", "product_category", "product_type", "package_size")
    table = pa.table({"product_id": [10.0, 11.0, None], **{n: ["A", None, "B"] for n in names}})
    parquet.write_table(table, path / "products.parquet")
    report = convert("completejourney", path, tmp_path)
    first, second = sorted(read(tmp_path), key=lambda event: event["item_id"])
    assert "value" not in first
    assert "context" not in first
    assert (second["value"], "session_id" in second) == (1.0, False)
    assert [item["item_id"] for item in read(tmp_path, "items")] == ["10", "11"]
    assert report.join.known == 2
    assert unreadable(report) == {"quantity": 2, "sales_value": 1, "product_id": 1}


def test_ids_that_a_run_would_refuse_are_refused_and_told(tmp_path: Path):
    rows = f"1,a\tb,3,100\n{'u' * 300},2,3,100\n1,2,3,1e300\n1,2,3,100\n"
    report = movielens(tmp_path, {"ratings.csv": RATED + rows})
    assert report.refused == {"bad id": 2, "not a time": 1}
    assert len(read(tmp_path / "out")) == 1
    assert report.implausible == 1
    assert "1 events are dated before 1990" in told(report)


def test_a_repeated_item_is_written_once_and_told(tmp_path: Path):
    films = "2,A (1999),\n2,B (1999),\n"
    report = movielens(
        tmp_path, {"ratings.csv": RATED + "1,2,3,100\n", "movies.csv": FILMS + films}
    )
    assert [item["title"] for item in read(tmp_path / "out", "items")] == ["A"]
    assert "items of a repeated id left out" in told(report)


def test_more_categories_than_a_run_takes_are_cut_and_told(tmp_path: Path):
    films = f"2,A,{'|'.join(f'g{n}' for n in range(120))}\n"
    report = movielens(
        tmp_path, {"ratings.csv": RATED + "1,2,3,100\n", "movies.csv": FILMS + films}
    )
    assert len(read(tmp_path / "out", "items")[0]["categories"]) == 100
    assert "movies.csv: items have their first 100 categories" in told(report)


def test_what_events_and_catalogue_do_not_share_is_counted_with_examples(tmp_path: Path):
    rows = "1,2,3,100\n1,9,3,100\n2,9,3,100\n1,8,3,100\n"
    report = movielens(
        tmp_path, {"ratings.csv": RATED + rows, "movies.csv": FILMS + "2,A,\n3,B,\n"}
    )
    joined = report.join
    assert (joined.items, joined.known, joined.events, joined.known_events) == (3, 1, 4, 1)
    assert (joined.catalogue, joined.unused) == (2, 1)
    text = told(report)
    assert "Items that only events have: '9', '8'." in text
    assert "Items that only the catalogue has: '3'." in text


@pytest.mark.parametrize(
    ("written", "ts"),
    [
        ("2017-01-01 13:31:53", 1483277513),
        ("2017-01-01T13:31:53.500+02:00", 1483270313.5),
        ("20170101", 1483228800),
        ("1483277513", 1483277513),
        ("2017-01-01 13:31:53 UTC", 1483277513),
    ],
)
def test_times_of_receipts_are_read_as_they_are_written(tmp_path: Path, written: str, ts: float):
    head = "household_id,basket_id,product_id,quantity,sales_value,transaction_timestamp\n"
    path = put(tmp_path / "in", {"transactions.csv": f"{head}5,b,10,1,1,{written}\n"})
    convert("completejourney", path, tmp_path)
    assert read(tmp_path)[0]["ts"] == ts
