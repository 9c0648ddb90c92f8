"""What a baseline must do, as checks that any package can run on its own.

A test of a package that brings one reads:

    @pytest.mark.parametrize("check", BASELINE_CHECKS, ids=lambda check: check.__name__)
    def test_it_is_a_baseline(check) -> None:
        check(make_my_baseline)

A check that does not hold raises AssertionError, with what was wanted and what came. Ours run
them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dataflows.evaluation.baselines.protocol import Baseline, Scores
from dataflows.evaluation.judging.trace import Group, Trace

MakeBaseline = Callable[[int], Baseline]

USERS, ITEMS = 12, 40
GROUPS = 150
SHARE_OF_UNWANTED = 0.1
MEAN_GAP = 900.0
"""Seconds between two groups of the sample."""


def sample_trace(groups: int = GROUPS, seed: int = 5) -> Trace:
    """Return a made-up log: users with a taste of their own, a few groups of two, some unwanted."""
    rng = np.random.default_rng(seed)
    trace, clock, rows = Trace(), 1.7e9, dict[int, int]()
    for _ in range(groups):
        clock += float(rng.exponential(MEAN_GAP))
        user = int(rng.integers(USERS))
        trace.open(user, clock)
        for _ in range(int(rng.integers(1, 3))):
            item = int(ITEMS * (user % 4 + rng.random() ** 2) / 4) % ITEMS
            weight = -1.0 if rng.random() < SHARE_OF_UNWANTED else 1.0
            trace.add(rows.setdefault(item, len(rows)), weight, None)
    return trace


def check_scores(make: MakeBaseline) -> None:
    """Check that it answers from the first item on, for anybody: float64, one for each item."""
    baseline, trace = make(0), sample_trace()
    for group, items in _groups(trace):
        for user in (group.user, 10 * USERS) if items else ():
            _scores(baseline, user, group.ts, items)
        baseline.learn(group)
    last = _scores(baseline, 0, trace.times()[-1] + 1.0, ITEMS)
    _hold(bool((last > -np.inf).any()), f"after {len(trace)} groups no item has a score")


def check_asking(make: MakeBaseline) -> None:
    """Check that asking changes nothing: neither the next answer, nor what is learnt."""
    asked, quiet, trace = make(0), make(0), sample_trace()
    for group, items in _groups(trace):
        if items:
            first = _scores(asked, group.user, group.ts, items).copy()
            for other in range(3):
                _scores(asked, other, group.ts, items)
            _same(_scores(asked, group.user, group.ts, items), first, "asked twice")
            _same(_scores(quiet, group.user, group.ts, items), first, "asked for others between")
        asked.learn(group)
        quiet.learn(group)


def check_seed(make: MakeBaseline) -> None:
    """Check that what is drawn at random comes from the seed: the same seed, the same scores."""
    first, second, trace = make(3), make(3), sample_trace()
    for group, items in _groups(trace):
        if items:
            wanted = _scores(first, group.user, group.ts, items)
            _same(_scores(second, group.user, group.ts, items), wanted, "made twice from one seed")
        first.learn(group)
        second.learn(group)


def check_odd_groups(make: MakeBaseline) -> None:
    """Check groups that are rare: nothing wanted, one item often, values, many new items at once.

    Rows may be met for the first time in a group where nothing of them was wanted.
    """
    baseline = make(0)
    cases = [
        _group(0, [0, 1], [-1.0, 0.0]),
        _group(0, [1, 1, 1], [1.0, 1.0, 1.0]),
        _group(1, [2], [5.0], [3.5]),
        _group(99_999, [30], [1.0], [np.inf]),
        _group(1, list(range(30, 35)), [1.0] * 5),
        _group(2, [34, 34], [1.0, -1.0]),
    ]
    items = 0
    for number, group in enumerate(cases):
        baseline.learn(group._replace(ts=1.7e9 + number, position=10 * number))
        items = max(items, int(group.items.max()) + 1)
        for user in (0, 1, 2, 99_999, 100_000):
            _scores(baseline, user, 1.7e9 + number, items)


BASELINE_CHECKS: tuple[Callable[[MakeBaseline], None], ...] = (
    check_scores,
    check_asking,
    check_seed,
    check_odd_groups,
)


def check_baseline(make: MakeBaseline) -> None:
    """Run all checks on what makes a baseline from a seed.

    Raises AssertionError where one does not hold.
    """
    for check in BASELINE_CHECKS:
        check(make)


def _groups(trace: Trace) -> Iterator[tuple[Group, int]]:
    """Yield each group with the number of items that were met before it."""
    for number in range(len(trace)):
        yield trace.group(number), trace.question(number).seen


def _group(
    user: int, rows: list[int], weights: list[float], values: list[float] | None = None
) -> Group:
    told = [np.nan] * len(rows) if values is None else values
    return Group(
        user,
        0.0,
        np.array(rows, np.int32),
        np.array(weights, np.float32),
        np.array(told, np.float32),
        0,
    )


def _scores(baseline: Baseline, user: int, ts: float, items: int) -> Scores:
    """Ask for scores, and check what came."""
    scores = baseline.scores(user, ts, items)
    asked = f"scores(user={user}, ts, items={items})"
    _hold(isinstance(scores, np.ndarray), f"{asked} gave {type(scores).__name__}, not an array")
    _hold(scores.shape == (items,), f"{asked} gave the shape {scores.shape}")
    _hold(scores.dtype == np.float64, f"{asked} gave {scores.dtype}, not float64")
    _hold(not bool((scores == np.inf).any()), f"{asked} gave infinity, above which nothing ranks")
    return scores


def _same(scores: Scores, wanted: Scores, what: str) -> None:
    differing = int(np.count_nonzero(~((scores == wanted) | (np.isnan(scores) & np.isnan(wanted)))))
    _hold(differing == 0, f"{what}, it scored {differing} of {len(wanted)} items otherwise")


def _hold(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
