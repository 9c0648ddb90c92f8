"""What is taken at one time is one step for every signal, in whatever order it came."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.online_model.stages import context_of
from learners.ranking.columns import FEATURES
from learners.signals.neighbour_kernels import NEXT, TOGETHER
from learners.signals.popularity import stage_of
from learners.testing import Feed, small

BASKET = ("b", "c", "d")


def told(basket: tuple[str, ...] = BASKET) -> OnlineModel:
    """Ann takes one item, later three at one time; then others take one of these and go on."""
    feed = Feed(OnlineModel(small(repeats="off")))
    for number in range(30):  # what others take, so that there is something to list
        feed(f"u{number % 5}", f"i{number % 7}", ts=float(number), value=float(number % 3))
    feed("ann", "a", ts=100.0, value=1.0)
    for item in basket:
        feed("ann", item, ts=110.0, value=float(BASKET.index(item)))
    for user in ("bob", "cy"):
        for number, item in enumerate(("b", "i1", "i2")):
            feed(user, item, ts=120.0 + number)
    return feed.model


def counts(model: OnlineModel, owner: str, item: str) -> tuple[float, float]:
    """How often `item` went together with `owner`, and came after it."""
    table, number = model.signals.neighbours, model.signals.items.index
    row = table.row_of[number[owner]]
    place = np.flatnonzero(table.ids[row] == number[item])
    if not len(place):
        return 0.0, 0.0
    pair = table.counts[[TOGETHER, NEXT], row, place[0]] / table.unit(model.position)
    return float(pair[0]), float(pair[1])


def test_a_context_tells_steps() -> None:
    model = told()
    number = model.signals.items.index
    user = model.users.get("ann", model.position)
    after, within = (context_of(model, "ann", user, before) for before in (130.0, 110.0))
    assert (after.length, after.steps) == (4, 2)
    assert dict(zip(after.recent.tolist(), after.back.tolist(), strict=True)) == {
        number["a"]: 1.0,
        **{number[item]: 0.0 for item in BASKET},
    }
    assert (within.length, within.steps) == (1, 1)
    assert (within.recent.tolist(), within.back.tolist()) == ([number["a"]], [0.0])


def test_pairs_are_counted_by_steps() -> None:
    model = told()
    for item in BASKET:
        assert counts(model, "a", item) == pytest.approx((1.0, 1.0), rel=1e-3)
        assert counts(model, item, "a") == pytest.approx((1.0, 0.0), rel=1e-3)
    for one, other in permutations(BASKET, 2):
        assert counts(model, one, other) == pytest.approx((1.0, 1.0), rel=1e-3)


def test_stages_are_numbers_of_steps() -> None:
    model = told()
    stages = model.signals.popularity.counts
    for item, steps in (("a", 0), ("b", 1), ("c", 1), ("d", 1)):
        number = model.signals.items.index[item]
        taken = [stage for stage in (0, 1, 2, 3) if stages[stage_of(stage), number] > 0.0]
        assert taken == sorted({steps, 0} if item == "b" else {steps})


def test_items_of_one_step_weigh_alike() -> None:
    model = told()
    number = model.signals.items.index
    context = context_of(model, "ann", model.users.get("ann", model.position), 130.0)
    batch, rows = model.pipeline.batch("ann", context, 130.0, negatives=True)
    reach = dict(zip(context.recent[rows.places].tolist(), rows.reach.tolist(), strict=True))
    assert len({reach[number[item]] for item in BASKET}) == 1
    assert reach[number["a"]] == pytest.approx(np.exp(-0.1) * reach[number["b"]])
    columns = {name: batch.raw[:, place] for place, name in enumerate(FEATURES)}
    assert np.ptp(columns["pull"]) > 0.0
    assert columns["pull"] == pytest.approx(batch.item_weights)
    level = model.signals.values.level
    last = np.mean([level[number[item]] for item in BASKET])
    assert columns["value_from_last"] == pytest.approx(level[batch.ids] - last, abs=1e-6)
    weights = np.exp(-context.back / 3.0)
    usual = weights @ level[context.recent] / weights.sum()
    assert columns["value_from_recent"] == pytest.approx(level[batch.ids] - usual, abs=1e-6)


def test_the_order_within_a_step_changes_no_signal() -> None:
    rows = []
    for basket in (BASKET, BASKET[::-1]):
        model = told(basket)
        context = context_of(model, "ann", model.users.get("ann", model.position), 130.0)
        batch, _ = model.pipeline.batch("ann", context, 130.0, negatives=True)
        ids = [model.signals.items.ids[number] for number in batch.ids.tolist()]
        rows.append(dict(zip(ids, batch.raw, strict=True)))
    # These go by when each item was learnt, which is in some order.
    unlike = {"pull", "age_since_last", *(name for name in FEATURES if name.startswith("value"))}
    kept = [place for place, name in enumerate(FEATURES) if name not in unlike]
    assert rows[0].keys() == rows[1].keys()
    for item, row in rows[0].items():
        assert row[kept] == pytest.approx(rows[1][item][kept], abs=2e-3)
