"""Rules: what they forbid is in no list, lists stay long, and what says nothing changes nothing."""

from __future__ import annotations

from collections import Counter
from copy import copy
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.online_model import OnlineModel
from learners.online_model.queries.lists import Variation, choose_by, make_list
from learners.ranking.rules.facts import ItemFacts, moment_of
from learners.ranking.rules.kinds import (
    Allow,
    AtMost,
    Block,
    Boost,
    Diversity,
    Match,
    MinimumScore,
    NotOwn,
    OnOffer,
    Pin,
    Rule,
    Unseen,
)
from learners.ranking.rules.rule_set import Asker, RuleSet
from learners.testing import Tastes, grown_model

NOW = 1_000.0
MAKERS = ("u1", "acme", "zeta")


def attributes(number: int) -> dict:
    """What the catalogue says of an item beside its text."""
    found = {"maker": MAKERS[number % 3], "price": float(number), "tags": ["a", "b"][: number % 3]}
    if number % 5 == 0:
        found["expires"] = NOW - 1 if number % 10 else NOW + 1
    if number % 7 == 0:
        found["available_from"] = "1970-01-01T00:30:00Z" if number % 14 else 1.0
    return found | {"deep": {"er": number % 4}}


@cache
def grown() -> OnlineModel:
    world = Tastes()
    model = grown_model(world, 250, prior="none").model
    model.facts = ItemFacts()
    for number, item_id in enumerate(model.signals.items.ids):
        given = msgspec.structs.replace(world.item(item_id), attributes=attributes(number))
        model.put_item(given)
    return model


def number_of(item_id: str) -> int:
    return grown().signals.items.index[item_id]


def listed(rules: tuple[Rule, ...], user: str = "u3", k: int = 10, seen=(), at: float = NOW):
    model = grown()
    made = RuleSet(rules, model.signals.items, model.facts)
    variation = Variation(rules=made, asker=Asker(user, at, seen))
    found = make_list(model, user, model.users.get(user, 0), k, variation, explain=False)
    return [entry.item_id for entry in found.entries], found


def plain(user: str = "u3", k: int = 10) -> list[str]:
    return [entry.item_id for entry in grown().recommend(user, k).entries]


def open_to(user: str) -> list[str]:
    """All items that a user may be shown at all."""
    model = grown()
    known = model.users.get(user, 0)
    return [i for n, i in enumerate(model.signals.items.ids) if not known.has(n)]


matches = st.one_of(
    st.builds(
        Match,
        categories=st.lists(
            st.sampled_from(["topic0", "topic1", "topic3", "no"]), min_size=1, max_size=3
        ).map(tuple),
    ),
    st.builds(
        Match,
        items=st.lists(
            st.sampled_from([f"topic{t}-{n}" for t in range(4) for n in range(25)]),
            min_size=1,
            max_size=40,
        ).map(tuple),
    ),
    st.builds(
        Match,
        attribute=st.just("maker"),
        values=st.lists(st.sampled_from(MAKERS), min_size=1, max_size=2).map(tuple),
    ),
    st.builds(Match, attribute=st.just("price"), at_least=st.floats(0, 100)),
    st.builds(Match, attribute=st.sampled_from(["tags", "deep.er", "nothing"])),
)
HARD = [
    st.builds(Block, name=st.just("block"), where=matches),
    st.builds(Allow, name=st.just("allow"), where=matches),
    st.builds(OnOffer, name=st.just("window")),
    st.builds(NotOwn, name=st.just("own"), attribute=st.just("maker")),
]
SOFT = [
    st.builds(Boost, name=st.just("boost"), where=matches, by=st.floats(-3, 3)),
    st.builds(Diversity, name=st.just("mixed"), weight=st.floats(0, 1)),
    st.builds(AtMost, name=st.just("few"), most=st.integers(1, 6), of=st.just("category")),
    st.builds(
        Pin,
        name=st.just("pin"),
        item=st.sampled_from(["topic0-1", "topic2-9", "gone"]),
        place=st.integers(1, 12),
    ),
]


def is_meant(where: Match, item_id: str) -> bool:
    """Whether a rule is about an item, found out another way."""
    own = attributes(number_of(item_id))
    if where.categories:
        return item_id.split("-", maxsplit=1)[0] in where.categories
    if where.items:
        return item_id in where.items
    found = own.get(where.attribute) if "." not in where.attribute else own["deep"]["er"]
    if where.values:
        return found in where.values
    if where.at_least is not None:
        return found >= where.at_least
    return found is not None and found != []


def is_forbidden(rule: Rule, item_id: str, user: str) -> bool:
    own = attributes(number_of(item_id))
    if isinstance(rule, Block):
        return is_meant(rule.where, item_id)
    if isinstance(rule, Allow):
        return not is_meant(rule.where, item_id)
    if isinstance(rule, NotOwn):
        return own["maker"] == user
    if isinstance(rule, OnOffer):
        starts, ends = moment_of(own.get("available_from")), moment_of(own.get("expires"))
        return (starts is not None and starts > NOW) or (ends is not None and ends <= NOW)
    return False


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_list_holds_what_is_forbidden_and_each_is_as_long_as_can_be(data):
    kinds = data.draw(st.lists(st.sampled_from(range(len(HARD + SOFT))), unique=True, max_size=6))
    rules = tuple(data.draw((HARD + SOFT)[kind]) for kind in kinds)
    user, k = data.draw(st.sampled_from(["u1", "u3", "new"])), data.draw(st.integers(1, 40))
    found, made = listed(rules, user, k)
    assert len(set(found)) == len(found)
    assert not [i for i in found for rule in rules if is_forbidden(rule, i, user)]
    allowed = [i for i in open_to(user) if not any(is_forbidden(rule, i, user) for rule in rules)]
    assert set(found) <= set(allowed)
    few = next((rule for rule in rules if isinstance(rule, AtMost)), None)
    topics = Counter(i.split("-")[0] for i in allowed)
    most = topics.total() if few is None else sum(min(n, few.most) for n in topics.values())
    assert len(found) >= min(k, most)
    assert len(found) <= k
    if few is not None and not any(isinstance(rule, Pin) for rule in rules):
        assert max(Counter(i.split("-")[0] for i in found).values(), default=0) <= few.most
    if found != plain(user, k):
        assert made.rules, "a list changed, and no rule is named"
    assert set(made.rules) <= {rule.name for rule in rules}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_rule_that_says_nothing_changes_nothing_and_is_not_named(data):
    user, k = data.draw(st.sampled_from(["u1", "u3", "new"])), data.draw(st.integers(1, 30))
    quiet = (
        Block(name="none of these", where=Match(items=("gone",))),
        Allow(name="all", where=Match()),
        Boost(name="by nothing", where=Match(categories=("topic1",)), by=0.0),
        Boost(name="of none", where=Match(categories=("nowhere",)), by=9.0),
        Pin(name="unknown", item="gone", place=1),
        AtMost(name="enough", most=1_000, of="category"),
        Diversity(name="as it is", weight=0.0, among=1_000),
        MinimumScore(name="any", score=-1e9),
        Unseen(name="nothing shown"),
        NotOwn(name="nobody's", attribute="nothing"),
    )
    rules = tuple(data.draw(st.lists(st.sampled_from(quiet), unique=True)))
    found, made = listed(rules, user, k)
    assert (found, made.rules) == (plain(user, k), ())
    assert not any(made.put_by)


def test_without_a_rule_a_list_is_the_plain_one_bit_for_bit():
    model = grown()
    user = model.users.get("u3", 0)
    bare = make_list(model, "u3", user, 10)
    ruled = make_list(
        model, "u3", user, 10, Variation(rules=RuleSet((), model.signals.items, model.facts))
    )
    assert ruled.entries == bare.entries == model.recommend("u3").entries


def test_a_boost_raises_and_is_told_of_the_places_that_it_made():
    first = plain(k=30)
    last = first[-1]
    found, made = listed((Boost(name="ours", where=Match(items=(last,)), by=50.0),))
    assert found == [last, *first[:9]]
    assert made.rules == ("ours",)
    assert made.put_by == (("ours",), *((),) * 9)
    lower, made = listed((Boost(name="theirs", where=Match(items=(first[0],)), by=-50.0),))
    assert lower == first[1:11]
    assert made.rules == ("theirs",)


def test_a_pin_stands_at_its_place_and_a_rule_above_it_keeps_it_out():
    first = plain()
    wanted = next(i for i in open_to("u3") if i not in plain(k=60))
    pin = Pin(name="today", item=wanted, place=3)
    found, made = listed((pin,))
    assert found == [*first[:2], wanted, *first[2:9]]
    assert (made.rules, made.put_by[2]) == (("today",), ("today",))
    blocked, _ = listed((pin, Block(name="no", where=Match(items=(wanted,)))))
    assert wanted not in blocked
    assert len(blocked) == 10
    had = next(iter(i for i in grown().signals.items.ids if i not in open_to("u3")))
    assert had not in listed((Pin(name="had", item=had, place=1),))[0]
    already, made = listed((Pin(name="there", item=first[4], place=5),))
    assert (already, made.rules) == (first, ())


def test_the_order_of_those_that_stay_is_kept():
    rules = (Block(name="no acme", where=Match(attribute="maker", values=("acme",))),)
    found, made = listed(rules)
    kept = [i for i in plain(k=60) if attributes(number_of(i))["maker"] != "acme"]
    assert found == kept[:10]
    assert made.rules == ("no acme",)


def test_at_most_counts_a_value_of_an_attribute_or_all_that_is_meant():
    by_maker = AtMost(name="two of a maker", most=2, of="maker")
    found, _ = listed((by_maker,), k=6)
    assert Counter(attributes(number_of(i))["maker"] for i in found) == dict.fromkeys(MAKERS, 2)
    topics = AtMost(name="one of a topic", most=1, of="category")
    found, made = listed((topics,), k=4)
    assert len({i.split("-")[0] for i in found}) == 4
    assert made.rules == ("one of a topic",)
    together = AtMost(name="one", most=1, where=Match(attribute="maker", values=("acme", "zeta")))
    found, _ = listed((together,), k=6)
    assert sum(attributes(number_of(i))["maker"] != "u1" for i in found) == 1
    none, _ = listed((AtMost(name="none", most=0, where=Match(categories=("topic3",))),))
    assert not [i for i in none if i.startswith("topic3")]


def test_what_was_seen_is_not_shown_again_for_so_many_lists():
    first, _ = listed((Unseen(name="new", lists=2),))
    second, made = listed((Unseen(name="new", lists=2),), seen=[first])
    assert not {*first} & {*second}
    assert made.rules == ("new",)
    third, _ = listed((Unseen(name="new", lists=2),), seen=[second, first])
    assert not {*third} & {*first, *second}
    fourth, _ = listed((Unseen(name="new", lists=2),), seen=[third, second, first])
    assert fourth == [i for i in plain(k=60) if i not in {*second, *third}][:10]


def test_a_mixed_list_is_less_alike():
    model = grown()

    def likeness(found: list[str]) -> float:
        rows = model.signals.semantic.vectors[[number_of(i) for i in found]]
        return float(np.triu(rows @ rows.T, 1).sum())

    found, made = listed((Diversity(name="mixed", weight=0.6),))
    assert made.rules == ("mixed",)
    assert likeness(found) < likeness(plain())
    assert found[0] == plain()[0]


def test_a_minimum_score_may_make_a_list_short():
    scores = [entry.score for entry in grown().recommend("u3", 30).entries]
    found, made = listed((MinimumScore(name="good", score=scores[3]),), k=30)
    assert found == plain(k=30)[:4]
    assert made.rules == ("good",)


def test_what_changes_of_an_item_is_known_at_once():
    model = copy(grown())
    world = Tastes()
    rules = RuleSet(
        (Block(name="sold out", where=Match(attribute="stock", values=(0,))),),
        model.signals.items,
        model.facts,
    )
    model.rules = rules
    first = [entry.item_id for entry in model.recommend("u3").entries]
    assert first == plain()
    model.put_item(msgspec.structs.replace(world.item(first[0]), attributes={"stock": 0}))
    made = model.recommend("u3")
    assert [entry.item_id for entry in made.entries] == plain(k=11)[1:]
    assert made.rules == ("sold out",)
    number = number_of(first[0])
    grown().put_item(msgspec.structs.replace(world.item(first[0]), attributes=attributes(number)))
    assert [entry.item_id for entry in model.recommend("u3").entries] == first


@pytest.mark.parametrize(
    ("found", "moment"),
    [
        (1_700_000_000, 1.7e9),
        (1_700_000_000_000, 1.7e9),
        ("2023-11-14T22:13:20Z", 1.7e9),
        ("2023-11-14T22:13:20", 1.7e9),
        ("2023-11-15T00:13:20+02:00", 1.7e9),
        ("tomorrow", None),
        (True, None),
        (None, None),
        ([1.0], None),
    ],
)
def test_a_moment_is_seconds_or_iso(found, moment):
    assert moment_of(found) == moment


def test_a_match_that_says_too_little_is_refused():
    with pytest.raises(msgspec.ValidationError, match="need an `attribute`"):
        msgspec.convert({"values": ["x"]}, Match)


def test_a_choice_by_rules_is_none_of_the_pipelines():
    model = grown()
    before = (model.pipeline.selector, model.pipeline.retrieval)
    rules = RuleSet((Block(name="x", where=Match()),), model.signals.items, model.facts)
    user = model.users.get("u3", 0)
    context, ruled = choose_by(model, "u3", user, 5, Variation(rules=rules, asker=Asker("u3", NOW)))
    assert len(ruled.chosen.places) == 0
    assert (model.pipeline.selector, model.pipeline.retrieval) == before
    assert context.position == model.position


def test_a_category_beyond_those_that_are_learnt_from_counts_too():
    model, world, first = grown(), Tastes(), plain()[0]
    many = ("topic3", "a", "b", "c", "d", "adult")
    as_it_was = msgspec.structs.replace(world.item(first), attributes=attributes(number_of(first)))
    model.put_item(msgspec.structs.replace(as_it_was, categories=many))
    try:
        found, made = listed((Block(name="no adult", where=Match(categories=("adult",))),))
        assert first not in found
        assert made.rules == ("no adult",)
    finally:
        model.put_item(as_it_was)
    assert plain()[0] == first
