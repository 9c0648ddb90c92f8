from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.messages.outgoing import Narrative
from dataflows.serve.answers import (
    BadRequestError,
    NotAnsweredHereError,
    UnknownError,
)
from dataflows.serve.api_types import GivenContext, ListAnswer, ListRequest, RankRequest
from dataflows.serve.stored.list_ids import part_named
from tests.dataflows.serve.stored.sent import Files, intents, item, listed, narrative, settle


def ids(answer: ListAnswer) -> list[str]:
    return [place.item_id for place in answer.items]


def plain(answers, user_id):
    found = answers.recommend_stored(user_id)
    return None if found is None else json.loads(found)


def test_a_plain_list_is_kept_as_bytes_and_says_what_it_is(files):
    files.catalogue(item("a", "toys"), item("b"))
    files.send(listed("u1", ["b", "a"], sequence=5))
    with files.opened() as answers:
        assert plain(answers, "u1") == {
            "user_id": "u1",
            "list_id": "5",
            "items": [
                {"item_id": "b", "title": "Title of b", "score": 1.0, "place": 1},
                {
                    "item_id": "a",
                    "title": "Title of a",
                    "score": 0.99,
                    "place": 2,
                    "categories": ["toys"],
                },
            ],
            "source": "stored",
            "is_known": True,
            "as_of": {"events-0": 8},
            "versions": {"encoder": "encoder-1", "model": "model-1"},
            "time": "2026-05-28T20:26:40.000Z",
            "sequence": 5,
            "intent": {"buy": 0.75},
        }
        assert answers.recommend_stored("u2") is None


def test_what_is_kept_and_what_is_made_are_the_same_list(files):
    files.catalogue(item("a", "toys"), item("b"))
    files.send(listed("u1", ["b", "a"], sequence=5))
    with files.opened() as answers:
        made = answers.recommend("u1", ListRequest())
        kept = plain(answers, "u1")
    assert json.loads(json.dumps(kept["items"])) == [
        {"item_id": one.item_id, "title": one.title, "score": one.score, "place": one.place}
        | ({"categories": list(one.categories)} if one.categories else {})
        for one in made.items
    ]
    assert made.list_id.split(".")[0] == kept["list_id"]


def test_the_list_with_the_highest_sequence_counts_and_older_ones_are_counted(files):
    files.send(listed("u1", ["a"], 5), listed("u1", ["b"], 4), listed("u1", ["c"], 7))
    with files.opened() as answers:
        assert ids(answers.recommend("u1", ListRequest())) == ["c"]
        files.send(listed("u1", ["d"], 6))
        settle(answers)
        assert ids(answers.recommend("u1", ListRequest())) == ["c"]
        assert answers.counts() == {"recommendations": 4, "older": 2}
        assert "2 older" in answers.readiness().checks["taken"]
        status = answers.status()
        assert (status.users, status.items, status.covered, status.lists) == (1, 2, 1, 1)


def test_places_are_chosen_by_what_is_asked(files):
    files.catalogue(item("a", "toys", attributes={"price": 3, "maker": "m"}), item("b", "books"))
    files.send(listed("u1", ["a", "b", "c", "d"], 5))
    with files.opened() as answers:
        ask = lambda **asked: answers.recommend("u1", ListRequest(**asked))  # noqa: E731
        assert ids(ask(k=2)) == ["a", "b"]
        assert ids(ask(k=2, offset=1)) == ["b", "c"]
        assert [place.place for place in ask(k=2, offset=1).items] == [2, 3]
        assert ids(ask(k=9)) == ["a", "b", "c", "d"]
        assert ids(ask(categories=("toys", "books"))) == ["a", "b"]
        assert ids(ask(exclude=("a", "c"), k=2)) == ["b", "d"]
        assert ask().items[0].reasons == ()
        assert ask(explain=True).items[0].reasons == ("taken with a",)
        assert ask(fields=("price", "none")).items[0].attributes == {"price": 3}
        with pytest.raises(NotAnsweredHereError, match="4 places that are stored"):
            ask(offset=4)
        with pytest.raises(NotAnsweredHereError, match="as of a moment"):
            ask(at=1.0)
        with pytest.raises(NotAnsweredHereError, match=r"serve\.run_url"):
            ask(context=GivenContext(items=("a",)))


def test_where_a_live_model_is_named_it_makes_what_would_be_too_short_here(tmp_path):
    files = Files(tmp_path, serve__run_url="http://127.0.0.1:1")
    files.catalogue(item("a", "toys"), item("b", "books"))
    files.send(listed("u1", ["a", "b"], 5))
    with files.opened() as answers:
        ask = lambda **asked: answers.recommend("u1", ListRequest(**asked))  # noqa: E731
        assert ids(ask()) == ["a", "b"]
        assert ids(ask(k=1, categories=("toys",))) == ["a"]
        for more in ({"k": 3}, {"k": 2, "offset": 1}, {"categories": ("toys",)}, {"scenario": "x"}):
            with pytest.raises(NotAnsweredHereError):
                ask(**more)
        assert ids(answers.recommend("nobody", ListRequest(k=9))) == ["a", "b"]


def test_the_next_page_goes_on_after_the_last_and_says_where_the_list_has_changed(files):
    files.send(listed("u1", list("abcde"), 5))
    with files.opened() as answers:
        ask = lambda **asked: answers.recommend("u1", ListRequest(**asked))  # noqa: E731
        first = ask(k=2, exclude=("b",))
        second = ask(k=2, exclude=("b",), after=first.list_id)
        assert (ids(first), ids(second)) == (["a", "c"], ["d", "e"])
        with pytest.raises(NotAnsweredHereError):
            ask(after="5")  # the whole list has no next page here
        for wrong in ("x", first.list_id + "0", "5.zz", "5.", "9" * 300):
            with pytest.raises(BadRequestError):
                ask(k=2, exclude=("b",), after=wrong)
        with pytest.raises(BadRequestError, match="one of the two"):
            ask(k=2, exclude=("b",), after=first.list_id, offset=1)
        with pytest.raises(BadRequestError, match="none is configured"):
            ask(scenario="home")
        with pytest.raises(BadRequestError, match="with those of the first page"):
            ask(k=2, after=first.list_id)
        files.send(listed("u1", list("xyz"), 6))
        settle(answers)
        with pytest.raises(BadRequestError, match="has changed since"):
            ask(k=2, exclude=("b",), after=first.list_id)


def test_a_page_tells_in_its_name_which_places_of_which_list_it_has(files):
    files.send(listed("u1", "abcdef", sequence=5))
    with files.opened() as answers:

        def ask(**asked):
            return part_named(answers.recommend("u1", ListRequest(**asked)).list_id)

        assert ask(k=2) == ("5", 0, 2)
        assert ask(k=2, offset=3, explain=True, fields=("price",)) == ("5", 3, 5)
        first = answers.recommend("u1", ListRequest(k=2))
        assert ask(k=3, after=first.list_id) == ("5", 2, 5)
        assert ask(k=2, exclude=("b",)) is None
        assert part_named(answers.recommend("nobody", ListRequest(k=2)).list_id) == ("0", 0, 2)


def test_who_is_not_known_gets_what_most_lists_hold(files):
    files.catalogue(item("a", "toys"), item("new", "toys"), item("off", available=False))
    files.send(listed("u1", ["a", "b", "off"]), listed("u2", ["b"]), listed("u3", ["a", "b"]))
    with files.opened() as answers:
        found = answers.recommend("nobody", ListRequest(explain=True))
        assert (found.source, found.is_known, found.sequence) == ("popular", False, None)
        assert ids(found) == ["b", "a", "new"]
        assert [place.reasons for place in found.items] == [
            ("in 3 lists",),
            ("in 2 lists",),
            ("new in the catalogue",),
        ]
        assert ids(answers.recommend("nobody", ListRequest(k=1, offset=1))) == ["a"]
        assert ids(answers.recommend("nobody", ListRequest(categories=("toys",)))) == ["a", "new"]
        assert ids(answers.recommend("nobody", ListRequest(exclude=("b",), k=1))) == ["a"]


def test_popular_follows_the_lists_as_they_change(files):
    files.send(listed("u1", ["a", "b"], 1), listed("u2", ["a"], 1))
    with files.opened() as answers:
        popular = lambda: {one.item_id: one.score for one in answers.popular(9, ()).items}  # noqa: E731
        assert popular() == {"a": 2, "b": 1}
        files.send(listed("u1", ["c"], 2), listed("u3", ["b", "c"], 1))
        settle(answers)
        assert popular() == {"c": 2, "a": 1, "b": 1}
        assert [one.item_id for one in answers.popular(9, ()).items] == ["c", "a", "b"]


def test_trending_is_what_lists_took_up_lately(files):
    day = 86_400.0
    files.send(*(listed(f"old{n}", ["old"], at=0) for n in range(9)))
    files.send(*(listed(f"new{n}", ["new", "left"], at=day) for n in range(3)))
    files.send(*(listed(f"new{n}", ["new"], sequence=2, at=day) for n in range(3)))
    with files.opened() as answers:
        found = answers.trending(9, ()).items
        assert [one.item_id for one in found] == ["new", "old"]  # what was dropped again is not
        assert answers.falling(9, ()).items == ()
        assert found[0].score == pytest.approx(3.0)
        assert found[1].score == pytest.approx(9 * 2.0**-4)  # four times six hours ago
        assert answers.popular(1, ()).items[0].item_id == "old"


def test_falling_is_what_lists_dropped_lately(files):
    files.send(*(listed(f"u{n}", ["a", "b"], at=0) for n in range(5)))
    day = 86_400.0
    files.send(*(listed(f"u{n}", ["b"], sequence=2, at=day) for n in range(2)))
    with files.opened() as answers:
        found = answers.falling(9, ()).items
        assert [one.item_id for one in found] == ["a"]
        assert found[0].score == pytest.approx(2.0 - 5 * 2.0**-4)


def test_whose_lists_came_last_and_what_was_believed_when_they_were_sent(files):
    files.send(listed("u1", ["a"]), listed("u2", ["a"]))
    files.append("intents", intents("u1", "buy"))
    with files.opened() as answers:
        assert {one.user_id for one in answers.active_users(9).users} == {"u1", "u2"}
        files.send(listed("u1", ["b"], sequence=2))
        settle(answers)
        assert [one.user_id for one in answers.active_users(9).users] == ["u1", "u2"]
        assert [one.user_id for one in answers.active_users(1).users] == ["u1"]
        assert [one.belief for one in answers.beliefs("u1").beliefs] == [{"buy": 0.9}]
        assert answers.beliefs("u2").beliefs == ()
        with pytest.raises(NotAnsweredHereError, match="signal"):
            answers.recommend("u1", ListRequest(signals=True))


def test_trending_holds_over_years(files):
    year = 365 * 86_400.0
    for n in range(4):
        files.send(*(listed(f"{n}-{user}", [f"i{n}"], at=n * year) for user in range(2)))
    with files.opened() as answers:
        found = answers.trending(9, ()).items
        assert found[0].item_id == "i3"
        assert found[0].score == pytest.approx(2.0)


def test_latest_is_the_order_of_arrival_and_an_item_that_comes_back_is_new(files):
    files.catalogue(item("a", "x"), item("b"), item("c", "x"))
    with files.opened(accept_items=True) as answers:
        latest = lambda *of: [one.item_id for one in answers.latest(9, of).items]  # noqa: E731
        assert latest() == ["c", "b", "a"]
        assert latest("x") == ["c", "a"]
        files.catalogue(item("b"), item("c", "x"))
        settle(answers)
        assert latest() == ["c", "b"]
        files.catalogue(item("b"), item("c", "x"), item("a", "x"))
        settle(answers)
        assert latest() == ["a", "c", "b"]


def test_one_item_is_told_as_the_catalogue_has_it(files):
    files.catalogue(item("a", "toys", text="Soft.", attributes={"price": 3}, available=False))
    files.send(listed("u1", ["b"]))
    with files.opened() as answers:
        found = answers.item("a")
        assert (found.title, found.text, found.categories) == ("Title of a", "Soft.", ("toys",))
        assert (found.attributes, found.is_available) == ({"price": 3}, False)
        assert answers.item("b").title == "Title of b"  # lists alone tell of it
        with pytest.raises(UnknownError):
            answers.item("c")


def test_a_kept_list_drops_what_leaves_and_tells_new_categories_at_once(files):
    files.catalogue(item("a"), item("b"), item("c"))
    files.send(listed("u1", ["a", "b"], 5), listed("u2", ["c"], 5))
    with files.opened(accept_items=True) as answers:
        made = lambda: answers.recommend("u1", ListRequest(k=9)).items  # noqa: E731
        assert [(one.item_id, one.categories) for one in made()] == [("a", ()), ("b", ())]
        files.catalogue(item("b", "toys"), item("c", available=False))
        settle(answers)
        assert [(one.item_id, one.categories) for one in made()] == [("b", ("toys",))]
        assert plain(answers, "u1")["items"] == [
            {
                "item_id": "b",
                "title": "Title of b",
                "score": 0.99,
                "place": 1,
                "categories": ["toys"],
            }
        ]
        assert plain(answers, "u2")["items"] == []
        assert [one.item_id for one in answers.popular(9, ()).items] == ["b"]
        files.catalogue(item("a"), item("b"), item("c"))
        settle(answers)
        assert [one["item_id"] for one in plain(answers, "u1")["items"]] == ["a", "b"]


def test_intents_profiles_and_words_are_the_newest(files):
    files.send(listed("u1", ["a"], 4))
    files.append("intents", intents("u1", "buy", 3), intents("u1", "sell", 2))
    files.append("narratives", narrative("u1", "Old words", 3), narrative("u1", "For you", 4))
    with files.opened() as answers:
        intent = answers.intent("u1")
        assert (intent.is_known, intent.intent, intent.belief) == (True, {"buy": 0.5}, {"buy": 0.9})
        assert intent.novelty == 0.25
        assert answers.profile("u1").profile[0].category == "music"
        told = answers.recommend("u1", ListRequest(explain=True)).narrative
        assert isinstance(told, Narrative)
        assert told.headline == "For you"
        assert answers.recommend("u1", ListRequest()).narrative is None
        assert (answers.intent("u2").is_known, answers.profile("u2").profile) == (False, ())
        files.send(listed("u1", ["b"], 5))
        settle(answers)
        assert answers.recommend("u1", ListRequest(explain=True)).narrative is None


def test_what_needs_the_model_is_refused_with_the_remedy(files):
    files.send(listed("u1", ["a"]))
    with files.opened() as answers:
        for ask in (
            lambda: answers.rank(RankRequest(item_ids=("a",))),
            lambda: answers.recommend_anonymous(ListRequest()),
            lambda: answers.why("u1", "a"),
            lambda: answers.history("u1", 1),
            lambda: answers.neighbours("u1", 1),
            lambda: answers.together("a", 1, ()),
            lambda: answers.next("a", 1, ()),
            lambda: answers.wait_for("u1", ("events-0", 1), 0.0),
        ):
            with pytest.raises(NotAnsweredHereError, match=r"serve\.run_url"):
                ask()


USERS, ITEMS = st.sampled_from("uvw"), st.sampled_from("abcdef")
LISTS = st.lists(
    st.tuples(USERS, st.lists(ITEMS, max_size=4, unique=True), st.integers(0, 4)), max_size=20
)


@settings(max_examples=40)
@given(LISTS, st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_whatever_comes_in_whatever_batches_the_store_is_what_a_plain_reader_has(
    tmp_path_factory, sent, cuts
):
    newest: dict[str, tuple[int, list[str]]] = {}
    files, left = Files(tmp_path_factory.mktemp("lists")), list(sent)
    files.send()
    for cut in cuts:
        with files.opened() as answers:
            now, left = left[:cut], left[cut:]
            files.send(*(listed(user, items, sequence) for user, items, sequence in now))
            settle(answers)
            for user, items, sequence in now:
                if sequence >= newest.get(user, (-1, []))[0]:
                    newest[user] = sequence, items
            kept = {user: plain(answers, user) for user in "uvw"}
            assert {user: ids_of(found) for user, found in kept.items() if found} == {
                user: items for user, (_, items) in newest.items()
            }
            counted = {one.item_id: one.score for one in answers.popular(9, ()).items}
            assert counted == Counter(item for _, items in newest.values() for item in items)


def ids_of(answer):
    return [one["item_id"] for one in answer["items"]]
