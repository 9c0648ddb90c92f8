"""A switch at a place of a replay, and the replay's twin without it."""

import json
from itertools import chain

import msgspec
import numpy as np
import pytest

from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError
from dataflows.evaluation.metrics.semantic import ContentRanks
from dataflows.evaluation.paired_replay import paired, twins
from dataflows.evaluation.planned_swaps import cut_at, read_promote
from dataflows.evaluation.replay import ReplaySettings, replay
from tests.dataflows.hotswap.conftest import DIM, Noise, Seeded, write_topics

EVENTS = 420
TIMING = ("events_per_cpu_second", "cpu_seconds", "wall_seconds", "latency_ms", "peers", "intent")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=5, items=60, users=25).write(folder, EVENTS)
    return folder


CONFIG = load_config(None, {"learner.repeats": "off"}, {})


def played(shop, promote=(), versions=None, content=None, **more):
    return replay(
        CONFIG,
        shop / "events.jsonl",
        shop / "items.jsonl",
        ReplaySettings(against=(), promote=promote, **more),
        Seeded(0),
        versions=versions,
        content=content,
    )


def test_a_replay_with_a_switch_repeats_itself(shop):
    first, again = (played(shop, ((200, "new"),), {"new": Seeded(3)}) for _ in range(2))
    for name in ("tie_safe", "plain", "as_served"):
        assert np.array_equal(first.scored.column(name), again.scored.column(name))
    kept = [{k: v for k, v in run.report.items() if k not in TIMING} for run in (first, again)]
    assert kept[0] == kept[1]
    report = first.report
    assert report["versions"]["encoder"] == f"seeded-{DIM}-3"
    assert report["promotions"] == [{"event": 200, "version": "new", "encoder": f"seeded-{DIM}-3"}]
    assert report["counts"]["switches"] == 1
    assert "vectors_dropped" not in report["counts"]
    json.dumps(report, allow_nan=False)


def test_nothing_before_the_switch_hangs_on_it(shop):
    place = 250
    content = [ContentRanks(place), ContentRanks(place)]
    plain = played(shop, ((place, "base"),), content=content[0])
    switched = played(shop, ((place, "new"),), {"new": Noise()}, content=content[1])
    first = content[0].first
    assert first == content[1].first
    assert first is not None
    assert 30 < first < len(plain.scored)
    for name in ("tie_safe", "as_served"):
        before, after = (run.scored.column(name) for run in (plain, switched))
        assert np.array_equal(before[:first], after[:first])
    # Of the few lists behind it hardly one holds the item; ranks among all candidates do differ.
    before, after = (run.scored.column("tie_safe") for run in (plain, switched))
    assert not np.array_equal(before[first:], after[first:])


def test_to_the_base_is_no_switch_at_all(shop):
    plain, switched = played(shop), played(shop, ((200, "base"),))
    assert np.array_equal(plain.scored.column("tie_safe"), switched.scored.column("tie_safe"))
    assert "switches" not in switched.report["counts"]


def test_there_and_back_again_the_lists_know_as_much(shop):
    """After two switches the vectors are the old ones: what meaning ranks is ranked the same."""
    plain, back = ContentRanks(300), ContentRanks(300)
    played(shop, ((150, "base"), (300, "base")), content=plain)
    played(shop, ((150, "new"), (300, "base")), {"new": Seeded(4)}, content=back)
    assert plain.ranks == back.ranks
    assert len(plain.ranks) > 20


def test_twins_tell_a_turned_space_from_a_spoilt_one(tmp_path):
    shop = write_topics(tmp_path, 200)
    for name, encoder in (("turned", Seeded(9, 64)), ("spoilt", Noise(64))):
        told = twins(
            CONFIG,
            shop / "events.jsonl",
            shop / "items.jsonl",
            (60, name),
            ReplaySettings(against=(), warmup=0.1),
            encoder=Seeded(0, 64),
            versions={name: encoder},
        )
        assert told.old == "seeded-64-0"
        assert told.new == encoder.version
        assert told.content.events > 40
        assert told.content.low <= told.content.gain <= told.content.high
        assert told.lists.events >= told.content.events
        if name == "turned":
            assert abs(told.content.gain) < 0.02  # ties may fall otherwise
        else:
            assert told.content.high < 0
        assert json.loads(msgspec.json.encode(told))["event"] == 60


def test_pairs_with_other_first_weights_are_averaged(shop):
    given = (CONFIG, shop / "events.jsonl", shop / "items.jsonl", (200, "new"))
    more = {"encoder": Seeded(0), "versions": {"new": Noise()}}
    settings = ReplaySettings(against=())
    seeds = [msgspec.structs.replace(CONFIG.learner, seed=CONFIG.learner.seed + n) for n in (0, 1)]
    one, other = (
        twins(msgspec.structs.replace(CONFIG, learner=seed), *given[1:], settings, **more)
        for seed in seeds
    )
    both = twins(*given, settings, **more, pairs=2)
    assert one.lists != other.lists
    assert both.lists.before == pytest.approx((one.lists.before + other.lists.before) / 2)
    assert both.lists.after == pytest.approx((one.lists.after + other.lists.after) / 2)
    assert both.lists.events == one.lists.events
    assert (one.pairs, both.pairs) == (1, 2)


def test_twins_can_be_broken_off_and_need_a_pair(shop):
    class EnoughError(Exception):
        pass

    done = []

    def between():
        done.append(len(done))
        if len(done) == 3:
            raise EnoughError

    given = (CONFIG, shop / "events.jsonl", shop / "items.jsonl", (200, "base"))
    with pytest.raises(EnoughError):
        twins(*given, encoder=Seeded(0), pairs=2, between=between)
    with pytest.raises(ValueError, match="the least is 1"):
        twins(*given, encoder=Seeded(0), pairs=0)


def test_a_pair_that_differs_by_a_constant_is_sure_of_it():
    before = np.random.default_rng(0).normal(size=50)
    told = paired(before, before + 0.25, np.arange(50) // 3, 0)
    assert told.gain == pytest.approx(0.25)
    assert told.low == pytest.approx(0.25)
    assert told.high == pytest.approx(0.25)


@pytest.mark.parametrize("places", [(), (5,), (3, 4, 9), (0, 10), (4, 4, 40)])
def test_batches_end_at_the_places_and_lose_nothing(places):
    batches = list(cut_at(range(23), 5, places))
    assert list(chain(*batches)) == list(range(23))
    starts = {batch[0] for batch in batches}
    assert {place for place in places if place < 23} <= starts | {0}
    assert all(0 < len(batch) <= 5 for batch in batches)


def test_what_cannot_be_promoted_is_refused_in_one_line(shop):
    assert read_promote("encoder-0001-0123abcd@200") == (200, "encoder-0001-0123abcd")
    for wrong in ("200", "@200", "x@", "x@-1", "x@1.5"):
        with pytest.raises(InputError, match="VERSION@EVENT"):
            read_promote(wrong)
    for version, reason in (("hashing-32", "32 numbers"), ("encoder-0009-0123abcd", "no version")):
        with pytest.raises(Exception) as raised:  # noqa: PT011 - what it is lies in its causes
            played(shop, ((10, version),))
        chain_of: list[BaseException] = [raised.value]
        while chain_of[-1].__cause__ is not None:
            chain_of.append(chain_of[-1].__cause__)
        told = [str(error) for error in chain_of if isinstance(error, InputError)]
        assert told
        assert reason in told[-1]
        assert "\n" not in told[-1]
