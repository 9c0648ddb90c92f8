"""The converters on small inputs made here: other layouts, broken rows, and wrong files."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from dataflows.datasets.convert import FORMATS, convert
from dataflows.datasets.output.report import render
from dataflows.datasets.output.writer import UNTIMED_START
from dataflows.errors import InputError


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def read(out: Path, name: str = "events") -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in (out / f"{name}.jsonl").read_bytes().splitlines()]


U_ITEM = (
    "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "2|Misérables, Les (1995)|01-Jan-1995||http://x|0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n"
    "3|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
).encode("latin-1")


def test_movielens_100k(tmp_path: Path):
    path = put(
        tmp_path / "in", {"u.data": "7\t1\t3\t90\n8\t2\t5\t80\n7\t2\t4\t90\n", "u.item": U_ITEM}
    )
    report = convert("movielens", path, tmp_path)
    fields = ("event_id", "user_id", "type", "item_id", "value", "ts")
    assert [tuple(event[field] for field in fields) for event in read(tmp_path)] == [
        ("movielens-2", "8", "rating", "2", 5.0, 80),
        ("movielens-1", "7", "rating", "1", 3.0, 90),
        ("movielens-3", "7", "rating", "2", 4.0, 90),
    ]
    assert read(tmp_path, "items") == [
        {
            "item_id": "1",
            "title": "Toy Story",
            "categories": ["Animation", "Children's", "Comedy"],
            "attributes": {"release_year": "1995"},
        },
        {
            "item_id": "2",
            "title": "Misérables, Les",
            "categories": ["Drama", "Musical"],
            "attributes": {"release_year": "1995"},
        },
        {"item_id": "3", "title": "unknown"},
    ]
    assert (report.rows, report.events, report.items, report.refused) == (3, 3, 3, {})


def test_movielens_csv_and_dat_say_the_same(tmp_path: Path):
    csv = put(
        tmp_path / "csv",
        {
            "ratings.csv": "userId,movieId,rating,timestamp\r\n1,2,3.5,100\r\n",
            "movies.csv": (
                'movieId,title,genres\r\n2,"American President, The (1995)",Comedy|Romance\r\n'
                "3,Odd,(no genres listed)\r\n"
            ),
        },
    )
    dat = put(
        tmp_path / "dat",
        {
            "ratings.dat": "1::2::3.5::100\n",
            "movies.dat": "2::American President, The (1995)::Comedy|Romance\n3::Odd::\n",
        },
    )
    both = []
    for path in (csv / "ratings.csv", dat):
        convert("movielens", path, tmp_path, force=True)
        events = [{**event, "event_id": ""} for event in read(tmp_path)]
        both.append((events, read(tmp_path, "items")))
    assert both[0] == both[1]
    assert both[0][0][0]["value"] == 3.5
    assert both[0][1] == [
        {
            "item_id": "2",
            "title": "American President, The",
            "categories": ["Comedy", "Romance"],
            "attributes": {"release_year": "1995"},
        },
        {"item_id": "3", "title": "Odd"},
    ]


def test_recbole_types_of_columns(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "shop.inter": "user_id:token\titem_id:token\n1\ta\n2\tb\n",
            "shop.item": (
                "item_id:token\tname:token_seq\tcategory:token\tprice:float\tsizes:float_seq\n"
                "a\tBlue Hat\tHats and Caps\t9.5\t1 2\nb\tSock\t\t\t\n"
            ),
        },
    )
    report = convert("recbole", path, tmp_path)
    assert not report.timed
    assert [(e["type"], "value" in e, e["ts"]) for e in read(tmp_path)] == [
        ("interaction", False, UNTIMED_START),
        ("interaction", False, UNTIMED_START + 1),
    ]
    assert read(tmp_path, "items") == [
        {
            "item_id": "a",
            "title": "Blue Hat",
            "categories": ["Hats and Caps"],
            "attributes": {"price": 9.5, "sizes": [1.0, 2.0]},
        },
        {"item_id": "b", "title": "Sock"},
    ]
    (path / "shop.item").write_text("item_id:token\tname\na\tHat\n")
    with pytest.raises(InputError, match="column 'name' has no type"):
        convert("recbole", path, tmp_path / "again")


def test_serenade_sessions_of_three_files_are_apart(tmp_path: Path):
    head = "SessionId\tItemId\tTime\n"
    files = {
        "train.txt.gz": f"{head}1\t7\t1592337765.0\n1\t8\t1592337718.5\n1\t\t1592337700.0\n",
        "test.txt": f"{head}1\t7\t1592337718.0\n2\t7\tyesterday\n3\t9\n",
    }
    report = convert("serenade", put(tmp_path / "in", files), tmp_path)
    fields = ("event_id", "user_id", "session_id", "type", "item_id", "ts")
    assert [tuple(event[field] for field in fields) for event in read(tmp_path)] == [
        ("serenade-test-2", "test-1", "test-1", "click", "7", 1592337718),
        ("serenade-train-3", "train-1", "train-1", "click", "8", 1592337718.5),
        ("serenade-train-2", "train-1", "train-1", "click", "7", 1592337765),
    ]
    assert (report.rows, report.events, report.items) == (6, 3, 0)
    assert report.refused == {"missing": 1, "not a number": 1, "wrong width": 1}
    assert any("Each session is a user of its own" in remark for remark in report.remarks)


TRANSACTIONS = (
    "household_id,store_id,basket_id,product_id,quantity,sales_value,transaction_timestamp\n"
    "5,9,b1,p1,2,3.98,2017-01-01 13:31:53\n5,9,b1,p2,1,1,2017-01-01 13:31:53\n"
)
PRODUCTS = (
    "product_id,department,brand,product_category,product_type,package_size\n"
    "p1,GROCERY,Private,BREAD,RYE BREAD,1 LB\np2,MISC,,,,\np3,GROCERY,National,TEA,TEA,\n"
)


def test_completejourney_from_csv_needs_no_parquet(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = put(tmp_path / "in", {"transactions.csv": TRANSACTIONS, "products.csv.gz": PRODUCTS})
    convert("completejourney", path, tmp_path)
    assert [event["item_id"] for event in read(tmp_path)] == ["p1", "p2"]
    assert read(tmp_path)[0]["context"] == {"quantity": 2, "store": "9"}
    assert read(tmp_path, "items") == [
        {
            "item_id": "p1",
            "title": "RYE BREAD",
            "text": "Private brand, GROCERY, BREAD",
            "categories": ["GROCERY", "BREAD"],
            "attributes": {"brand": "Private", "package_size": "1 LB"},
        },
        {"item_id": "p2", "title": "MISC", "text": "MISC", "categories": ["MISC"]},
    ]


def test_parquet_without_its_reader_is_said_plainly(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = put(tmp_path / "in", {"transactions.csv": TRANSACTIONS, "products.parquet": b"PAR1"})
    with pytest.raises(InputError, match=r"needs pyarrow; pip install 'penchant\[parquet\]'"):
        convert("completejourney", path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_broken_parquet_file(tmp_path: Path):
    pytest.importorskip("pyarrow")
    path = put(tmp_path / "in", {"transactions.csv": TRANSACTIONS, "products.parquet": b"PAR1 no"})
    with pytest.raises(InputError, match=r"products\.parquet: is not a parquet file"):
        convert("completejourney", path, tmp_path)


def test_wikispeedia_walks_back_and_spreads_the_time(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "paths_unfinished.tsv": (
                "# a head line\n\n"
                "u1\t1000\t40\tA;B;C%C3%A9;<;<;D\tGoal_%C3%89\trestart\n"
                "u1\t2000\t1830\tA;B;<;D\tG\ttimeout\n"
                "u2\t3000\t9\tA;<\tG\trestart\n"
                "u2\t3000\t-9\tA;B\tG\trestart\n"
                "u3\t4000\t1830\tA\tG\ttimeout\n"
            ),
            "paths_finished.tsv": "u4\t5000\t20\tA;B\tNULL\n",
            "categories.tsv": "A\tsubject.Art.Art_and_Craft\nA\tsubject.Art\nZ\tsubject.Zoo\n"
            "Goal_%C3%89\tsubject.Design_and_Technology.Tools\n",
        },
    )
    report = convert("wikispeedia", path, tmp_path)
    assert report.refused == {"no page before": 1, "not a duration": 1}
    assert [(row.line, row.reason) for row in report.examples] == [
        (5, "no page before"),
        (6, "not a duration"),
    ]
    sessions: dict[str, list[dict]] = {}
    told: dict[str, dict] = {}
    for event in read(tmp_path):
        if event["type"] == "search":
            assert event["session_id"] not in sessions  # before the first page
            told[event["session_id"]] = event
        else:
            sessions.setdefault(event["session_id"], []).append(event)
    assert {name: (event["ts"], event["text"]) for name, event in told.items()} == {
        "wikispeedia-3": (1000, "Goal É"),
        "wikispeedia-4": (2000, "G"),
        "wikispeedia-7": (4000, "G"),
        "wikispeedia-done-1": (5000, "B"),
    }
    first = sessions["wikispeedia-3"]
    assert [(e["type"], e["item_id"]) for e in first] == [
        ("start", "A"), ("click", "B"), ("click", "Cé"),
        ("back", "B"), ("back", "A"), ("click", "D"),
    ]  # fmt: skip
    assert [e["ts"] for e in first] == [1000, 1006.667, 1013.333, 1020, 1026.667, 1033.333]
    assert {e["context"]["goal"] for e in first} == {"Goal_É"}
    assert [e.get("intent") for e in first] == [None] * 5 + ["Design and Technology"]
    assert [e["context"].get("label_of") for e in first] == [None] * 5 + ["session"]
    # Timed out: the last click was half an hour before the end.
    assert [e["ts"] for e in sessions["wikispeedia-4"]] == [2000, 2010, 2020, 2030]
    assert [e["ts"] for e in sessions["wikispeedia-7"]] == [4000]
    done = sessions["wikispeedia-done-1"]
    assert [(e["ts"], e["context"]["goal"]) for e in done] == [(5000, "B"), (5010, "B")]
    items = {item["item_id"]: item for item in read(tmp_path, "items")}
    assert set(items) == {"A", "B", "Cé", "D", "Z", "Goal_É"}
    assert items["A"]["categories"] == ["Art", "Art and Craft"]


def test_deskdrop_ids_and_copies(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "users_interactions.csv": (
                "timestamp,eventType,contentId,personId,sessionId\n"
                "200,COMMENT CREATED,9223372036854775807,-9223372036854775808,5\n"
                "100,VIEW,1,2,\n200,COMMENT CREATED,9223372036854775807,-9223372036854775808,5\n"
            )
        },
    )
    report = convert("deskdrop", path, tmp_path)
    events = read(tmp_path)
    assert [event["ts"] for event in events] == [100, 200, 200]
    assert events[1] == events[2]
    assert events[1]["item_id"] == "9223372036854775807"
    assert events[1]["user_id"] == "-9223372036854775808"
    assert events[1]["type"] == "comment"
    assert "session_id" not in events[0]
    assert report.repeated_ids == 1


def test_amazon_layouts_and_meta(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "Toys.jsonl.gz": (
                '{"reviewerID":"A","asin":"P","overall":5,"unixReviewTime":20,"summary":"Good!",'
                '"reviewText":"Yes."}\n'
                '{"user_id":"B","parent_asin":"P","rating":1.0,"timestamp":10500,"title":"Bad"}\n'
                '{"reviewerID":"C","asin":"P","overall":"no","unixReviewTime":20}\n'
                '{"reviewerID":{"x":1},"asin":"P","overall":1,"unixReviewTime":20}\n'
                "[1]\n{broken\n"
            ),
            "meta_Toys.json": (
                '{"asin":"P","title":"Bear","category":["Toys",["Plush"]],"brand":"Ursa",'
                '"description":["Soft.","Brown."]}\n{"asin":"P","title":"again"}\n{"title":"x"}\n'
            ),
        },
    )
    report = convert("amazon", path, tmp_path)
    assert [(e["user_id"], e["ts"], e["text"], e["value"]) for e in read(tmp_path)] == [
        ("B", 10.5, "Bad", 1.0),
        ("A", 20, "Good! Yes.", 5.0),
    ]
    assert report.rows == 6
    assert report.refused == {"not a number": 1, "missing": 2, "not an object": 1, "not JSON": 1}
    assert read(tmp_path, "items") == [
        {
            "item_id": "P",
            "title": "Bear",
            "text": "Soft. Brown.",
            "categories": ["Toys", "Plush"],
            "attributes": {"brand": "Ursa"},
        }
    ]


def test_bad_rows_are_counted_shown_and_left_out(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "ratings.csv": (
                b"userId,movieId,rating,timestamp\n1,2,3,100\n1,2,3\n1,,3,100\n1,2,nan,100\n"
                b"1,2,3,soon\n\xff\xfe,2,3,100\n\n1,3,4,100\n"
            )
        },
    )
    report = convert("movielens", path, tmp_path)
    assert (report.rows, report.events) == (7, 3)
    assert report.refused == {"wrong width": 1, "missing": 1, "not a number": 2}
    assert sorted(row.line for row in report.examples) == [3, 4, 5, 6]
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        render(report, console)
    text = captured.get()
    assert "rows refused" in text
    assert "ratings.csv, line 5: not a number: rating is 'nan'" in text
    assert "no items" in text


def test_times_are_dealt_out_when_a_dated_log_is_shuffled(tmp_path: Path):
    path = put(tmp_path / "in", {"u.data": "".join(f"{n}\t1\t3\t{100 + n}\n" for n in range(50))})
    convert("movielens", path, tmp_path, shuffle=7)
    events = read(tmp_path)
    assert [event["ts"] for event in events] == [100 + n for n in range(50)]
    users = [int(event["user_id"]) for event in events]
    assert sorted(users) == list(range(50)) != users


EMPTY: dict[str, str] = {
    "movielens": "ratings.csv",
    "recbole": "x.inter",
    "completejourney": "transactions.csv",
    "wikispeedia": "paths_unfinished.tsv",
    "deskdrop": "users_interactions.csv",
    "serenade": "train.txt",
    "nemig": "behaviors.tsv",
    "amazon": "x.jsonl",
    "banking77": "train.csv",
    "clinc150": "data_full.json",
    "cais-zh": "ch.train",
}
BINARY = bytes(range(256)) * 40


def one_line(error: pytest.ExceptionInfo[InputError], path: Path) -> bool:
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 500
    assert path.name in message
    message.encode()
    return True


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\n\n", BINARY, b"hello, world\n"])
def test_a_wrong_file_is_one_clear_line(name: str, content: bytes, tmp_path: Path):
    path = put(tmp_path / "in", {EMPTY[name]: content, "ch.train.intent": content})
    out = tmp_path / "out"
    for given in (path, path / EMPTY[name]):
        with pytest.raises(InputError) as error:
            convert(name, given, out)
        assert one_line(error, path / EMPTY[name])
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_column_is_named(name: str, tmp_path: Path):
    headers = {
        "movielens": ("userId,rating,timestamp\n1,2,3\n", "movieId"),
        "recbole": ("user_id:token\trating:float\n1\t2\n", "item_id:token"),
        "completejourney": (TRANSACTIONS.replace("basket_id", "basket"), "basket_id"),
        "wikispeedia": ("u1\t1000\t40\n", "cells"),
        "deskdrop": ("timestamp,eventType,contentId,personId\n1,2,3,4\n", "sessionId"),
        "serenade": ("SessionId\tItemId\n1\t2\n", "Time"),
        "nemig": ("1\tU1\tnews_1\n", "cells"),
        "amazon": ('{"reviewerID":"A","overall":5,"unixReviewTime":20}\n', "asin"),
        "banking77": ("text,label\na,b\n", "category"),
        "clinc150": ('{"dev":[]}', "train"),
        "cais-zh": ("我 O\n", "intent"),
    }
    content, column = headers[name]
    path = put(tmp_path / "in", {EMPTY[name]: content})
    with pytest.raises(InputError, match=column) as error:
        convert(name, path, tmp_path / "out")
    assert one_line(error, path / EMPTY[name])


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_without_the_files_says_which_are_wanted(name: str, tmp_path: Path):
    empty = put(tmp_path / "in", {"notes.txt": "x"})
    with pytest.raises(InputError, match="holds none of") as error:
        convert(name, empty, tmp_path / "out")
    assert one_line(error, empty)


def test_unknown_format_missing_path_and_unwritable_folder(tmp_path: Path):
    with pytest.raises(InputError, match=r"'netflix' is unknown; it must be one of movielens"):
        convert("netflix", tmp_path, tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        convert("movielens", tmp_path / "nowhere", tmp_path)
    path = put(tmp_path / "in", {"u.data": "7\t1\t3\t90\n"})
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match=r"taken: cannot be written \(File exists\)"):
        convert("movielens", path, tmp_path / "taken")


def test_a_torn_gzip_file(tmp_path: Path):
    whole = gzip.compress(b"userId,movieId,rating,timestamp\n" + b"1,2,3,4\n" * 9000)
    path = tmp_path / "ratings.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is not a whole gzip file"):
        convert("movielens", path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_cais_zh_files_must_match(tmp_path: Path):
    path = put(
        tmp_path / "in", {"ch.train": "我 O\n  O\n听 O\n\n好 O\n", "ch.train.intent": "A\nB\n"}
    )
    convert("cais-zh", path, tmp_path)
    assert [(e["text"], e["intent"]) for e in read(tmp_path)] == [("我 听", "A"), ("好", "B")]
    (path / "ch.train.intent").write_text("A\n")
    with pytest.raises(InputError, match=r"has 2 sentences, but ch\.train\.intent 1 intents"):
        convert("cais-zh", path, tmp_path / "again")


def test_an_older_conversion_stays_whole_when_a_new_one_fails(tmp_path: Path):
    good = put(tmp_path / "good", {"u.data": "7\t1\t3\t90\n"})
    bad = put(tmp_path / "bad", {"u.data": "7;1;3;90\n"})
    convert("movielens", good, tmp_path / "out")
    with pytest.raises(InputError, match=r"none of 1 rows can be used as movielens \(line 1"):
        convert("movielens", bad, tmp_path / "out", force=True)
    assert read(tmp_path / "out")[0]["user_id"] == "7"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "events.jsonl", "items.jsonl",
    ]  # fmt: skip
