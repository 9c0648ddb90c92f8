"""A signal of somebody else's, in a file of its own: ranked by, stored, taken back, told of."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from penchant_signal_price_range import PriceRange

from learners.online_model import OnlineModel
from learners.ranking.columns import COLUMNS, FEATURES, SIGNALS
from learners.settings import LearnerSettings
from learners.signals.added import SURE, SignalError, makers_of
from learners.signals.signal import Signal, SignalMaker
from learners.state.records import ITEM_KIND
from learners.testing import Feed, RecordTable, listed, small, unit
from learners.types import Interaction, Item, Retraction
from tests.learners.signals.by_protocol import Together, Trending

ITEMS = 600
WHY = "costs about as much as recent choices"


def purchases(count: int, seed: int = 0, users: int = 800) -> list[Interaction]:
    """Return purchases of users who keep to their price range, and choose evenly within it."""
    draw = np.random.default_rng(seed)
    prices, levels = 2.0 ** draw.uniform(2, 12, ITEMS), draw.uniform(2.5, 11.5, users)
    near = [np.flatnonzero(np.abs(np.log2(prices) - level) < 0.25).tolist() for level in levels]
    events: list[Interaction] = []
    for at in range(count):
        user = int(draw.integers(users))
        if near[user]:
            item = near[user].pop(int(draw.integers(len(near[user]))))
            price, ts = float(prices[item]), 1.7e9 + 60.0 * at
            who, what = f"u{user}", f"i{item}"
            event = Interaction(len(events), f"e{at}", who, what, "buy", ts, value=price)
            events.append(event)
    return events


def shop(*signals: SignalMaker, load: Any = None, **changes: Any) -> OnlineModel:
    model = OnlineModel(small(**changes), *([load] if load else []), signals=signals)
    for number in range(ITEMS):
        model.put_item(Item(f"i{number}", f"thing {number}"))
    return model


def hits(model: OnlineModel, events: Sequence[Interaction]) -> np.ndarray[Any, Any]:
    """Return for each event whether its item was among the first ten, before it was learnt."""
    found = []
    for event in events:
        ranking = model.rank(event.user_id, event.ts)
        best = np.argsort(-ranking.scores, kind="stable")[:10]
        found.append(event.item_id in [ranking.ids[place] for place in best])
        model.learn(event)
    return np.array(found, np.float64)


def kept(model: OnlineModel) -> RecordTable:
    shelf = RecordTable()
    shelf.keep(model.changed())
    return shelf


def price_of(model: OnlineModel, item: str) -> Any:
    return model.signals.added.signals[0].item_state(model.signals.items.index[item])


def test_lists_hit_more_often_with_it_and_it_is_named_among_the_reasons() -> None:
    events = purchases(2_500)
    model = shop(PriceRange)
    gain = (hits(model, events) - hits(shop(), events))[len(events) // 3 :]
    draw = np.random.default_rng(0)
    means = [gain[draw.integers(len(gain), size=len(gain))].mean() for _ in range(1_000)]
    assert np.percentile(means, 2.5) > 0.04
    told = [entry.reasons for user in range(40) for entry in model.recommend(f"u{user}").entries]
    assert sum(WHY in reasons for reasons in told) > len(told) / 4
    assert model.columns == (*FEATURES, "price_near", "price_above")
    assert model.layout.groups == (*SIGNALS, "price_range")


def test_a_state_goes_on_bit_for_bit_wherever_it_was_stored() -> None:
    events = purchases(400)
    whole = shop(PriceRange, Together)
    for event in events:
        whole.learn(event)
    shelf = RecordTable()
    for start in range(0, len(events), 90):
        model = OnlineModel(small(), shelf.get, signals=(PriceRange, Together))
        model.restore(shelf.scan)
        for number in range(ITEMS):
            model.put_item(Item(f"i{number}", f"thing {number}"))
        for event in events[start : start + 90]:
            model.learn(event)
        shelf.keep(model.changed())
        for event in events[start + 90 : start + 120]:  # lost: never stored
            model.learn(event)
    last = OnlineModel(small(), shelf.get, signals=(PriceRange, Together))
    last.restore(shelf.scan)
    assert kept(whole).records == shelf.records
    for number in range(ITEMS):  # titles are the catalogue's to tell
        last.put_item(Item(f"i{number}", f"thing {number}"))
    for user in ("u1", "u2", "u3"):
        assert whole.recommend(user).entries == last.recommend(user).entries


def test_an_event_that_is_taken_back_was_never_counted() -> None:
    events = purchases(300)
    model, without = shop(PriceRange), shop(PriceRange)
    for event in events:
        model.learn(event)
    gone = {event.event_id for event in events[-60::2]}
    for event in events:
        if event.event_id in gone:
            assert model.retract(Retraction(event.user_id, event.event_id)) == "all"
        else:
            without.learn(event)
    for number in range(ITEMS):
        mine, theirs = price_of(model, f"i{number}"), price_of(without, f"i{number}")
        assert (mine is None) == (theirs is None)
        assert mine is None or mine == pytest.approx(theirs)


def test_what_an_event_brought_is_remembered_over_a_restart_and_taken_back_once() -> None:
    feed = Feed(shop(PriceRange))
    feed("ann", "i1", value=8.0)
    feed("bob", "i1", value=32.0)
    feed("cid", "i1", value=float("nan"))
    feed("dan", "i1")
    assert price_of(feed.model, "i1") == [2.0, 8.0]
    shelf = kept(feed.model)
    model = OnlineModel(small(), shelf.get, signals=(PriceRange,))
    model.restore(shelf.scan)
    for event, user in enumerate(("ann", "bob", "cid", "dan")):
        assert model.retract(Retraction(user, f"e{event}")) == "all"
        assert model.retract(Retraction(user, f"e{event}")) == "nothing"
        assert price_of(model, "i1") == ([1.0, 5.0] if event == 0 else None)


def test_a_removed_item_is_forgotten_and_what_it_had_is_not_taken_back_again() -> None:
    feed = Feed(shop(PriceRange))
    feed("ann", "i1", value=8.0)
    feed("ann", "i2", value=8.5)
    feed.model.remove_item("i1")
    assert price_of(feed.model, "i1") is None
    feed.model.put_item(Item("i1", "thing 1 again"))
    feed("bob", "i1", value=16.0)
    assert feed.model.retract(Retraction("ann", "e0")) == "all"
    assert price_of(feed.model, "i1") == [1.0, 4.0]
    feed.model.remove_item("i1")
    feed("bob", "i2", value=8.5)
    assert "i1" not in listed(feed.model, "bob", 30)


def test_another_encoder_moves_what_is_of_vectors_and_leaves_the_rest() -> None:
    class OfVectors(Signal):
        name = "of_vectors"
        spaces: ClassVar[list[int]] = []

        def move(self, space: Any) -> list[int]:
            self.spaces.append(int(space.has.sum()))
            return [3]

    model = OnlineModel(small(dim=12), signals=(PriceRange, OfVectors))
    for number in range(20):
        model.put_item(Item(f"i{number}", f"thing {number}", vector=unit(number)))
    feed = Feed(model)
    for event in range(40):
        feed(f"u{event % 5}", f"i{event * 7 % 20}", value=2.0 + event % 20)
    before = [price_of(model, f"i{number}") for number in range(20)]
    list(model.changed())
    reencoding = model.reencoding()
    for number in range(20):
        reencoding.put_item(f"i{number}", unit(100 + number))
    while reencoding.step(lambda texts: [None] * len(texts), 50):
        pass
    model.switch(reencoding)
    assert [price_of(model, f"i{number}") for number in range(20)] == before
    assert OfVectors.spaces == [20]
    assert (ITEM_KIND, "3") in [(kind, key) for kind, key, _ in model.changed()]
    assert listed(model, "u1")


def test_a_new_signal_begins_with_nothing_and_changes_no_score(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = purchases(500)
    before = shop()
    for event in events[:300]:
        before.learn(event)
    shelf = kept(before)
    model = OnlineModel(small(), shelf.get, signals=(PriceRange,))
    model.restore(shelf.scan)
    user = events[299].user_id
    mine, theirs = model.rank(user), before.rank(user)
    scores = dict(zip(mine.ids, mine.scores, strict=True))
    for item, score in zip(theirs.ids, theirs.scores, strict=True):
        assert scores[item] == pytest.approx(score, abs=1e-5)
    assert [item for item in mine.ids if item not in theirs.ids] == []
    # What was counted before it was there is not taken back from it.
    assert model.retract(Retraction(user, events[299].event_id)) == "all"
    for event in events[300:]:
        model.learn(event)
    taken = {event.item_id for event in events[300:]}
    assert all((price_of(model, f"i{n}") is None) == (f"i{n}" not in taken) for n in range(ITEMS))
    assert not caplog.records


def test_one_that_is_gone_is_dropped_with_a_line_and_begins_anew_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = purchases(500)
    model = shop(PriceRange)
    for event in events[:300]:
        model.learn(event)
    shelf = kept(model)
    with caplog.at_level(logging.WARNING):
        without = OnlineModel(small(), shelf.get)
        without.restore(shelf.scan)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "the stored state has a signal 'price_range' that is not added any more "
        "(learner.signals): what it counted is dropped, and its columns (price_near, price_above) "
        "with it"
    )
    assert without.columns == FEATURES
    for event in events[300:310]:
        without.learn(event)
    shelf.keep(without.changed())
    for _ in range(2):  # what items still hold of before is not taken up by the second start either
        back = OnlineModel(small(), shelf.get, signals=(PriceRange,))
        back.restore(shelf.scan)
        (signal,) = back.signals.added.signals
        assert all(signal.item_state(item) is None for item in range(len(back.signals.items)))
        back.put_item(Item("new", "a new thing"))
        shelf.keep(back.changed())


def test_ours_written_as_one_of_others_say_the_same_as_the_compiled_loops() -> None:
    model = OnlineModel(small(neighbours=384), signals=(Trending, Together))
    draw, feed, done = np.random.default_rng(3), Feed(model), []
    for item in range(60):
        model.put_item(Item(f"i{item}", f"thing {item}"))
    for event in range(400):
        user, item = f"u{int(draw.integers(25))}", f"i{int(draw.random() ** 2 * 60)}"
        done.append((user, f"e{feed.position}"))
        weight, ts = (1.0, 4.0)[event % 3 == 0], 1e9 + event // 2 * 40.0
        feed(user, item, ts=ts, weight=weight)
        if event % 25 == 20:
            model.retract(Retraction(*done[-int(draw.integers(1, 20))]))
        if event % 90 == 45:
            model.remove_item(f"i{event % 60}")
    columns = model.columns
    compared = 0
    for user in range(25):
        model.rank(f"u{user}", 2e9)
        batch = model.peek
        assert batch is not None
        for ours, theirs in (("trending", "trending_again"), ("together", "together_again")):
            mine, same = (batch.raw[:, columns.index(name)] for name in (ours, theirs))
            np.testing.assert_allclose(same, mine, rtol=1e-3, atol=1e-3, err_msg=ours)
            compared += int(np.count_nonzero(mine > mine.min()))
    assert compared > 300


class Named(Signal):
    name = "mine"

    def __init__(self, **more: Any) -> None:
        for key, value in more.items():
            setattr(self, key, value)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"name": "together"}, "brings the name 'together', which there is already; give it anoth"),
        (
            {"columns": ("pull",)},
            "the signal 'mine' brings the name 'pull', which there is already",
        ),
        ({"columns": ("a", "a")}, "brings the name 'a', which there is already"),
        ({"name": "My Own"}, "names are small letters, digits and _, at most 40, and begin with"),
        ({"name": ""}, "names are small letters"),
    ],
)
def test_names_are_its_own(more: dict[str, Any], told: str) -> None:
    with pytest.raises(SignalError, match=told):
        OnlineModel(small(), signals=[lambda: Named(**more)])


def test_two_components_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two components are named 'fresh'"):
        OnlineModel(small(), signals=[lambda: Named(name="fresh")])


def failing(*_: object) -> Any:
    raise KeyError("no such\nprice")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"columns": ("a",)},
            "failed in features: NotImplementedError: the signal 'mine' has colu",
        ),
        (
            {"columns": ("a",), "features": lambda ids, _: np.zeros((2, len(ids)))},
            r"\(2, \d+\); th",
        ),
        ({"candidates": lambda _: np.array([10_000])}, "an item with a number outside of 0 to 599"),
        ({"candidates": lambda _: np.array([0.5])}, r"it must name item numbers \(n,\) int32"),
        (
            {"count": failing},
            "failed in count: KeyError: 'no such.*price'; mend it, or take it out",
        ),
    ],
)
def test_what_is_wrong_within_is_told_on_one_line(more: dict[str, Any], told: str) -> None:
    feed = Feed(shop(lambda: Named(**more)))
    with pytest.raises(SignalError, match=told) as raised:
        feed("ann", "i1")
    assert "\n" not in str(raised.value)
    assert "'mine'" in str(raised.value)


def test_a_number_that_is_not_finite_counts_as_nothing_and_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def features(ids: Any, _: Any) -> Any:
        return np.where(ids % 2 == 0, np.nan, 1.0)[None]

    feed = Feed(shop(lambda: Named(columns=("a",), features=features)))
    for event in range(5):
        feed("ann", f"i{event}")
    batch = feed.model.open
    assert batch is not None
    column = batch.raw[:, feed.model.columns.index("a")]
    np.testing.assert_array_equal(column, np.where(batch.ids % 2 == 0, 0.0, 1.0))
    assert feed.model.signals.added.mended["mine"] >= 20
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_what_it_names_first_is_ranked_whatever_else_is_named() -> None:
    wanted = np.arange(500, 599, dtype=np.int32)
    feed = Feed(shop(lambda: Named(candidates=lambda _: wanted), candidates=40))
    for event in range(120):
        feed(f"u{event % 9}", f"i{event * 7 % 200}")
    batch = feed.model.open
    assert batch is not None
    assert {*wanted[:SURE].tolist()} <= {*batch.ids.tolist()}
    assert len(batch.ids) == 40 + SURE


def test_the_setting_names_what_a_package_brings(foreign: Any) -> None:
    code = (
        "from learners.signals.signal import Signal\n"
        "class Mine(Signal):\n    name = 'mine'\n    columns = ('mine_a',)\n"
        "    def features(self, ids, moment):\n        return [[0.0] * len(ids)]\n"
        "nothing = 5\n"
    )
    foreign({"penchant.signals:mine": "Mine", "penchant.signals:five": "nothing"}, code)
    model = OnlineModel(LearnerSettings(signals=("mine",)))
    assert model.columns == (*FEATURES, "mine_a")
    with pytest.raises(
        SignalError, match=r"'gone', which no installed package brings \(there are: five, mine, "
    ):
        makers_of(["gone"])
    with pytest.raises(SignalError, match=r"'five' of somebodys-package 1\.0 is no class of"):
        makers_of(["five"])


def test_our_columns_are_named_once_each_and_belong_to_signals_that_there_are() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert {column.signal for column in COLUMNS} == {"", *SIGNALS}
