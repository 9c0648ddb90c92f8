"""Whoever takes everything back leaves no trace in what is counted of all, whatever they did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.signals.neighbours import COUNTS, Neighbours
from learners.testing import DIM, small, unit
from learners.types import Interaction, Item, Retraction

ITEMS = "abcdefg"


def catalogue(model: OnlineModel, item: str) -> None:
    number = ITEMS.index(item)
    model.put_item(Item(item, item, (f"kind {number % 2}",), vector=unit(number)))


def pairs(table: Neighbours, position: int) -> Any:
    """The counts (2, owner, item) of a table, faded until `position`."""
    counts = np.zeros((COUNTS, len(ITEMS), len(ITEMS)))
    for owner in range(len(ITEMS)):
        row = table.row_of[owner]
        for slot in np.flatnonzero(table.ids[row] >= 0) if row >= 0 else ():
            counts[:, owner, table.ids[row, slot]] = table.counts[:COUNTS, row, slot]
    return counts / table.unit(position)


def told(seed: int, **changes: Any) -> tuple[OnlineModel, OnlineModel]:
    """Two models of one stream: in the first ann acts as well, and takes it all back.

    She acts late, in baskets, against items and by searches; items leave and come back.
    """
    draw = np.random.default_rng(seed)
    models = [OnlineModel(small(dim=DIM, count_half_life=40.0, **changes)) for _ in range(2)]
    for model in models:
        for item in ITEMS:
            catalogue(model, item)
    hers: list[str] = []
    ts = 0.0
    for position in range(150):
        ts += float(draw.choice([0, 0, 1, 2, -1]))
        user, what = str(draw.choice(["ann", "bob", "cy"])), draw.random()
        item = None if what < 0.15 else str(draw.choice(list(ITEMS)))
        event = Interaction(
            position,
            f"e{position}",
            user,
            item,
            "does",
            ts,
            -1.0 if what > 0.92 else 1.0,
            unit(int(draw.integers(7))) if item is None else None,
            text="words" if item is None else None,
        )
        models[0].learn(event)
        if user == "ann":
            hers.append(event.event_id)
        else:
            models[1].learn(event)
        if draw.random() < 0.02:
            gone = str(draw.choice(list(ITEMS)))
            for model in models:
                model.remove_item(gone)
                catalogue(model, gone)
        while hers and draw.random() < 0.35:
            back = hers.pop(-1 - int(draw.integers(min(6, len(hers)))))
            models[0].retract(Retraction("ann", back))
    for place in draw.permutation(len(hers)):
        models[0].retract(Retraction("ann", hers[place]))
    models[1].position = models[0].position
    return models[0], models[1]


@pytest.mark.parametrize("seed", range(12))
def test_all_is_as_if_they_had_never_been(seed: int) -> None:
    with_her, without = told(seed, recent=60, window=4)
    position, n = with_her.position, len(ITEMS)
    assert pairs(without.signals.neighbours, position).sum() > 1.0
    np.testing.assert_allclose(
        pairs(with_her.signals.neighbours, position),
        pairs(without.signals.neighbours, position),
        rtol=1e-3,
        atol=1e-3,
    )
    np.testing.assert_allclose(
        with_her.signals.popularity.counts[:, :n],
        without.signals.popularity.counts[:, :n],
        rtol=1e-9,
        atol=1e-9,
    )
    assert (with_her.learnt, with_her.repeats) == (without.learnt, without.repeats)
    rests = with_her.signals.rests, without.signals.rests
    assert rests[1].returns.sum() > 0
    np.testing.assert_array_equal(rests[0].takings, rests[1].takings)
    np.testing.assert_array_equal(rests[0].returns, rests[1].returns)
    np.testing.assert_array_equal(rests[0].sums[:, :n], rests[1].sums[:, :n])
    streamed = [model.signals.items.streamed[:n].tolist() for model in (with_her, without)]
    assert streamed[0] == streamed[1]
    ann = with_her.users.get("ann", position)
    assert (ann.length, ann.steps, ann.kinds, ann.aside, ann.search) == (0, 0, 0, [], None)
    for user in ("bob", "cy"):
        windows = [
            model.users.get(user, position).recent_window(8) for model in (with_her, without)
        ]
        np.testing.assert_array_equal(windows[0].items, windows[1].items)


@pytest.mark.parametrize("seed", range(12))
def test_where_little_is_remembered_nobody_else_loses_anything(seed: int) -> None:
    with_her, without = told(seed, recent=3, window=4, intent_pending=64 * (seed % 2))
    position, n = with_her.position, len(ITEMS)
    for of in ("neighbours", "searched"):
        tables = [getattr(model.signals, of) for model in (with_her, without)]
        left = pairs(tables[0], position) - pairs(tables[1], position)
        assert left.min() > -1e-3
    counts = [model.signals.popularity.counts[:, :n] for model in (with_her, without)]
    assert (counts[0] - counts[1] > -1e-9 * np.maximum(counts[1], 1.0)).all()
