"""Rules over what was sent: nothing that is forbidden, in the order that was sent, read anew."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.errors import InputError
from dataflows.messages.items import ItemRecord
from dataflows.rules.book import NamedRules, RuleBook
from dataflows.rules.in_force import RulesInForce
from dataflows.serve.answers import BadRequestError, NotAnsweredHereError
from dataflows.serve.api_types import ListedItem, ListRequest
from dataflows.serve.stored.list_ids import part_named
from dataflows.serve.stored.stored_rules import StoredRules
from learners.ranking.rules.kinds import (
    AtMost,
    Block,
    Boost,
    Diversity,
    Match,
    MinimumScore,
    OnOffer,
    Pin,
    Unseen,
)
from tests.dataflows.serve.stored.sent import NOW, item, listed

NO_TOYS = Block(name="no toys", where=Match(categories=("toys",)))
RULES = """
[[rule]]
name = "no toys"
kind = "block"
where = {categories = ["toys"]}

[[rule]]
name = "on offer"
kind = "on_offer"

[[rule]]
name = "b first"
kind = "pin"
item = "b"
place = 1

[[rule]]
name = "new ones"
kind = "unseen"

[lists]
sent = []
asked = ["no toys"]

[scenario.home]
k = 2
rules = ["on offer", "b first"]

[scenario.mail]
rules = ["new ones"]
"""


@pytest.fixture
def ruled(files, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    files.catalogue(
        item("a", "toys"), item("b"), item("c", attributes={"expires": NOW}), item("d", "toys")
    )
    files.send(listed("u1", ["a", "c", "b"], sequence=5))
    files._settings["rules.file"] = str(path)
    return path


def ids(answer):
    return [place.item_id for place in answer.items]


def test_rules_of_the_file_hold_in_plain_lists_and_are_named(files, ruled):
    with files.opened() as answers:
        assert answers.recommend_stored("u1") is None  # what is kept has no rules
        answer = answers.recommend("u1", ListRequest(explain=True))
        assert (ids(answer), answer.rules) == (["c", "b"], ("no toys",))
        assert [place.place for place in answer.items] == [1, 2]
        assert part_named(answer.list_id) is None  # its places are not those that were sent
        assert answers.recommend("u1", ListRequest()).rules == ()
        assert ids(answers.recommend("nobody", ListRequest())) == ["b", "c"]


def test_a_scenario_has_rules_and_a_length_of_its_own(files, ruled):
    with files.opened() as answers:
        answer = answers.recommend("u1", ListRequest(scenario="home", explain=True))
        assert (ids(answer), answer.rules) == (["b", "a"], ("on offer", "b first"))
        assert [place.rules for place in answer.items] == [("b first",), ()]
        assert answer.scenario == "home"
        with pytest.raises(BadRequestError, match="known are home, mail"):
            answers.recommend("u1", ListRequest(scenario="away"))
        with pytest.raises(NotAnsweredHereError, match=r"`unseen`.*serve\.run_url"):
            answers.recommend("u1", ListRequest(scenario="mail"))


def test_pages_of_a_list_with_rules_hold_nothing_twice_and_only_what_may_stand_there(files, ruled):
    with files.opened() as answers:
        first = answers.recommend("u1", ListRequest(k=1))
        second = answers.recommend("u1", ListRequest(k=1, after=first.list_id))
        assert ids(first) + ids(second) == ["c", "b"]
        with pytest.raises(BadRequestError, match="scenario and rules"):
            answers.recommend("u1", ListRequest(k=1, after=first.list_id, scenario="home"))


def test_a_request_brings_rules_of_its_own(files, ruled):
    no_c = Block(name="no c", where=Match(items=("c",)))
    with files.opened() as answers:
        answer = answers.recommend("u1", ListRequest(rules=(no_c,), explain=True))
        assert (ids(answer), answer.rules) == (["b"], ("no toys", "no c"))
        assert ids(answers.recommend("nobody", ListRequest(rules=(no_c,)))) == ["b"]
        with pytest.raises(BadRequestError, match="two rules are named 'no toys'"):
            answers.recommend("u1", ListRequest(rules=(NO_TOYS,)))
        with pytest.raises(NotAnsweredHereError, match="diversity"):
            answers.recommend("u1", ListRequest(rules=(Diversity(name="mixed", weight=0.5),)))
        worth = MinimumScore(name="worth", score=0.985)
        assert ids(answers.recommend("u1", ListRequest(rules=(worth,)))) == ["c"]
        with pytest.raises(NotAnsweredHereError, match="minimum_score"):
            answers.recommend("nobody", ListRequest(rules=(worth,)))


def test_a_changed_catalogue_counts_from_the_next_list_on(files, ruled):
    with files.opened() as answers:
        assert ids(answers.recommend("u1", ListRequest())) == ["c", "b"]
    files.catalogue(item("a"), item("b", "toys"), item("c"), item("d"))
    with files.opened(accept_items=True) as answers:
        assert ids(answers.recommend("u1", ListRequest())) == ["a", "c"]


def test_where_too_few_may_stand_in_a_list_one_with_the_model_is_asked(files, ruled):
    files._settings["serve.run_url"] = "http://127.0.0.1:9"
    with files.opened() as answers:
        with pytest.raises(NotAnsweredHereError, match="more than 2 places"):
            answers.recommend("u1", ListRequest(k=3))
        with pytest.raises(NotAnsweredHereError, match="scenario"):
            answers.recommend("u1", ListRequest(scenario="away"))
        assert ids(answers.recommend("u1", ListRequest(k=2))) == ["c", "b"]


def test_the_file_is_read_anew_whole_or_not_at_all(files, ruled, caplog):
    caplog.set_level(logging.INFO)
    with files.opened() as answers:
        ruled.write_text("[[rule]]\nname = 'x'\n")
        answers.rules.reopen()
        assert "the ones of before stay in force" in caplog.text
        assert ids(answers.recommend("u1", ListRequest())) == ["c", "b"]
        ruled.write_text(RULES.replace('["toys"]', '["games"]'))
        answers.rules.reopen()
        assert "is in force from now on" in caplog.text
        assert ids(answers.recommend("u1", ListRequest())) == ["a", "c", "b"]
    ruled.write_text("[[rule]]\nname = 'x'\n")
    with pytest.raises(InputError, match=r"rules\.toml"), files.opened():
        pass


def chosen_by(rules, places, k, *, sent_by=(), sent=True):
    named = NamedRules(tuple(rules))
    in_force = RulesInForce()
    in_force.book = RuleBook(sent=NamedRules(tuple(sent_by)), asked=named)
    return StoredRules(in_force, lambda: NOW).choose("u1", named, places, k, 1, sent=sent)


CATEGORIES = ["toys", "tea", "books"]


@st.composite
def stored_places(draw):
    count = draw(st.integers(1, 12))
    places = []
    for number in range(count):
        categories = tuple(draw(st.lists(st.sampled_from(CATEGORIES), unique=True, max_size=2)))
        expires = draw(st.sampled_from([None, NOW - 1, NOW, NOW + 1]))
        record = ItemRecord(
            f"i{number}",
            "",
            None,
            categories,
            {} if expires is None else {"expires": expires},
        )
        score = draw(st.floats(-3, 3, width=32))
        place = ListedItem(f"i{number}", "", score, number + 1, categories=categories)
        places.append((place, record if draw(st.booleans()) or categories else None))
    return places


@settings(deadline=None)
@given(
    stored_places(),
    st.integers(1, 12),
    st.lists(st.sampled_from(CATEGORIES), unique=True, max_size=2),
    st.integers(0, 3),
    st.booleans(),
)
def test_nothing_forbidden_stands_there_and_nothing_allowed_is_left_out(
    places, k, blocked, most, sent
):
    rules = [Block(name=f"no {one}", where=Match(categories=(one,))) for one in blocked]
    rules += [OnOffer(name="on offer"), AtMost(name="few", most=most, of="category")]
    found = chosen_by(rules, places, k, sent=sent).places
    free, counts = [], dict.fromkeys(CATEGORIES, 0)
    for place, record in places:  # read naively, in the order that was sent
        has = () if record is None else record.categories
        expires = NOW + 1 if record is None else record.attributes.get("expires", NOW + 1)
        if set(has) & set(blocked) or expires <= NOW or any(counts[one] >= most for one in has):
            continue
        for one in has:
            counts[one] += 1
        free.append(place.item_id)
    assert [place.item_id for place in found] == free[:k]


@settings(deadline=None)
@given(stored_places(), st.integers(1, 12), st.sampled_from(CATEGORIES), st.floats(-2, 2))
def test_where_no_rule_speaks_the_list_is_as_it_was_sent(places, k, raised, by):
    boost = Boost(name="more", where=Match(categories=(raised,)), by=by)
    rules = [
        Block(name="none of these", where=Match(items=("other",))),
        boost,
        Pin(name="not there", item="other", place=1),
        AtMost(name="many", most=100, of="category"),
        Diversity(name="mixed", weight=0.5),
    ]
    ruled = chosen_by(rules, places, k, sent_by=rules)
    assert ruled.places == [place for place, _ in places[:k]] or ruled.names
    assert [place.item_id for place in ruled.places] == [place.item_id for place, _ in places[:k]]
    assert set(ruled.names) <= {"more"}


def test_a_boost_that_lists_are_not_sent_by_moves_what_it_is_about():
    places = [
        (ListedItem("a", "", 1.0, 1), None),
        (ListedItem("b", "", 0.5, 2), ItemRecord("b", "", None, ("tea",))),
    ]
    boost = Boost(name="tea", where=Match(categories=("tea",)), by=0.6)
    ruled = chosen_by([boost], places, 2)
    assert [place.item_id for place in ruled.places] == ["b", "a"]
    assert (ruled.names, ruled.places[0].rules) == (("tea",), ("tea",))


def test_an_unseen_rule_is_refused_whoever_brings_it(files):
    files.send(listed("u1", ["a"]))
    with files.opened() as answers, pytest.raises(NotAnsweredHereError, match="unseen"):
        answers.recommend("u1", ListRequest(rules=(Unseen(name="new"),)))
