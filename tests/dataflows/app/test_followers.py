"""Who follows a process is told in the order given."""

from __future__ import annotations

from functools import partial

import pytest

from dataflows.app.followers import following


@pytest.mark.parametrize("count", [0, 1, 3])
def test_all_are_told_in_their_order(count):
    told: list[tuple] = []

    def note(number, engine, batch, outs) -> None:
        told.append((number, engine, batch, outs))

    follow = following([partial(note, number) for number in range(count)])
    assert (follow is None) == (count == 0)
    if follow is not None:
        follow("engine", None, ["out"])
    assert told == [(number, "engine", None, ["out"]) for number in range(count)]
