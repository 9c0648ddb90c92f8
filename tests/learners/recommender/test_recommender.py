"""The library's face: what goes in is what is learnt, and positions and sizes are seen to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from penchant_signal_price_range import PriceRange

from encoders import load_encoder
from encoders.text import render_event, render_item
from learners import Event, Item, LearnerSettings, Recommender
from learners.online_model import OnlineModel
from learners.testing import CountingEncoder, Tastes, WordEncoder, small
from learners.types import Interaction

ENCODER = load_encoder("hashing-32")
WORDS = ("red lamp", "blue lamp", "tea pot", "tea cup", "novel", "atlas")
ITEMS = [Item(f"i{n}", words, (words.split()[-1],)) for n, words in enumerate(WORDS)]


def stream(count: int, start: int = 0) -> list[Event]:
    """Events of six users, a search among every ten."""
    dice = np.random.default_rng(start)
    made = []
    for n in range(start, start + count):
        user, item = f"u{n % 6}", f"i{int(dice.integers(6))}"
        if n % 10 == 9:
            made.append(Event(user, None, 60.0 * n, "search", "a lamp  to read"))
        else:
            made.append(Event(user, item, 60.0 * n, value=float(n % 5), session_id=f"s{n // 20}"))
    return made


def listed(one: Recommender, user: str = "u1") -> list[str]:
    return [entry.item_id for entry in one.recommend(user).entries]


def grown(count: int = 60) -> Recommender:
    one = Recommender(ENCODER)
    one.put_items(ITEMS)
    one.learn_many(stream(count))
    return one


class Plain:
    """An encoder with nothing but `encode`: rows of any length, as many libraries give them."""

    def __init__(self, rows=None) -> None:
        self.rows = rows

    def encode(self, texts):
        if self.rows is not None:
            return self.rows
        return [[float(len(text)), 3.0, 4.0] for text in texts]


def test_it_learns_what_the_model_would_be_given() -> None:
    model = OnlineModel(LearnerSettings(dim=ENCODER.dim))
    for item in ITEMS:
        (vector,) = ENCODER.encode([render_item(item.title, None, item.categories)])
        model.put_item(Item(item.item_id, item.title, item.categories, vector=vector))
    titles = {item.item_id: item.title for item in ITEMS}
    for position, event in enumerate(stream(120)):
        words = None if event.text is None else " ".join(event.text.split())
        text = render_event(event.type, titles.get(event.item_id), words)
        (vector,) = ENCODER.encode([text])
        model.learn(
            Interaction(
                *(position, f"#{position}", event.user_id, event.item_id, event.type, event.ts),
                vector=vector,
                session_id=event.session_id,
                value=event.value,
                text=words or titles.get(event.item_id),
                encoded=text,
            )
        )
    one = grown(120)
    for user in ("u0", "u3", "nobody"):
        assert one.recommend(user) == model.recommend(user)


def test_many_at_once_is_one_by_one() -> None:
    many, one = grown(80), Recommender(ENCODER)
    for item in ITEMS:
        one.put_item(item)
    told = [one.learn(event) for event in stream(80)]
    assert [each.position for each in told] == list(range(80))
    users = ["u0", "u5", "u9"]
    assert many.recommend_many(users) == [one.recommend(user) for user in users]


def test_a_return_type_does_not_hang_on_what_is_given() -> None:
    one = Recommender()
    assert one.learn_many([]) == []
    assert one.recommend_many([]) == []
    assert one.put_items(iter(())) is None
    (learnt,) = one.learn_many(iter([Event("u", "i", 1.0, event_id="mine")]))
    assert learnt == (0, "mine", ())
    (only,) = one.recommend_many(("u",), k=1)
    assert only == one.recommend("u", 1)


def test_positions_are_given_out_and_checked() -> None:
    one = Recommender()
    assert one.position == -1
    assert one.learn(Event("u", "i", 1.0)).position == 0
    assert one.learn(Event("u", "j", 2.0, position=1)).event_id == "#1"
    for position, said in (
        (1, "was learnt already"),
        (0, "learnt already"),
        (7, "leaves some out"),
    ):
        with pytest.raises(ValueError, match=rf"position is {position}, which .*{said}.*next is 2"):
            one.learn(Event("u", "k", 3.0, position=position))
    with pytest.raises(ValueError, match=r"event 1: position is 2.*the next is 3"):
        one.learn_many([Event("u", "k", 3.0, position=2), Event("u", "l", 3.0, position=2)])
    assert one.position == 1
    assert sorted(listed(one, "v")) == ["i", "j"]  # k and l were never heard of


def test_nothing_of_a_call_is_learnt_where_one_event_is_refused() -> None:
    one, other = grown(), grown()
    with pytest.raises(ValueError, match=r"event 2: weight is nan"):
        one.learn_many([*stream(2, 60), Event("u1", "i1", 1e6, weight=math.nan)])
    with pytest.raises(TypeError, match=r"item 1: title is 7"):
        one.put_items([Item("new", "New"), Item("newer", 7)])
    assert one.position == other.position
    assert [one.recommend(f"u{n}") for n in range(6)] == [
        other.recommend(f"u{n}") for n in range(6)
    ]
    assert "new" not in listed(one)


def test_the_first_vector_sets_the_size() -> None:
    one = Recommender()
    assert one.settings.dim == 0
    one.put_item(Item("a", "A", vector=[3.0, 4.0]))
    assert one.settings.dim == 2
    one.put_item(Item("b", "B", vector=(0.8, 0.7)))
    (near,) = one.similar("a")
    assert near.item_id == "b"
    assert near.meaning == pytest.approx((0.6 * 0.8 + 0.8 * 0.7) / math.hypot(0.8, 0.7), abs=1e-6)
    with pytest.raises(ValueError, match=r"vector has the shape \(3,\); it must be \(2,\)"):
        one.learn(Event("u", "a", 1.0, vector=np.ones(3)))
    with pytest.raises(ValueError, match=r"event 1: vector has the shape \(1,\)"):
        Recommender().learn_many(
            [Event("u", "a", 1.0, vector=np.ones(2)), Event("u", "a", 1.0, vector=np.ones(1))]
        )


def test_a_vector_that_comes_late_leaves_what_was_counted() -> None:
    late, early = Recommender(), Recommender(settings=LearnerSettings(dim=3))
    for one in (late, early):
        one.put_items(ITEMS)
        one.learn_many(stream(80))
        assert one.label("u1", "light", session_id="s3") == "learn"
    before = {user: listed(late, user) for user in ("u0", "u1", "new")}
    assert before["new"] == listed(early, "new") != []
    for one in (late, early):
        one.put_item(Item("lately", "Lately", vector=[0.0, 1.0, 0.0]))
    assert late.settings.dim == early.settings.dim == 3
    for user, ids in before.items():
        assert [item for item in listed(late, user) if item != "lately"] == ids
    assert late.position == 79
    for one in (late, early):
        one.put_item(Item("i0", "red lamp", vector=[0.1, 1.0, 0.0]))
        one.learn(Event("new", "lately", 1e6, vector=[0.0, 1.0, 0.1]))
        assert one.similar("lately", 1)[0].item_id == "i0"
        assert one.recommend("new").intent
    assert [each.item_id for each in late.recommend("u2").entries] == [
        each.item_id for each in early.recommend("u2").entries
    ]


def test_signals_of_ones_own_outlive_a_late_vector() -> None:
    one = Recommender(settings=LearnerSettings(repeats="on"), signals=[PriceRange])
    one.learn_many(
        Event(f"u{n % 4}", f"i{n % 9}", 60.0 * n, value=2.0 ** (n % 9)) for n in range(80)
    )
    before = one.recommend("u1")
    assert len(before.entries) > 2
    one.put_item(Item("lately", "Lately", vector=[0.0, 1.0]))
    one.remove_item("lately")
    assert one.recommend("u1").entries == before.entries


def test_any_encoder_with_encode_will_do() -> None:
    encoder = CountingEncoder(Plain())
    one = Recommender(encoder)
    one.put_items([Item("a", "Tea"), Item("b", "Pot", text="for tea"), Item("c", "")])
    one.learn_many([Event("u", "a", 1.0), Event("u", "a", 2.0), Event("u", "c", 3.0)])
    assert encoder.texts == ["Tea", "Pot. for tea", "view: Tea"]  # each once, none of no words
    assert one.settings.dim == 3
    assert {each.item_id for each in one.similar("a")} == {"b", "c"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[1.0, math.nan]], "holds NaN or infinity"),
        ([1.0], r"has the shape \(1,\); it must be \(1, dim\)"),
        ([[1.0], [2.0]], r"has the shape \(2, 1\)"),
        ([["a"]], "must be of numbers"),
        ([[1.0], [2.0, 3.0]], "differ in length"),
    ],
)
def test_an_encoder_that_gives_what_it_must_not_is_named(rows, said) -> None:
    one = Recommender(Plain(rows))
    with pytest.raises((ValueError, TypeError), match=rf"the encoder .*Plain made.*{said}"):
        one.learn(Event("u", "a", 1.0, text="tea"))
    assert one.position == -1


def test_an_encoder_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dim is 8, and the vectors of hashing-32-\w+ have 32"):
        Recommender(ENCODER, LearnerSettings(dim=8))


def test_what_was_handed_in_may_be_changed_afterwards() -> None:
    one, other = Recommender(), Recommender()
    vector, categories = np.array([1.0, 0.0], np.float32), ["lamps"]
    for each in (one, other):
        each.put_item(Item("a", "A", categories, vector=vector))
        each.learn(Event("u", "a", 1.0, vector=vector))
    vector[:], categories[:] = np.nan, ["pots"]
    for each in (one, other):
        each.put_item(Item("b", "B", ("lamps",), vector=[0.6, 0.8]))
    assert one.similar("a")[0].meaning == pytest.approx(0.6)
    assert one.recommend("u") == other.recommend("u")


def test_an_item_is_listed_until_it_goes() -> None:
    one = grown()
    assert "i4" in listed(one, "nobody")
    assert one.remove_item("i4")
    assert not one.remove_item("never")
    assert "i4" not in listed(one, "nobody")
    one.put_item(Item("i3", "tea cup", available=False))
    assert "i3" not in listed(one, "nobody")


def test_what_is_retracted_is_counted_no_more() -> None:
    one, other = Recommender(), Recommender()
    for each in (one, other):
        each.learn_many([Event("u", "a", 1.0), Event("v", "a", 2.0)])
    mine = one.learn(Event("u", "b", 3.0))
    assert one.retract("u", mine.event_id) == "all"
    assert one.retract("u", "never") == "nothing"
    assert one.retract("v", type="view", item_id="a") == "all"
    assert listed(one, "v") == ["a", "b"]
    assert listed(other, "v") == []


def test_a_label_may_come_late() -> None:
    one = grown()
    told = one.learn(Event("u1", "i1", 1e5, session_id="later"))
    assert one.label("u1", "light", told.event_id) == "learn"
    assert one.label("u1", "light", told.event_id) == "duplicate"
    assert one.label("u1", "light", session_id="never") == "unmatched"
    assert "light" in one.recommend("u1").intent


def test_what_is_like_an_item_and_where_it_stands() -> None:
    one = Recommender(ENCODER)
    one.put_items(ITEMS)
    one.learn_many(
        Event(f"u{n}", item, 60.0 * n)
        for n in range(12)
        for item in ("i0", "i2", "i0", "i4")[n % 2 :]
    )
    near = one.similar("i2", k=3)
    assert near[0].item_id == "i0"
    by = {each.item_id: each for each in one.similar("i2", k=100)}
    assert by["i0"].together > by["i4"].together > 0
    assert by["i3"].meaning > by["i4"].meaning
    assert "i2" not in by
    assert [each.score for each in near] == sorted((each.score for each in near), reverse=True)

    first = one.recommend("u1").entries[0]
    told = one.explain("u1", first.item_id)
    assert (told.standing, told.place, told.score, told.reasons) == (
        *("listed", 1, first.score),
        first.reasons,
    )
    one.remove_item("i5")
    assert one.explain("u1", "i5").standing == "unavailable"
    with pytest.raises(ValueError, match="item_id is 'never', never heard of"):
        one.explain("u1", "never")
    with pytest.raises(ValueError, match="item_id is 'never', never heard of"):
        one.similar("never")


def test_an_explanation_tells_why_something_is_not_listed() -> None:
    one = Recommender(
        settings=LearnerSettings(k=2, candidates=3, fresh=0, sampled=0, repeats="off")
    )
    one.put_items([Item(f"i{n}", f"Item {n}") for n in range(8)])
    one.learn_many(Event(f"u{n % 5}", f"i{n % 4}", 60.0 * n) for n in range(40))
    one.learn(Event("u", "i0", 1e4))
    assert one.explain("u", "i0").standing == "had"
    standings = [one.explain("u", f"i{n}").standing for n in range(8)]
    assert standings.count("listed") == 2
    assert standings.count("ranked") == 1
    assert one.explain("u", "i7") == ("u", "i7", "Item 7", "not_ranked", None, None, ())


def test_explaining_changes_nothing() -> None:
    one, other = grown(), grown()
    for user in ("u1", "nobody"):
        one.explain(user, "i1")
        one.similar("i1")
    one.learn_many(stream(20, 60))
    other.learn_many(stream(20, 60))
    assert one.recommend("u1") == other.recommend("u1")


def test_it_finds_out_what_users_are_after() -> None:
    world = Tastes()
    one = Recommender(settings=small())
    one.put_items(world.catalogue())
    one.learn_many(world.events(600))
    right = [
        entry.item_id.startswith(world.taste[user])
        for user in world.users
        for entry in one.recommend(user, 3).entries
    ]
    assert np.mean(right) > 0.9
    assert all(near.item_id.startswith("topic1-") for near in one.similar("topic1-0", 5))


def test_words_are_enough_for_a_search() -> None:
    one = Recommender(WordEncoder())
    one.put_items([Item("a", "Red lamp"), Item("b", "Blue lamp"), Item("c", "Tea pot")])
    assert one.similar("a")[0].item_id == "b"
    one.learn(Event("u", None, 1.0, "search", "a pot for tea"))
    assert one.recommend("u").entries[0].item_id == "c"
