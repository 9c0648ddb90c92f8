"""Answers of a small model whose stream is known."""

from __future__ import annotations

import json

import pytest

from dataflows.serve.answers import BadRequestError, NotReadyError, UnknownError
from dataflows.serve.api_types import GivenContext, ListRequest, RankRequest
from dataflows.serve.live.beliefs import SentBeliefs
from dataflows.serve.live.handed_out import HandedOut
from dataflows.serve.live.sent_lists import SentLists
from dataflows.serve.stored.list_ids import list_id
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.signals.leaderboards import leaderboard_of
from tests.dataflows.engine.test_engine import Run, event, raw
from tests.dataflows.serve.live.questions import answers_of

ROOMS = ("kitchen", "garden")
COUNT = 30


def thing(number: int) -> dict:
    return {
        "item_id": f"i{number}",
        "title": f"{ROOMS[number % 2]} thing {number}",
        "categories": [ROOMS[number % 2]],
        "attributes": {"price": number, "maker": "m"},
        "text": "what it is",
    }


def model(load):
    return OnlineModel(LearnerSettings(dim=16, k=5, candidates=20, prior="none"), load)


@pytest.fixture
def run() -> Run:
    """Twelve users: the even ones take kitchen things in order, the odd ones garden things."""
    run = Run(model=model)
    run.process([raw(n, json.dumps(thing(n)).encode(), "items") for n in range(COUNT)])
    place = 0
    for step in range(6):
        for user in range(12):
            item = (user % 2) + 2 * (step + user // 6)
            run.process([raw(place, event(place, user, item))])
            place += 1
    return run


def ids(answer) -> list[str]:
    return [one.item_id for one in answer.items]


def test_a_list_tells_what_it_is_as_of(run):
    door = answers_of(run)
    answer = door.recommend("u0", ListRequest())
    assert answer.as_of == run.engine.positions == {"items-0": COUNT, "events-0": 72}
    assert answer.versions == run.engine.space.in_force.versions
    assert (answer.source, answer.is_known, answer.sequence) == ("live", True, 72)
    assert ids(answer) == [one.item_id for one in run.engine.model.recommend("u0").entries]
    assert [one.place for one in answer.items] == [1, 2, 3, 4, 5]
    assert not any(one.reasons for one in answer.items)
    run.process([raw(72, event(72, 0, ids(answer)[0][1:]))])
    after = door.recommend("u0", ListRequest(explain=True))
    assert after.as_of["events-0"] == 73
    assert ids(answer)[0] not in ids(after)
    assert all(one.reasons for one in after.items)


def test_pages_hold_nothing_twice_also_when_events_come_in_between(run):
    door, held, after = answers_of(run), [], None
    for page in range(4):
        answer = door.recommend("u0", ListRequest(k=4, after=after))
        assert [one.place for one in answer.items] == list(range(4 * page + 1, 4 * page + 5))
        held += ids(answer)
        after = answer.list_id
        run.process([raw(72 + page, event(72 + page, 0, 2 * (10 + page)))])
    assert len(held) == len(set(held)) == 16
    by_offset = door.recommend("u0", ListRequest(k=4, offset=4))
    assert ids(by_offset) == ids(door.recommend("u0", ListRequest(k=8)))[4:]
    assert [one.place for one in by_offset.items] == [5, 6, 7, 8]
    beyond = door.recommend("u0", ListRequest(k=4, after=by_offset.list_id))
    assert not {*ids(beyond)} & {*ids(door.recommend("u0", ListRequest(k=8)))}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (ListRequest(after="7.abc"), "by offset"),
        (ListRequest(after="7.abc", offset=1), "one of the two"),
        (ListRequest(k=20, offset=1), "21, above 20"),
        (ListRequest(scenario="home"), "none is configured"),
    ],
)
def test_what_is_not_to_be_had_is_refused_with_a_remedy(run, asked, says):
    door = answers_of(run)
    with pytest.raises(BadRequestError, match=says):
        door.recommend("u0", asked)


def test_filters_are_before_the_cut_so_that_lists_stay_long(run):
    door = answers_of(run)
    plain = ids(door.recommend("u0", ListRequest(k=10)))
    less = ids(door.recommend("u0", ListRequest(k=10, exclude=tuple(plain[:5]))))
    assert len(less) == 10
    assert not {*plain[:5]} & {*less}
    garden = door.recommend("u0", ListRequest(k=8, categories=("garden", "no such")))
    assert [one.categories for one in garden.items] == [("garden",)] * 8
    assert ids(door.recommend("u0", ListRequest(categories=("no such",)))) == []


def test_fields_hand_out_attributes(run):
    answer = answers_of(run).recommend("u0", ListRequest(k=2, fields=("price", "weight")))
    for one in answer.items:
        assert one.attributes == {"price": int(one.item_id[1:])}


def test_a_context_makes_the_list_personal_and_is_not_kept(run):
    door = answers_of(run)
    nobody = door.recommend_anonymous(ListRequest())
    garden = door.recommend_anonymous(ListRequest(context=GivenContext(items=("i3", "i5"))))
    assert (nobody.source, nobody.is_known, nobody.user_id) == ("popular", False, None)
    assert (garden.source, garden.is_known) == ("live", False)
    assert ids(garden) != ids(nobody)
    assert not {"i3", "i5"} & {*ids(garden)}
    assert ids(garden)[0] == "i7"  # what those who took both took next
    assert ids(door.recommend_anonymous(ListRequest())) == ids(nobody)
    unknown = door.recommend("new", ListRequest())
    assert (unknown.source, unknown.is_known, ids(unknown)) == ("popular", False, ids(nobody))
    before = ids(door.recommend("u0", ListRequest()))
    as_if = door.recommend("u0", ListRequest(context=GivenContext(items=(before[0],))))
    assert before[0] not in ids(as_if)
    assert ids(door.recommend("u0", ListRequest())) == before


def test_a_context_is_as_the_events_would_be(run):
    """The order of a list is that after the same items were taken, but for what they teach all."""
    door = answers_of(run)
    asked = door.recommend("u12", ListRequest(context=GivenContext(items=("i4", "i6"))))
    run.process([raw(72, event(72, 12, 4)), raw(73, event(73, 12, 6))])
    taken = door.recommend("u12", ListRequest())
    assert {*ids(asked)[:3]} == {*ids(taken)[:3]}


def test_given_items_are_all_scored(run):
    door = answers_of(run)
    run.process([raw(COUNT, json.dumps(thing(29) | {"available": False}).encode(), "items")])
    every = tuple(f"i{n}" for n in range(COUNT))
    answer = door.rank(RankRequest(user_id="u0", item_ids=(*every, "none", "i3"), explain=True))
    assert {*ids(answer)} == {*every} - {"i29"}
    assert (answer.unknown, answer.unavailable, answer.is_known) == (("none",), ("i29",), True)
    scores = [one.score for one in answer.items]
    assert scores == sorted(scores, reverse=True)
    listed = door.recommend("u0", ListRequest(k=15))
    worth = {one.item_id: one.score for one in answer.items}
    for one in listed.items:
        assert worth[one.item_id] == pytest.approx(one.score, abs=1e-4)
    assert any(one.reasons for one in answer.items)
    nobody = door.rank(RankRequest(item_ids=("i3", "i0")))
    assert (nobody.user_id, nobody.is_known, len(nobody.items)) == (None, False, 2)


def test_why_tells_place_and_what_each_signal_adds(run):
    door = answers_of(run)
    first = door.recommend("u0", ListRequest(explain=True)).items[0]
    why = door.why("u0", first.item_id)
    assert (why.standing, why.place, why.score) == ("listed", 1, first.score)
    assert why.reasons == first.reasons
    assert list(why.signals.values()) == sorted(why.signals.values(), reverse=True)
    assert why.signals
    assert door.why("u0", "i0").standing == "had"
    with pytest.raises(UnknownError, match="never heard of"):
        door.why("u0", "nothing")


def test_a_list_tells_what_each_signal_adds_where_that_is_asked(run):
    door = answers_of(run)
    answer = door.recommend("u0", ListRequest(k=3, offset=1, signals=True))
    assert [one.place for one in answer.items] == [2, 3, 4]
    for one in answer.items:
        assert one.signals == pytest.approx(door.why("u0", one.item_id).signals, abs=1e-5)
    plain = door.recommend("u0", ListRequest(k=3, offset=1))
    assert ids(plain) == ids(answer)
    assert not any(one.signals for one in plain.items)
    context = GivenContext(items=("i3",))
    nobody = door.recommend_anonymous(ListRequest(k=3, signals=True, context=context))
    assert all(one.signals for one in nobody.items)


def test_who_was_there_last_comes_first(run):
    door = answers_of(run)
    found = door.active_users(3)
    assert [one.user_id for one in found.users] == ["u11", "u10", "u9"]
    assert (found.users[0].item_id, found.users[0].title) == ("i13", "garden thing 13")
    assert found.users[0].ts == door.history("u11", 1).events[0].ts
    assert found.as_of == run.engine.positions
    run.process([raw(72, event(72, 3, 5))])
    assert [one.user_id for one in door.active_users(2).users] == ["u3", "u11"]


def test_who_was_there_last_is_known_after_a_restart(run):
    run.process([raw(72, event(72, 3, 5))])
    run.deliver()
    run.engine.commit()
    again = Run(store=run.store, model=model)
    assert [one.user_id for one in answers_of(again).active_users(2).users] == ["u3", "u11"]


def test_beliefs_are_kept_by_user_and_the_oldest_are_forgotten():
    def sent(belief: float) -> bytes:
        body = {"time": "2026-01-31T00:00:00.000Z", "intent": {}, "belief": {"buy": belief}}
        return json.dumps(body).encode()

    size = len(sent(0.1))
    memory = SentBeliefs(of_user=2, most_bytes=3 * size)
    for belief in (0.1, 0.2, 0.3):
        memory.put(b"u1", sent(belief))
    assert [one.belief["buy"] for one in memory.of("u1")] == [0.2, 0.3]
    memory.put(b"u2", sent(0.4))
    assert len(memory.of("u1")) == 2
    memory.put(b"u2", sent(0.5))  # too much for all: who was there longest ago is forgotten
    assert memory.of("u1") == ()
    assert [one.belief["buy"] for one in memory.of("u2")] == [0.4, 0.5]


def test_items_in_order(run):
    door = answers_of(run)
    assert {*ids(door.together("i4", 2, ()))} == {"i2", "i6"}
    assert door.together("i4", 9, ("garden",)).items == ()
    following = door.next("i4", 9, ())
    assert ids(following)[0] == "i6"
    assert sum(one.score for one in following.items) == pytest.approx(1.0, abs=1e-4)
    popular = door.popular(30, ())
    assert {*ids(popular)} == {f"i{n}" for n in range(14)}
    assert popular.items[0].score == pytest.approx(6, rel=0.1)
    assert all(one.categories == ("garden",) for one in door.popular(9, ("garden",)).items)
    assert ids(door.latest(2, ())) == ["i29", "i28"]
    assert ids(door.latest(2, ("kitchen",))) == ["i28", "i26"]
    assert ids(door.trending(1, ()))[0] in {"i10", "i11", "i12", "i13"}
    assert {*ids(door.falling(2, ()))} <= {"i0", "i1", "i2", "i3"}
    assert len(door.falling(2, ()).items) == 2
    assert ids(door.similar("i4", 1, ()))[0] in {"i2", "i6"}
    assert len(door.similar("i4", 3, ("garden",)).items) == 3


def test_an_item_is_told_as_the_catalogue_has_it(run):
    door = answers_of(run)
    item = door.item("i4")
    assert (item.title, item.text, item.categories) == (
        *("kitchen thing 4", "what it is", ("kitchen",)),
    )
    assert item.attributes == {"price": 4, "maker": "m"}
    assert item.taken == pytest.approx(6, rel=0.1)
    with pytest.raises(UnknownError, match="'nothing'"):
        door.item("nothing")
    run.process([raw(72, event(72, 0, 77))])
    assert door.item("i77").title == "i77"


def test_search_goes_by_words_and_is_put_in_order_for_a_user(run):
    door = answers_of(run)
    assert ids(door.search("kitchen thing 8", None, 1, ())) == ["i8"]
    assert all(
        one.categories == ("garden",) for one in door.search("thing", None, 9, ("garden",)).items
    )
    odd, even = (ids(door.search("thing", user, 10, ())) for user in ("u1", "u0"))
    assert odd != even


def test_what_is_known_of_a_user(run):
    door = answers_of(run)
    like = door.neighbours("u0", 2).users
    assert [one.user_id for one in like] == ["u2", "u4"]
    assert like[0].score == pytest.approx(1.0)
    assert {*like[0].shared} == {f"i{n}" for n in range(0, 12, 2)}
    assert {one.user_id for one in door.neighbours("u0", 9).users} <= {
        f"u{n}" for n in range(2, 12, 2)
    }
    history = door.history("u0", 2)
    assert [(one.item_id, one.ts) for one in history.events] == [
        ("i10", 1.7e9 + 60),
        ("i8", 1.7e9 + 48),
    ]
    profile = door.profile("u0")
    assert profile.profile[0].category == "kitchen"
    assert profile.profile[0].liking > 0.5
    assert door.intent("u0").is_known
    for answer in (door.intent("new"), door.profile("new"), door.history("new", 1)):
        assert not answer.is_known
    assert door.neighbours("new", 3).users == ()


def test_leaderboards_are_orders_of_items_with_their_scores(run):
    boards = {"least": leaderboard_of("taken > 0", "-taken"), "late": leaderboard_of(None, "idle")}
    door = answers_of(run, leaderboards=boards)
    answer, popular = door.leaderboard("least", 30, ()), door.popular(30, ())
    assert sorted(ids(answer)) == sorted(ids(popular))
    assert [one.score for one in answer.items] == sorted(
        -run_taken(run, one) for one in ids(answer)
    )[::-1]
    assert set(ids(door.leaderboard("least", 30, ("garden",)))) < set(ids(answer))
    assert door.leaderboard("late", 3, ()).items == ()  # times are counted where it is configured
    with pytest.raises(UnknownError, match="there are: late, least"):
        door.leaderboard("most", 3, ())


def run_taken(run, item_id):
    return answers_of(run).item(item_id).taken


def test_lists_that_were_handed_out_are_forgotten_in_their_order():
    memory = HandedOut(lists=2, places=5)
    memory.put("u", "1", ("a", "b"))
    memory.put("u", "2", ("c",))
    memory.put(None, "3", ("d",))
    with pytest.raises(BadRequestError, match="newest 2"):
        memory.held("u", "1")
    with pytest.raises(BadRequestError):
        memory.held("u", "3")
    assert memory.held(None, "3") == ("d",)
    memory.put("u", "4", ("e",) * 5)
    assert len(memory) == 1


def test_pages_are_remembered_with_where_they_begin(run):
    memory, door = HandedOut(), answers_of(run)
    door._lists._handed_out = memory
    first = door.recommend("u0", ListRequest(k=3))
    after = door.recommend("u0", ListRequest(k=3, after=first.list_id))
    beyond = door.recommend("u0", ListRequest(k=3, offset=3))
    for page in (first, after, beyond):
        part = memory.named("u0", page.list_id)
        assert list(part.item_ids[part.first :]) == ids(page)
        assert part.first == page.items[0].place - 1
    nobody = door.recommend_anonymous(ListRequest(k=3))
    assert list(memory.named("whoever", nobody.list_id).item_ids) == ids(nobody)
    assert memory.named("u1", first.list_id) is None


def sent(sequence, *item_ids):
    items = [{"item_id": one, "title": ""} for one in item_ids]
    return json.dumps({"user_id": "u", "items": items, "sequence": sequence}).encode()


def test_lists_that_were_sent_are_found_by_their_sequence_and_forgotten_in_their_order():
    lists = SentLists(3)
    for sequence in (2, 5, 9):
        lists.put("u", sent(sequence, f"i{sequence}"))
    assert [lists.find("u", str(one)) for one in (2, 5, 9)] == [
        *((("i2",), 0), (("i5",), 0), (("i9",), 0)),
    ]
    for other in ("3", "10", "05", "", "-5", "5.0", "9" * 20, "²"):
        assert lists.find("u", other) is None
    assert lists.find("v", "5") is None
    lists.put("v", sent(1))
    assert lists.find("u", "2") is None
    assert lists.find("v", "1") == ((), 0)
    assert len(lists) == 3


def test_parts_of_lists_that_were_sent_are_known_by_what_a_store_calls_them():
    memory = HandedOut()
    memory.sent.put("u", sent(12, "a", "b", "c", "d"))
    name = list_id(12, ListRequest(k=2, explain=True), 1, 3)
    assert memory.named("u", name) == (("a", "b", "c"), 1)
    assert memory.named("v", name) is None
    assert memory.named("u", list_id(11, ListRequest(), 1, 3)) is None
    assert memory.named("u", list_id(12, ListRequest(exclude=("a",)), 0, 3)) is None
    assert memory.named("u", "12") == (("a", "b", "c", "d"), 0)


def test_messages_of_lists_take_no_more_memory_than_they_may():
    message = sent(1, "i1")
    lists = SentLists(100, 3 * len(message))
    for number in range(20):
        lists.put(f"u{number}", message)
    assert len(lists) == len(lists._by_user) == 3
    assert lists.find("u19", "1") == (("i1",), 0)


def test_who_is_closed_answers_nothing(run):
    door = answers_of(run)
    door.close()
    with pytest.raises(NotReadyError, match="stopping"):
        door.recommend("u0", ListRequest())
    with pytest.raises(NotReadyError, match="stopping"):
        door.popular(1, ())
