from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learners.codec import DamagedError, StateError, pack, unpack
from learners.online_model import OnlineModel
from learners.ranking.columns import FEATURES, RETURNS, SEARCH
from learners.ranking.preference_learner import PreferenceLearner, layers_of
from learners.ranking.prior import BATCHES, STEPS, Prior, packaged_prior, read_prior
from learners.settings import LearnerSettings
from learners.state.records import SHARED_KIND, SHARED_VERSION
from learners.testing import DIM, Feed, RecordTable, Tastes, listed, small, unit
from learners.types import Item

HIDDEN = 6


def prior_of(columns: tuple[str, ...], seed: int = 0, **made_of: Any) -> Prior:
    draw, features = np.random.default_rng(seed), len(columns)
    size = features * HIDDEN + 2 * HIDDEN + features
    state = {
        "averaged": draw.normal(size=size),
        "mean_square": draw.random(size),
        "mean": draw.normal(size=features),
        "variance": draw.random(features) + 0.5,
    }
    return Prior(columns, HIDDEN, state, made_of)


def learner(state: Any, columns: tuple[str, ...]) -> PreferenceLearner:
    made = PreferenceLearner(len(columns), HIDDEN, 0.01)
    made.restore(state)
    return made


def scores(state: Any, columns: tuple[str, ...], rows: Any) -> Any:
    one = learner(state, columns)
    return one.score(one.scaled(rows.astype(np.float32)))


def test_what_is_written_is_read_back() -> None:
    prior = prior_of(("a", "b", "c"), streams=7)
    again = read_prior(prior.packed())
    assert again.packed() == prior.packed()
    assert again.fingerprint == prior.fingerprint
    assert (again.columns, again.hidden, again.made_of) == (("a", "b", "c"), 6, {"streams": 7})


def test_the_fingerprint_is_of_all_that_is_in_it() -> None:
    columns = ("a", "b", "c")
    others = [prior_of(columns, 1), prior_of(("a", "c", "b")), prior_of(columns, streams=8)]
    prints = {one.fingerprint for one in (prior_of(columns), *others)}
    assert len(prints) == 4
    assert prior_of(columns).fingerprint in prints


@pytest.mark.parametrize(
    ("blob", "what"),
    [
        (b"", "are not a stored state"),
        (b"not at all", "not a stored state"),
        (pack("other", 1, {}), "kind 'other'"),
        (pack("prior", 2, {}), "version 2; this release reads 1"),
        (pack("prior", 1, {"columns": ["a"]}), "damaged"),
        (prior_of(("a", "b")).packed()[:-9], "not a stored state"),
    ],
)
def test_what_is_no_prior_is_refused(blob: bytes, what: str) -> None:
    with pytest.raises(StateError, match=what):
        read_prior(blob)


@pytest.mark.parametrize("name", ["weights", "mean_square", "mean", "variance"])
def test_weights_that_cannot_be_are_refused(name: str) -> None:
    stored = unpack(prior_of(("a", "b")).packed(), "prior", 1)
    with pytest.raises(DamagedError, match=f"its {name} are not the"):
        read_prior(pack("prior", 1, {**stored, name: stored[name][1:]}))
    stored[name][0] = np.nan
    with pytest.raises(DamagedError, match=f"its {name} hold a number that is not finite"):
        read_prior(pack("prior", 1, stored))


def test_a_start_counts_as_so_many_steps_and_batches() -> None:
    start = prior_of(("a", "b")).start(("a", "b"), HIDDEN)
    assert start is not None
    assert (start["steps"], start["batches"]) == (STEPS, BATCHES)
    assert not start["mean_gradient"].any()
    assert np.array_equal(start["weights"], start["averaged"])


def test_columns_are_found_by_their_names() -> None:
    prior, rows = prior_of(("a", "b", "c")), np.random.default_rng(3).normal(size=(9, 3))
    whole = scores(prior.start(("a", "b", "c"), HIDDEN), ("a", "b", "c"), rows)
    turned = scores(prior.start(("c", "a", "b"), HIDDEN), ("c", "a", "b"), rows[:, [2, 0, 1]])
    assert turned == pytest.approx(whole, abs=1e-5)


def test_a_column_that_the_prior_lacks_begins_at_nothing() -> None:
    prior, rows = prior_of(("a", "b")), np.random.default_rng(3).normal(size=(9, 3))
    whole = scores(prior.start(("a", "b"), HIDDEN), ("a", "b"), rows[:, :2])
    wider = scores(prior.start(("a", "b", "new"), HIDDEN), ("a", "b", "new"), rows)
    assert wider == pytest.approx(whole, abs=1e-5)


def test_a_column_that_is_not_there_counts_as_zero() -> None:
    prior, rows = prior_of(("a", "b", "late")), np.random.default_rng(3).normal(size=(9, 3))
    rows[:, 2] = 0.0
    whole = scores(prior.start(prior.columns, HIDDEN), prior.columns, rows)
    without = scores(prior.start(("a", "b"), HIDDEN), ("a", "b"), rows[:, :2])
    # The same for every row but for what the linear part gives to all of them.
    assert without - without[0] == pytest.approx(whole - whole[0], abs=1e-4)


def test_a_column_that_comes_late_has_the_weights_of_the_prior() -> None:
    prior, rows = prior_of(("a", "b", "late")), np.random.default_rng(3).normal(size=(9, 3))
    rows[:5, 2] = 0.0
    start = prior.start(("a", "b"), HIDDEN)
    assert start is not None
    grown = prior.grown(start, ("a", "b"), prior.columns)
    whole = scores(prior.start(prior.columns, HIDDEN), prior.columns, rows)
    assert scores(grown, prior.columns, rows) == pytest.approx(whole, abs=1e-4)
    assert np.array_equal(layers_of(grown["weights"], 3, HIDDEN)[0][2], prior_row(prior, 2))


def prior_row(prior: Prior, place: int) -> Any:
    start = prior.start(prior.columns, prior.hidden)
    assert start is not None
    return layers_of(start["weights"], len(prior.columns), prior.hidden)[0][place]


def test_what_was_learnt_meanwhile_stays_when_a_column_comes() -> None:
    prior, draw = prior_of(("a", "b", "late")), np.random.default_rng(4)
    one = learner(prior.start(("a", "b"), HIDDEN), ("a", "b"))
    for _ in range(50):
        rows = draw.normal(size=(9, 2)).astype(np.float32)
        one.learn(one.scaled(rows), int(rows[:, 0].argmax()))
    rows = draw.normal(size=(9, 2)).astype(np.float32)
    before = one.score(one.scaled(rows))
    grown = prior.grown(one.state(), ("a", "b"), prior.columns)
    after = scores(grown, prior.columns, np.column_stack((rows, np.zeros(9))))
    assert after - after[0] == pytest.approx(before - before[0], abs=1e-4)


def test_without_a_prior_ranking_starts_from_chance() -> None:
    model = OnlineModel(LearnerSettings(prior="none", seed=5))
    chance = PreferenceLearner(len(FEATURES), 48, 0.0015, 5)
    assert model.began_with is None
    for name, value in chance.state().items():
        assert np.array_equal(model.preference.state()[name], value), name


def test_another_hidden_layer_starts_from_chance() -> None:
    model = OnlineModel(LearnerSettings(hidden=47))
    assert model.began_with is None
    assert model.preference.steps == 0
    assert packaged_prior().start(FEATURES, 47) is None


def test_a_file_is_for_the_caller_to_read() -> None:
    with pytest.raises(ValueError, match=r"prior is 'some\.msgpack': read that file with"):
        OnlineModel(LearnerSettings(prior="some.msgpack"))
    prior = packaged_prior()
    model = OnlineModel(LearnerSettings(prior="some.msgpack"), prior=prior)
    assert model.began_with == prior.fingerprint


def test_the_packaged_prior_knows_every_column_that_needs_no_language_model() -> None:
    assert set(packaged_prior().columns) == {*FEATURES, *RETURNS, *SEARCH}
    assert packaged_prior().hidden == LearnerSettings().hidden
    assert packaged_prior().made_of["simulated"]


def grown_with_prior(shelf: RecordTable | None = None, events: int = 60, **more: Any) -> Feed:
    """A shop of tastes with the packaged prior, and a search half way."""
    settings = small(dim=DIM, hidden=48, **more)
    world = Tastes()
    model = OnlineModel(settings, shelf.get) if shelf else OnlineModel(settings)
    for item in world.catalogue():
        model.put_item(item)
    feed = Feed(model)
    for number in range(events):
        if number == events // 2:
            feed("u1", None, vector=unit(7, world.centres["topic2"]), text="topic")
        world.step(feed)
    return feed


def test_a_state_that_began_with_a_prior_goes_on_bit_for_bit() -> None:
    shelf = RecordTable()
    feed = grown_with_prior(shelf)
    shelf.keep(feed.model.changed())
    again = OnlineModel(feed.model.settings, shelf.get)
    again.restore(shelf.scan)
    for item in Tastes().catalogue():
        again.put_item(item)
    assert again.began_with == packaged_prior().fingerprint
    for name, value in feed.model.preference.state().items():
        assert np.array_equal(again.preference.state()[name], value), name
    assert listed(again, "u1") == listed(feed.model, "u1")


def test_a_stored_state_is_not_touched_by_another_prior() -> None:
    shelf = RecordTable()
    feed = grown_with_prior(shelf, prior="none")
    shelf.keep(feed.model.changed())
    again = OnlineModel(small(dim=DIM, hidden=48), shelf.get)
    again.restore(shelf.scan)
    assert again.began_with is None
    assert np.array_equal(
        again.preference.state()["weights"], feed.model.preference.state()["weights"]
    )


def test_a_state_of_the_release_before_says_that_it_had_no_prior() -> None:
    shelf = RecordTable()
    feed = grown_with_prior(shelf, events=20, prior="none")
    shelf.keep(feed.model.changed())
    state = unpack(shelf.records[SHARED_KIND, "all"], SHARED_KIND, SHARED_VERSION)
    del state["prior"]
    shelf.records[SHARED_KIND, "all"] = pack(SHARED_KIND, SHARED_VERSION, state)
    again = OnlineModel(small(dim=DIM, hidden=48), shelf.get)
    again.restore(shelf.scan)
    assert again.began_with is None
    assert again.preference.steps == feed.model.preference.steps


def test_the_first_search_is_answered() -> None:
    feed = grown_with_prior(events=4)
    world = Tastes()
    for topic in world.topics:
        user = f"seeker of {topic}"
        feed(user, None, vector=unit(9, world.centres[topic]), text="something")
        assert listed(feed.model, user)[0].startswith(topic)


def test_what_anybody_took_comes_before_what_nobody_did() -> None:
    model = OnlineModel(LearnerSettings())
    for name in "abcde":
        model.put_item(Item(name, f"thing {name}", ("X",)))
    feed = Feed(model)
    for turn in range(8):
        feed(f"p{turn}", "a", 120.0 * turn)
        feed(f"q{turn}", "b", 120.0 * turn + 60.0)
        assert set(listed(model, f"v{turn}")[:2]) == {"a", "b"}
