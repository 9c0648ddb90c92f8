"""The pipeline of components: what one's own component does to lists, and what is counted."""

from __future__ import annotations

from itertools import count, pairwise

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.ranking.components import NamedSource, Passed, Watch
from learners.testing import Feed, RecordTable, Tastes, grown_model, listed
from learners.types import Item

K = 10


class Without:
    """A rule: items of a topic may not be shown."""

    def __init__(self, model: OnlineModel, *topics: str, name: str = "rule") -> None:
        self.name = name
        self.ids, self.topics = model.signals.items.ids, topics

    def keep(self, ids, _context):
        return np.array([not self.ids[n].startswith(self.topics) for n in ids.tolist()], bool)


class OneOfEach:
    """A selector: the best of each topic first, then the next best of each."""

    name = "one of each"

    def __init__(self, model: OnlineModel) -> None:
        self.ids = model.signals.items.ids

    def select(self, batch, scores, k):
        rounds: dict[str, int] = {}
        keys = []
        for place in np.lexsort((batch.ids, -scores)).tolist():
            topic = self.ids[batch.ids[place]].split("-")[0]
            rounds[topic] = rounds.get(topic, 0) + 1
            keys.append((rounds[topic], place))
        best = sorted(range(len(keys)), key=lambda at: (keys[at][0], at))
        return np.array([keys[at][1] for at in best[:k]], np.intp)


class Raised:
    name = "raised"

    def __init__(self, model: OnlineModel, item: str) -> None:
        self.number = model.signals.items.index[item]

    def score(self, batch, scores):
        return scores + np.where(batch.ids == self.number, np.float32(100), np.float32(0))


def grown(events: int = 150, **changes) -> tuple[OnlineModel, Tastes]:
    world = Tastes()
    return grown_model(world, events, prior="none", **changes).model, world


def topics(ids: list[str]) -> list[str]:
    return [item.split("-")[0] for item in ids]


def test_a_filter_of_ones_own_hides_what_it_will_and_lists_stay_long() -> None:
    model, world = grown()
    assert any("topic0" in topics(listed(model, user, K)) for user in world.users)
    model.pipeline.put(filters=(Without(model, "topic0"),))
    for user in [*world.users, "nobody"]:
        ids = listed(model, user, K)
        assert len(ids) == K
        assert "topic0" not in topics(ids)
    assert all(not item.startswith("topic0") for item in model.rank("u0").ids)


def test_what_most_rules_hide_is_filled_from_the_whole_catalogue() -> None:
    model, world = grown()
    model.pipeline.put(filters=(Without(model, "topic0", "topic1", "topic2"),))
    for user in world.users[:3]:  # of the topics that are hidden
        assert topics(listed(model, user, K)) == ["topic3"] * K
    model.pipeline.put(filters=(Without(model, "topic3", name="another"),))
    assert listed(model, "u0", K) == []


def test_a_filter_holds_where_choices_are_learnt_too() -> None:
    model, world = grown()
    model.pipeline.put(filters=(Without(model, "topic0"),))
    feed = Feed(model)
    for _ in range(20):
        world.step(feed)
        assert model.open is not None
        assert "topic0" not in topics([model.signals.items.ids[n] for n in model.open.ids])


def test_a_selector_of_ones_own_chooses() -> None:
    model, world = grown()
    model.pipeline.put(selector=OneOfEach(model))
    for user in world.users:
        ids = [entry.item_id for entry in model.recommend(user, K).entries]
        assert len(set(ids)) == K
        assert len(set(topics(ids[:4]))) == 4
    assert any(before != after for before, after in pairwise(topics(ids)))


@pytest.mark.parametrize("hidden", [("topic0",), ("topic0", "topic1", "topic2")])
def test_what_a_last_filter_leaves_out_is_filled_from_the_reserve(hidden: tuple[str, ...]) -> None:
    model, world = grown()
    whole = {user: listed(model, user, 40) for user in world.users}
    model.pipeline.put(last_filters=(Without(model, *hidden),))
    for user in world.users:
        ids = listed(model, user, K)
        assert len(ids) == K
        assert not set(hidden) & set(topics(ids))
        left = [item for item in whole[user] if not item.startswith(hidden)]
        if len(left) >= K:
            assert ids == left[:K]


def test_a_last_filter_that_leaves_out_all_leaves_an_empty_list() -> None:
    model, _ = grown(30)
    model.pipeline.put(last_filters=(Without(model, "topic"),))
    assert model.recommend("u0").entries == ()


def test_a_source_and_a_scorer_of_ones_own() -> None:
    model, _ = grown(candidates=200)
    model.put_item(Item("topic9-new", "unheard of"))
    number = model.signals.items.index["topic9-new"]
    for _ in range(10):  # no longer among those that are new
        model.put_item(Item(f"topic8-{_}", "unheard of"))
    assert "topic9-new" not in model.rank("u0").ids
    named = NamedSource("hand", lambda _: np.array([number], np.int32))
    model.pipeline.put(sources=(named,), scorers=(Raised(model, "topic9-new"),))
    assert listed(model, "u0", K)[0] == "topic9-new"


def test_a_rule_that_keeps_all_changes_no_bit() -> None:
    def played(rule: bool) -> tuple[list[bytes], dict]:
        world = Tastes(seed=3)
        feed = grown_model(world, 5)
        if rule:
            all_of_it = Without(feed.model, "nothing", name="again and last")
            feed.model.pipeline.put(filters=(Without(feed.model, "nothing"),))
            feed.model.pipeline.put(last_filters=(all_of_it,))
            feed.model.pipeline.watch = Watch()
        seen = []
        for _ in range(60):
            world.step(feed)
            seen += [feed.model.rank("u1").scores.tobytes(), repr(feed.model.recommend("u2"))]
        shelf = RecordTable()
        shelf.keep(feed.model.changed())
        return seen, shelf.records

    assert played(False) == played(True)


def test_what_passes_each_component_is_counted_by_name() -> None:
    model, _ = grown()
    model.pipeline.put(
        filters=(Without(model, "topic0"),), last_filters=(Without(model, "x", name="last"),)
    )
    watch = model.pipeline.watch = Watch()
    ids = listed(model, "u1", K)
    passed = watch.passed
    assert set(passed) <= set(model.pipeline.names)
    assert set(model.pipeline.names) - set(passed) == {"random", "reserve"}
    assert passed["rule"].entered > passed["rule"].stayed == passed["shortlist"].entered
    assert passed["known"].stayed == passed["rule"].entered
    assert passed["gone"].entered == passed["gone"].stayed == passed["known"].entered
    assert passed["known"].entered - passed["known"].stayed > 0  # what the user had
    scored = Passed(passed["features"].stayed, passed["features"].stayed, 0.0)
    assert passed["features"] == passed["network"] == passed["answers"] == scored
    assert passed["top"] == Passed(scored.stayed, K, 0.0)
    assert passed["last"] == Passed(K, len(ids), 0.0)
    model.remove_item(ids[0])
    model.recommend("u1")
    assert watch.passed["gone"].entered > watch.passed["gone"].stayed
    model.rank("u1")
    assert watch.passed["random"].stayed > 0


def test_times_are_taken_where_there_is_a_clock() -> None:
    model, _ = grown(40)
    ticks = count()
    watch = model.pipeline.watch = Watch(lambda: float(next(ticks)))
    model.recommend("u1")
    assert {passed.seconds for passed in watch.passed.values()} == {1.0}
    model.recommend("u1")
    assert {passed.seconds for passed in watch.passed.values()} == {2.0}


def test_two_components_of_one_name_are_refused() -> None:
    model, _ = grown(5)
    with pytest.raises(ValueError, match="two components are named 'popular'"):
        model.pipeline.put(filters=(Without(model, "x", name="popular"),))
