"""Headers, quotes and whatever else stands in the cells of a table."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.events import EventSettings
from dataflows.datasets.convert import convert
from dataflows.datasets.rows.csv_rows import quoted_rows
from dataflows.errors import InputError
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, decode_item
from dataflows.messages.raw import Raw, Reason
from tests.dataflows.datasets.convert_files import (
    FILMS,
    RATED,
    movielens,
    put,
    read,
)


def test_headers_in_other_letters_are_known(tmp_path: Path):
    movielens(tmp_path, {"ratings.csv": "User_ID, movie id ,Rating,TIMESTAMP\n1,2,3,100\n"})
    assert read(tmp_path / "out")[0]["value"] == 3.0
    with pytest.raises(InputError, match="has two columns rating"):
        movielens(
            tmp_path,
            {"ratings.csv": "userId,movieId,rating,rating,timestamp\n1,2,3,4,100\n"},
            force=True,
        )


def test_a_quote_left_open_costs_no_other_row(tmp_path: Path):
    films = '1,A,\n2,"B (1999),Drama\n3,"C, the\nfilm",\n4,D,"Drama\n5,E,\n'
    report = movielens(
        tmp_path, {"ratings.csv": RATED + "1,2,3,100\n", "movies.csv": FILMS + films}
    )
    titles = [item["title"] for item in read(tmp_path / "out", "items")]
    assert titles == ["A", '"B', "C, the\nfilm", "D", "E"]
    assert report.notes == {"rows read with a quote that is not closed": 2}


def test_the_spectrum_of_csv(shared: Path):
    counted = {}
    for path in sorted((shared / "data/dirty/csv-spectrum").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(cells, odd) for _, _, cells, odd in quoted_rows(file, ",")]
        assert not any(odd for _, odd in rows), path
        assert len({len(cells) for cells, _ in rows}) == 1, path
        counted[path.stem] = (len(rows), rows[1][0][0])
    assert counted["newlines"] == (4, "1")
    assert counted["quotes_and_newlines"][0] == 3
    assert counted["escaped_quotes"][0] == 3


@given(
    st.lists(
        st.lists(st.text("ab ,\n\"'é", max_size=4), min_size=3, max_size=3), min_size=1, max_size=8
    )
)
def test_written_csv_is_read_back_as_it_was(rows):
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["x", "y", "z"], *rows])
    back = [
        (cells, odd)
        for _, _, cells, odd in quoted_rows(io.StringIO(file.getvalue(), newline=""), ",")
    ]
    assert back == [(cells, "") for cells in [["x", "y", "z"], *rows]]


@given(st.text('12,"\n', max_size=60))
def test_no_line_of_csv_is_lost_to_a_quote(text):
    lines = text.split("\n")
    rows = list(quoted_rows(io.StringIO(text, newline=""), ","))
    covered = [line for first, last, _, _ in rows for line in range(first, last + 1)]
    assert covered == sorted(set(covered))
    assert all(number + 1 in covered for number, line in enumerate(lines) if line)


CELL = st.one_of(
    st.sampled_from(["", "1", "10.0", "—", "nan", "1e999", "-1e300", "9" * 30, "a\x00b", "\x85"]),
    st.text(max_size=8),
).map(lambda text: text.replace("\t", " ").replace("\n", " ").encode("utf-8", "replace").decode())
ROWS = st.lists(st.lists(CELL, min_size=6, max_size=6), max_size=6)
FUZZED = {
    "recbole": (
        (
            "x.inter",
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\ta:float\tb:token",
        ),
        (
            "x.item",
            "item_id:token\ttitle:token\tprice:float\tclass:token_seq\ts:float_seq\tt:token",
        ),
        "1\t1\t1\t1\t1\t1",
    ),
    "wikispeedia": (("paths_unfinished.tsv", "# x"), ("categories.tsv", "# x"), "u\t1\t9\tA\tB\tx"),
}


@pytest.mark.parametrize("name", FUZZED)
@given(events=ROWS, items=ROWS)
def test_what_is_written_can_be_read_whatever_stands_in_the_cells(name, events, items):
    (log, log_head), (catalogue, item_head), good = FUZZED[name]
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        table = "\n".join([log_head, good, *("\t".join(row) for row in events)])
        others = "\n".join([item_head, good, *("\t".join(row) for row in items)])
        path = put(folder / "in", {log: table, catalogue: others})
        report = convert(name, path, folder / "out")
        lines = [
            (folder / "out" / f"{n}.jsonl").read_bytes().splitlines() for n in ("events", "items")
        ]
    assert (len(lines[0]), len(lines[1])) == (report.events, report.items)
    for line in lines[0]:
        event = decode_event(Raw("events", "e", 0, 0, None, line), EventSettings())
        assert isinstance(event, EventRecord) or event.reason == Reason.TIME_OUT_OF_RANGE
    for line in lines[1]:
        item = decode_item(Raw("items", "i", 0, 0, None, line), EventSettings())
        assert isinstance(item, ItemRecord)
