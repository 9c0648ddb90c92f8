"""What is said of a log before it is used, and the settings that are proposed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.config import Config, load_config
from dataflows.config.values import ValueScale
from dataflows.evaluation.log_check.check import check_events
from dataflows.evaluation.log_check.event_type_words import kind_of, taken_back_by
from dataflows.evaluation.log_check.placeholders import is_placeholder
from dataflows.evaluation.log_check.scripts import script_of

T = 1_772_355_600


def log(folder: Path, types: list[str], **fields: object) -> Path:
    path = folder / "events.jsonl"
    made = [
        {"event_id": n, "user_id": f"u{n % 9}", "item_id": f"i{n % 5}", "type": kind, "ts": T + n}
        | fields
        for n, kind in enumerate(types)
    ]
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in made), "utf-8")
    return path


def config(**given: object) -> Config:
    return load_config(None, {name.replace("__", "."): of for name, of in given.items()}, {})


def loaded(folder: Path, snippet: str) -> Config:
    path = folder / "proposed.toml"
    path.write_text(snippet, encoding="utf-8")
    return load_config(path, None, {})


def test_impressions_without_a_weight_are_told_and_a_weight_is_proposed(tmp_path: Path):
    path = log(tmp_path, ["impression", "impression", "impression", "view"] * 200)
    report = check_events(path)
    assert report.outcomes["learnt"] == 800  # the figures stay what the configuration makes them
    (told,) = report.remarks
    assert "600 of 800 events are of type 'impression'" in told
    assert "impression = 0" in told
    proposed = loaded(tmp_path, report.snippet)
    assert proposed.clean.weights == {"impression": 0}
    again = check_events(path, proposed)
    assert (again.remarks, again.snippet) == ((), "")
    assert again.outcomes["observed"] == 600


def test_a_type_that_counts_for_nothing_by_itself_is_no_matter(tmp_path: Path):
    report = check_events(log(tmp_path, ["negative", "view"] * 5))
    assert (report.remarks, report.snippet) == ((), "")


def test_a_dislike_without_a_weight_is_told(shared: Path, tmp_path: Path):
    path = shared / "cases" / "catalogue" / "dislike_no_weight.jsonl"
    report = check_events(path)
    (told,) = report.remarks
    assert "20 of 31 events are of type 'dislike'" in told
    assert "dislike = -1" in told
    proposed = loaded(tmp_path, report.snippet)
    assert proposed.clean.weights == {"dislike": -1}
    assert check_events(path, proposed).remarks == ()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("impression", "shown"), ("itemImpression", "shown"), ("view_item_list", "shown"),
        ("曝光", "shown"), ("商品曝光", "shown"), ("показ", "shown"), ("表示", "shown"),
        ("dislike", "refused"), ("item.disliked", "refused"), ("NotInterested", "refused"),
        ("thumbs-down", "refused"), ("不喜欢", "refused"), ("不感兴趣", "refused"),
        ("gefällt_nicht", "refused"), ("je_n_aime_pas", "refused"), ("no_me_gusta", "refused"),
        ("не_нравится", "refused"), ("싫어요", "refused"), ("refund", "refused"),
        ("remove_from_cart", "refused"), ("unlike", "refused"), ("skip", "refused"),
        ("buy", "bought"), ("orderCompleted", "bought"), ("购买", "bought"), ("kauf", "bought"),
        ("add_to_cart", "in a cart"), ("AddToCart", "in a cart"), ("加入购物车", "in a cart"),
        ("like", "liked"), ("喜欢", "liked"), ("me_gusta", "liked"), ("favourite", "liked"),
        ("view", None), ("click", None), ("play", None), ("search", None), ("rate", None),
        ("blackout", None), ("reviews", None), ("浏览", None), ("点击", None), ("42", None),
        ("", None), ("___", None), ("unlikely", None), ("borderless", None),
    ],
)  # fmt: skip
def test_what_a_type_sounds_like(name: str, kind: str | None):
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("name", "others", "what"),
    [
        ("refund", ["view", "buy"], "buy"),
        ("return", ["purchase", "view"], "purchase"),
        ("退货", ["浏览", "购买"], "购买"),
        ("unlike", ["view", "like"], "like"),
        ("unFollow", ["follow"], "follow"),
        ("remove_from_cart", ["view", "add_to_cart"], "add_to_cart"),
        ("refund", ["view"], None),
        ("dislike", ["like"], None),
        ("hide", ["buy"], None),
    ],
)
def test_what_a_type_takes_back(name: str, others: list[str], what: str | None):
    assert taken_back_by(name, [name, *others]) == what


def test_a_refund_is_proposed_as_what_takes_a_purchase_back(tmp_path: Path):
    path = log(tmp_path, ["view", "view", "buy", "refund"] * 5)
    report = check_events(path)
    assert 'refund = "buy" under [events.retracts]' in " ".join(report.remarks)
    proposed = loaded(tmp_path, report.snippet)
    assert proposed.events.retracts == {"refund": "buy"}
    assert proposed.clean.weights == {"buy": 5}
    assert check_events(path, proposed).remarks == ()


def test_weights_of_types_that_never_occur_are_told(tmp_path: Path):
    given = config(
        clean__weights={"buy": 5, "View": 2, "click": 1}, events__retracts={"refund": "buy"}
    )
    told = check_events(log(tmp_path, ["view", "click"] * 4), given).remarks
    assert (
        "[clean.weights] names types that never occur in this log: 'buy', 'View' (there is 'vi"
        in told[0]
    )
    assert "[events.retracts] names types that never occur in this log: 'refund'" in told[1]


@pytest.mark.parametrize(
    "name",
    ["null", "undefined", "None", "NaN", "(not set)", '"null"', " NULL ", "\u200b", "-", "游客"],
)
def test_users_who_are_nobody_are_told_with_their_share(tmp_path: Path, name: str):
    path = log(tmp_path, ["view"] * 30)
    with path.open("a", encoding="utf-8") as out:
        for n in range(10):
            fields = {"event_id": f"n{n}", "user_id": name, "item_id": "i1", "type": "view"}
            out.write(json.dumps({**fields, "ts": T + 60 + n}, ensure_ascii=False) + "\n")
    (told,) = check_events(path).remarks
    assert f"10 of 40 events (25%) are of the user {name!r}" in told


@pytest.mark.parametrize("name", ["nullah", "u1", "Noneth", "7", "Nan Goldin", "é"])
def test_people_are_somebody(name: str):
    assert not is_placeholder(name)


@pytest.mark.parametrize(("events", "is_told"), [(60, True), (20, False), (3, False)])
def test_ids_that_may_be_somebodys_are_told_where_they_are_many(tmp_path: Path, events, is_told):
    """A hundred others with two events each."""
    path = tmp_path / "events.jsonl"
    users = [f"u{n}" for n in range(100) for _ in range(2)] + ["0"] * events
    lines = [
        {"event_id": n, "user_id": user, "item_id": "i", "type": "view", "ts": T + n}
        for n, user in enumerate(users)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert bool(check_events(path).remarks) == is_told


def test_numbers_from_0_are_people(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    lines = [
        {"event_id": n, "user_id": n % 4, "item_id": n % 3, "type": "view", "ts": T + n}
        for n in range(40)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert check_events(path).remarks == ()


def test_texts_of_another_script_are_told(tmp_path: Path):
    (told,) = check_events(log(tmp_path, ["search"] * 4, text="红色的连衣裙 M")).remarks
    assert "100% of texts of events" in told
    assert "Chinese" in told
    assert '[encoder] name = "multilingual"' in told
    assert check_events(log(tmp_path, ["search"] * 4, text="un café s'il vous plaît")).remarks == ()


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("plain words", "Latin"), ("naïve café", "Latin"), ("手机壳 iPhone", "Chinese"),
        ("日本語のテキスト", "Japanese"), ("안녕하세요", "Korean"), ("Привет", "Cyrillic"),
        ("مصباح قراءة", "Arabic"), ("שלום", "Hebrew"), ("สวัสดี", "Thai"), ("नमस्ते", "Devanagari"),
        ("Καλημέρα", "Greek"), ("12 + 3", None), ("🎉🎉", None), ("", None),
    ],
)  # fmt: skip
def test_the_script_of_a_text(text: str, script: str | None):
    assert script_of(text) == script


@pytest.mark.parametrize(("unit", "per"), [("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_the_unit_of_time_is_proposed_and_the_rest_looked_at_in_it(tmp_path: Path, unit, per):
    path = log(tmp_path, [])
    lines = [
        {"event_id": n, "user_id": "u", "item_id": f"i{n}", "type": kind, "ts": (T + n) * per}
        for n, kind in enumerate(["view", "impression"] * 5)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = check_events(path)
    assert report.outcomes["dead_letter"] == 10
    assert not report.is_usable
    assert f'time_unit = "{unit}"' in " ".join(report.remarks)
    proposed = loaded(tmp_path, report.snippet)
    assert proposed.events.time_unit == unit
    assert proposed.clean.weights == {"impression": 0}
    assert check_events(path, proposed).outcomes["learnt"] == 5


def test_one_writer_with_another_unit_is_told_and_no_unit_proposed(tmp_path: Path):
    path = log(tmp_path, ["view"] * 6)
    with path.open("a") as out:
        line = {"event_id": "x", "user_id": "u", "item_id": "i", "type": "view", "ts": T * 1000}
        out.write(json.dumps(line) + "\n")
    report = check_events(path)
    assert "times in ms among others: 1" in " ".join(report.remarks)
    assert report.snippet == ""


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6, unique=True))
def test_whatever_types_are_called_the_proposal_can_be_read(tmp_path_factory, names: list[str]):
    folder = tmp_path_factory.mktemp("log")
    report = check_events(log(folder, [*names, "impression", '曝光 "x"', "buy.it", "a\\refund"]))
    given = loaded(folder, report.snippet).clean.weights
    assert given["impression"] == given['曝光 "x"'] == 0


def test_nothing_usable_is_said(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"no": "event"}\n')
    assert not check_events(path).is_usable
    good = log(tmp_path, ["view"] * 3)
    assert check_events(good).is_usable
    items = tmp_path / "items.jsonl"
    items.write_text('{"id": 1}\n')
    assert not check_events(good, items=items).is_usable


def test_stars_are_told_and_a_scale_is_proposed(shared: Path, tmp_path: Path):
    path = shared / "cases" / "ratings" / "events.jsonl"
    report = check_events(path)
    assert report.outcomes["learnt"] == 492  # the figures stay what the configuration makes them
    (told,) = report.remarks
    assert "Values of type 'rating' look like stars, 5 at most" in told
    assert "dislike_below = 3 and like_above = 3 under [clean.values.rating]" in told
    proposed = loaded(tmp_path, report.snippet)
    assert proposed.clean.values == {"rating": ValueScale(dislike_below=3, like_above=3)}
    again = check_events(path, proposed)
    assert (again.remarks, again.snippet) == ((), "")
    assert again.reasons["learnt"]["disliked"] == 246
    assert "below what is liked" in again.examples[0].detail


def test_a_scale_for_a_type_that_never_occurs_is_told(tmp_path: Path):
    scale = {"dislike_below": 3, "like_above": 3}
    (told,) = check_events(
        log(tmp_path, ["view", "view"]), config(clean__values={"rating": scale})
    ).remarks
    assert told == "[clean.values] names types that never occur in this log: 'rating'."
