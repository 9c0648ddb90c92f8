"""The judge against ranks worked out by hand, and against a naive reading of the protocol."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation.baselines.popularity import PopularityBaseline
from dataflows.evaluation.baselines.runner import run_baseline
from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.ranks import place_in, rank_among
from learners.types import Interaction


class Ranked(NamedTuple):
    ids: list[str]
    scores: np.ndarray


class Counts:
    """A recommender that scores every item met by how often; own items are left out on demand."""

    def __init__(self, repeats_on: bool, listed: tuple[str, ...] = ()) -> None:
        self.repeats_on = repeats_on
        self.counts: Counter[str] = Counter()
        self.listed = listed
        self.own: dict[str, list[tuple[float, str]]] = {}

    def rank(self, user_id: str, before: float | None = None) -> Ranked:
        limit = math.inf if before is None else before
        own = {item for ts, item in self.own.get(user_id, []) if ts < limit}
        if self.repeats_on:
            own = set()
        ids = [item for item in [*self.counts, *self.listed] if item not in own]
        return Ranked(ids, np.array([float(self.counts[item]) for item in ids]))

    def is_known(self, item_id: str) -> bool:
        return item_id in self.counts or item_id in self.listed

    def learn(self, interaction: Interaction) -> None:
        if interaction.item_id is not None:
            self.counts[interaction.item_id] += 1
            self.own.setdefault(interaction.user_id, []).append(
                (interaction.ts, interaction.item_id)
            )


Event = tuple[str, str | None, float]


def judged(
    events: list[Event],
    warmup: int,
    *,
    repeats_on: bool,
    ranks_from: int | None = None,
    listed: tuple[str, ...] = (),
    last_sent: dict[str, list[str]] | None = None,
) -> Prequential:
    judge = Prequential(warmup, repeats_on=repeats_on, k=2, ranks_from=ranks_from)
    recommender = Counts(repeats_on, listed)
    for position, (user, item, ts) in enumerate(events):
        event_id = f"e{position}"
        interaction = Interaction(position, event_id, user, item, "view", ts)
        judge.before_learn(recommender, interaction, (last_sent or {}).get(event_id))
        recommender.learn(interaction)
    return judge


LOG: list[Event] = [
    ("ann", "tea", 1.0),  # e0 warm-up
    ("bob", "jam", 2.0),  # e1 warm-up
    ("bob", "tea", 3.0),  # e2 he has jam: tea stands alone: 1
    ("ann", "jam", 4.0),  # e3 she has tea: jam stands alone: 1
    ("ann", "oat", 4.0),  # e4 nobody has met oat: a miss
    ("ann", "jam", 4.0),  # e5 she has had jam since e3: not scored
    ("cat", "oat", 5.0),  # e6 jam 3, tea 2, oat 1: 3
    ("cat", None, 6.0),  # e7 no item
    ("bob", "oat", 7.0),  # e8 he has jam and tea: 1
    ("cat", "tea", 8.0),  # e9 she has oat; jam 3, tea 2: 2
    ("dan", "jam", 9.0),  # e10 jam 3, tea 3, oat 3, and ties count against it: 3
    ("dan", "tea", 9.0),  # e11 tie-safe as before e10: 3; plain, jam is his: tea 3, oat 3: 2
]


def test_ranks_worked_out_by_hand() -> None:
    judge = judged(
        LOG,
        2,
        repeats_on=False,
        listed=("oat",),
        last_sent={"e3": ["jam"], "e4": ["oat"], "e6": ["jam", "oat"], "e9": ["jam"]},
    )
    scored = judge.scored
    assert scored.event_ids == ["e2", "e3", "e4", "e6", "e8", "e9", "e10", "e11"]
    assert scored.column("tie_safe").tolist() == [1, 1, 0, 3, 1, 2, 3, 3]
    assert scored.column("plain").tolist() == [1, 1, 0, 3, 1, 2, 3, 2]
    assert scored.column("as_served").tolist() == [0, 1, 0, 2, 0, 0, 0, 0]
    assert scored.column("candidates").tolist() == [1, 1, 1, 3, 1, 2, 3, 3]
    run = run_baseline(PopularityBaseline(), judge.trace, repeats_on=False)
    assert run.ranks.tolist() == [1, 1, 0, 3, 1, 2, 3, 3]
    assert run.events == len(LOG)
    assert scored.column("user").tolist() == [1, 0, 0, 2, 1, 2, 3, 3]
    assert scored.column("ordinal").tolist() == [1, 1, 2, 0, 2, 2, 0, 1]
    assert scored.column("reached").tolist() == [1, 1, 0, 1, 1, 1, 1, 1]
    assert scored.column("item_events").tolist() == [1, 1, 0, 1, 2, 2, 3, 3]
    assert scored.column("unmet").tolist() == [0, 0, 2, 0, 0, 0, 0, 0]
    unscored = judge.unscored
    assert (unscored.warmup, unscored.no_item, unscored.repeat) == (2, 1, 1)
    new = judge.new_items
    assert (new.events, new.listed, new.hits) == (1, 1, 1)


def test_repeats_on_keeps_what_a_user_has_among_the_candidates() -> None:
    log: list[Event] = [
        ("ann", "tea", 1.0),
        ("ann", "tea", 2.0),  # tea 1: 1, a repeat
        ("ann", "jam", 3.0),  # never met: a miss
        ("ann", "jam", 3.0),  # tie-safe: still not met; plain: tea 2, jam 1: 2
        ("bob", "jam", 4.0),  # tea 2, jam 2: 2, and new to him
    ]
    scored = judged(log, 1, repeats_on=True).scored
    assert scored.column("tie_safe").tolist() == [1, 0, 0, 2]
    assert scored.column("plain").tolist() == [1, 0, 2, 2]
    assert scored.flag("repeat").tolist() == [True, False, True, False]
    assert scored.column("candidates").tolist() == [1, 1, 1, 2]


def test_a_group_that_straddles_the_warmup() -> None:
    log: list[Event] = [("a", "x", 1.0), ("b", "y", 2.0), ("c", "x", 3.0), ("c", "y", 3.0)]
    late = judged(log, 3, repeats_on=False)
    assert (len(late.scored), late.unscored.group_began_in_warmup) == (0, 1)
    told = judged(log, 3, repeats_on=False, ranks_from=2)
    assert told.scored.event_ids == ["e3"]
    assert told.scored.column("tie_safe").tolist() == [2]
    assert told.scored.column("plain").tolist() == [1]


class Once:
    """Knows one ranking, and remembers how it was asked."""

    def __init__(self, ids: list[str], scores: list[float]) -> None:
        self.ranking = Ranked(ids, np.array(scores))
        self.asked: list[tuple[str, float | None]] = []

    def rank(self, user_id: str, before: float | None = None) -> Ranked:
        self.asked.append((user_id, before))
        return self.ranking

    def is_known(self, item_id: str) -> bool:
        return False


def test_a_group_is_ranked_once_with_the_events_before_it() -> None:
    judge, recommender = Prequential(0, repeats_on=True), Once(["x"], [1.0])
    for position, ts in enumerate([1.0, 1.0, 1.0, 2.0]):
        judge.before_learn(recommender, Interaction(position, "e", "u", "x", "view", ts), None)
    assert recommender.asked == [("u", 1.0), ("u", None), ("u", None), ("u", 2.0)]


@pytest.mark.parametrize(
    ("ids", "scores", "rank"),
    [
        (["a", "x", "b"], [1.0, 2.0, 3.0], 2),
        (["a", "x", "b"], [2.0, 2.0, 2.0], 3),
        (["a", "x"], [1.0, math.nan], 0),
        (["a", "x"], [math.nan, 1.0], 1),
        (["a", "b"], [1.0, 1.0], 0),
        (["unseen", "x", "own"], [2.0, 1.0, 3.0], 1),
        ([], [], 0),
    ],
)
def test_rank_among_scored_candidates(ids, scores, rank) -> None:
    ranking = Ranked(ids, np.array(scores, dtype=np.float64))
    assert rank_among(ranking, "x", {"a", "b", "x", "own"}, {"own"}) == rank


def test_place_in_the_list_last_sent() -> None:
    assert [place_in(["a", "b"], item) for item in "abc"] == [1, 2, 0]
    assert place_in(None, "a") == 0


def oracle(events: list[Event], warmup: int, repeats_on: bool) -> list[tuple[int, int, int]]:
    """Tie-safe rank, plain rank, candidates, each counted anew from the whole log before."""
    rows = []
    starts: list[int] = []
    for n, (user, item, ts) in enumerate(events):
        same = n > 0 and events[n - 1][0] == user and events[n - 1][2] == ts
        starts.append(starts[-1] if same else n)
        own = {i for u, i, _ in events[:n] if u == user}
        if n < warmup or item is None or (item in own and not repeats_on):
            continue
        tie_safe, candidates = naive_rank(events[: starts[n]], user, item, repeats_on)
        plain, _ = naive_rank(events[:n], user, item, repeats_on)
        rows.append((tie_safe, plain, candidates))
    return rows


def naive_rank(past: list[Event], user: str, item: str, repeats_on: bool) -> tuple[int, int]:
    own = set() if repeats_on else {i for u, i, _ in past if u == user}
    counts = Counter(i for _, i, _ in past if i is not None)
    rivals = {i: c for i, c in counts.items() if i not in own}
    if item not in rivals:
        return 0, len(rivals)
    return sum(c >= rivals[item] for c in rivals.values()), len(rivals)


events_of_few = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "w"]),
        st.sampled_from([None, "a", "b", "c", "d", "e"]),
        st.integers(0, 2),
    ),
    max_size=30,
)


@given(events_of_few, st.integers(0, 6), st.booleans())
def test_ranks_equal_a_naive_reading_of_the_protocol(steps, warmup, repeats_on) -> None:
    clock, events = 0.0, []
    for user, item, step in steps:
        clock += step
        events.append((user, item, clock))
    judge = judged(events, warmup, repeats_on=repeats_on, ranks_from=0)
    columns = [judge.scored.column(name).tolist() for name in ("tie_safe", "plain", "candidates")]
    assert list(zip(*columns, strict=True)) == oracle(events, warmup, repeats_on)
    assert (
        run_baseline(PopularityBaseline(), judge.trace, repeats_on=repeats_on).ranks.tolist()
        == columns[0]
    )
    counted = judge.unscored
    reasons = counted.warmup + counted.no_item + counted.repeat + counted.group_began_in_warmup
    assert len(judge.scored) + reasons == judge.learnt == len(events)


def test_what_was_no_wish_is_counted_apart_where_a_list_would_have_shown_it() -> None:
    judge, recommender = Prequential(2, repeats_on=False, k=1), Counts(False)
    log = [
        ("ann", "tea", 1.0), ("bob", "jam", 1.0),  # warm-up
        ("cat", "tea", -1.0),  # tea and jam have one each, and ties count against it: not first
        ("dan", "tea", 0.0),  # tea 2, jam 1: it is first
        ("eva", "oat", -1.0),  # nobody has met oat
        ("eva", "oat", -1.0),  # she has it
        ("eva", "tea", 1.0),  # a wish: scored
    ]  # fmt: skip
    for position, (user, item, weight) in enumerate(log):
        event = Interaction(position, f"e{position}", user, item, "rate", float(position), weight)
        judge.before_learn(recommender, event, None)
        recommender.learn(event)
    assert judge.scored.event_ids == ["e6"]
    assert judge.unscored.unwanted == 4
    assert (judge.unwanted.events, judge.unwanted.hits) == (3, 1)
