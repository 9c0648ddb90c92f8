"""Every column and every file of a published log is told of, and a bad field costs the field."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from dataflows.config.config import load_config
from dataflows.datasets.convert import FORMATS, convert
from dataflows.evaluation.log_check.check import check_events
from tests.dataflows.datasets.convert_files import (
    FILMS,
    RATED,
    becomes,
    movielens,
    put,
    read,
    told,
    unreadable,
)


def test_a_label_of_0_is_no_positive(shared: Path, tmp_path: Path):
    report = convert("recbole", shared / "cases/recbole_label", tmp_path)
    assert [(e["user_id"], e["type"], e["value"], e["ts"]) for e in read(tmp_path)] == [
        ("2", "interaction", 1.0, 1573463000),
        ("1", "negative", 0.0, 1573463158),
        ("1", "interaction", 1.0, 1573463158),
    ]
    assert becomes(report)["label:float"] == "type: negative where it is 0, and value"
    assert "nothing is learnt from them" in told(report)
    # As it stands nothing is learnt from the 0; with a weight below 0 it speaks against its item.
    checked = check_events(report.events_path)
    assert checked.outcomes["learnt"] == 2
    assert checked.reasons["observed"] == {"weight_zero": 1}
    config = load_config(None, {"clean.weights": {"negative": -0.2}}, {})
    assert check_events(report.events_path, config).outcomes["learnt"] == 3


def test_a_label_beside_a_rating_still_says_the_type(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "x.inter": "user_id:token\titem_id:token\trating:float\tlabel:float\n"
            "1\ta\t2\t0\n1\tb\t5\t1\n1\tc\t4\t\n1\td\t4\tno\n"
        },
    )
    report = convert("recbole", path, tmp_path)
    assert [(e["type"], e["value"]) for e in read(tmp_path)] == [("negative", 2.0), ("rating", 5.0)]
    assert report.refused == {"missing": 1, "not a number": 1}
    assert unreadable(report) == {"label:float": 2}


def test_every_typed_column_of_recbole_is_told(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "shop.inter": "user_id:token\titem_id:token\ttimestamp:float\tsession_id:token\t"
            "review:token_seq\tdwell:float\tpath:token_seq\tprobs:float_seq\tplain\n"
            "1\ta\t1573463158000\ts1\tvery good\t3.5\tx y\t.5 .25\tz\n"
            "1\tb\t1573463159000\t\t\tlong\t\t.5 x\t\n",
            "shop.item": "item_id:token\tprice:float\ttitle:token_seq\tdescription:token_seq\t"
            "sizes:float_seq\na\t—\tHat\tblue and warm\t1 2\n"
            "b\t0.0\tSock\t\t1 L\nc\t1\tUnused\t\t\n",
            "shop.user": "user_id:token\tage:float\n1\t30\n",
            "shop.kg": "head_id:token\n",
        },
    )
    report = convert("recbole", path, tmp_path)
    first, second = read(tmp_path)
    assert first == {
        "event_id": "shop-2",
        "user_id": "1",
        "type": "interaction",
        "item_id": "a",
        "text": "very good",
        "session_id": "s1",
        "context": {"dwell": 3.5, "path": "x y", "probs": [0.5, 0.25]},
        "ts": 1573463158,
    }
    assert second.keys() == {"event_id", "user_id", "type", "item_id", "ts"}
    assert read(tmp_path, "items") == [
        {"item_id": "a", "title": "Hat", "text": "blue and warm", "attributes": {"sizes": [1, 2]}},
        {"item_id": "b", "title": "Sock", "attributes": {"price": 0.0}},
        {"item_id": "c", "title": "Unused", "attributes": {"price": 1.0}},
    ]
    assert unreadable(report) == {
        "dwell:float": 1, "probs:float_seq": 1, "price:float": 1, "sizes:float_seq": 1,
    }  # fmt: skip
    columns = becomes(report)
    assert columns["age:float"].startswith("left out")
    assert columns["plain"] == "left out: its header has no type"
    assert columns["dwell:float"] == "context.dwell"
    assert columns["price:float"] == "attributes.price"
    assert report.notes == {"times read as milliseconds": 2}
    text = told(report)
    assert "1 (such as '—')" in text
    assert "shop.kg" in text
    assert (report.join.known, report.join.items, report.join.unused) == (2, 2, 1)
    assert "Items that only the catalogue has: 'c'." in text


def test_amazon_2023_events_and_items_share_ids(shared: Path, tmp_path: Path):
    report = convert("amazon", shared / "cases/amazon2023", tmp_path)
    assert [(e["item_id"], e["context"]) for e in read(tmp_path)] == [
        ("P1", {"asin": "B1"}), ("P1", {"asin": "B1b"}),
    ]  # fmt: skip
    assert read(tmp_path, "items") == [
        {"item_id": "P1", "title": "Soap", "categories": ["All Beauty"]}
    ]
    assert (report.join.known, report.join.items, report.join.known_events) == (1, 1, 2)
    assert becomes(report)["parent_asin"] == "item_id"
    assert "context.asin" in becomes(report)["asin"]


def test_reviews_of_2023_beside_a_catalogue_without_products_are_named_by_asin(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "x.jsonl": '{"rating":5,"asin":"B1","parent_asin":"P1","user_id":"U","timestamp":1}\n',
            "meta_x.jsonl": '{"asin":"B1","title":"Soap"}\n',
        },
    )
    report = convert("amazon", path, tmp_path)
    assert [event["item_id"] for event in read(tmp_path)] == ["B1"]
    assert "context" not in read(tmp_path)[0]
    assert report.join.known == 1


def test_an_amazon_price_costs_the_field_and_odd_json_no_row(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "x.json": (
                '{"overall":5.0,"asin":10.0,"reviewerID":"U","unixReviewTime":1,'
                '"summary":"half \\ud83d of it"}\n'
                '{"overall":NaN,"asin":"10","reviewerID":"U","unixReviewTime":2}\n'
            ),
            "meta_x.json": (
                '{"asin":"10","title":"Soap","price":"—"}\n'
                "{'asin': '11', 'title': \"Bob's\", 'price': '$1,299.50'}\n"
                '{"asin":"10","title":"again"}\n{\'asin\': open}\n'
                '{"asin":"12","title":["a","b"]}\n'
            ),
        },
    )
    report = convert("amazon", path, tmp_path)
    (event,) = read(tmp_path)
    assert (event["item_id"], event["text"]) == ("10", "half � of it")
    assert [(i["title"], i.get("attributes")) for i in read(tmp_path, "items")] == [
        ("Soap", None), ("Bob's", {"price": 1299.5}), ("", None),
    ]  # fmt: skip
    assert unreadable(report) == {"overall": 1, "title": 1, "price": 1}
    assert report.rows == 2  # of events; the line of the catalogue that is no JSON is refused
    assert report.notes == {"items of a repeated id left out": 1}
    assert report.refused == {"not a number": 1, "not JSON": 1}


def test_tags_are_events_and_what_is_left_unread_is_named(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "ratings.csv": RATED + "1,2,3,100\n",
        "movies.csv": FILMS + "2,A,\n",
        "tags.csv": 'userId,movieId,tag,timestamp\n1,2,"dark, funny",150\n1,2,,160\n',
        "links.csv": "movieId,imdbId,tmdbId\n2,1,1\n",
        "genome-scores.csv": "movieId,tagId,relevance\n",
        "README.txt": "x",
    }
    report = movielens(tmp_path, files)
    assert read(tmp_path / "out")[1] == {
        "event_id": "movielens-tag-2",
        "user_id": "1",
        "type": "tag",
        "item_id": "2",
        "text": "dark, funny",
        "ts": 150,
    }
    assert report.refused == {"missing": 1}
    assert report.unread.keys() == {"links.csv", "genome-scores.csv", "README.txt"}
    assert "links.csv (ids of the films elsewhere)" in told(report)
    report = convert("movielens", tmp_path / "in" / "ratings.csv", tmp_path / "one")
    assert "tags.csv beside ratings.csv was not read: give the folder." in told(report)


def test_tags_of_the_middle_layout(tmp_path: Path):
    movielens(
        tmp_path,
        {
            "ratings.dat": "1::2::3.5::100\n",
            "tags.dat": "1::2::noir::50\n",
            "movies.dat": "2::É::\n",
        },
    )
    assert [(e["type"], e.get("text")) for e in read(tmp_path / "out")] == [
        ("tag", "noir"), ("rating", None),
    ]  # fmt: skip
    assert read(tmp_path / "out", "items")[0]["title"] == "É"


def test_a_film_without_a_title_is_still_an_item(tmp_path: Path):
    files = {"ratings.csv": RATED + "1,2,3,100\n", "movies.csv": FILMS + "2,,Drama\n"}
    movielens(tmp_path, files)
    assert read(tmp_path / "out", "items") == [
        {"item_id": "2", "title": "", "categories": ["Drama"]}
    ]


def test_deskdrop_takes_its_articles_as_items(tmp_path: Path):
    path = put(
        tmp_path / "in",
        {
            "users_interactions.csv": "timestamp,eventType,contentId,personId,sessionId,userAgent\n"
            "100,VIEW,-4029704725707465084,2,,x\n",
            "shared_articles.csv": "timestamp,eventType,contentId,contentType,title,text,lang\n"
            "1,CONTENT REMOVED,5,HTML,Gone,,en\n"
            '2,CONTENT SHARED,-4029704725707465084,HTML,Ethereum,"All of it.\nAnd more.",en\n'
            "3,CONTENT SHARED,-4029704725707465084,HTML,Again,,en\n",
        },
    )
    report = convert("deskdrop", path, tmp_path)
    assert read(tmp_path, "items") == [
        {
            "item_id": "-4029704725707465084",
            "title": "Ethereum",
            "text": "All of it.\nAnd more.",
            "attributes": {"lang": "en", "contentType": "HTML"},
        }
    ]
    assert report.join.known_events == 1
    assert becomes(report)["userAgent"].startswith("left out: where and with what")


def test_every_format_tells_of_its_columns(shared: Path, tmp_path: Path):
    sources = {
        "deskdrop": "deskdrop",
        "amazon": "amazon-all-beauty-5",
        "banking77": "intents/banking77",
        "clinc150": "intents/clinc150",
        "cais-zh": "intents/cais-zh",
    }
    for name, folder in sources.items():
        report = convert(name, shared / "data" / folder, tmp_path / name)
        uses = Counter(column.is_left_out for column in report.columns)
        assert uses[False] >= 2, name
        assert {column.file for column in report.columns} <= {
            path.name for path in (shared / "data" / folder).iterdir()
        }
    assert sources.keys() < FORMATS.keys()
