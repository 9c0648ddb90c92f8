"""Baselines by name: what may be named, and what is said where a library is missing."""

from __future__ import annotations

import pytest

from dataflows.errors import InputError
from dataflows.evaluation.baselines import catalogue
from dataflows.evaluation.baselines.catalogue import BASELINES, DEFAULT, open_baselines, read_names
from dataflows.evaluation.baselines.popularity import PopularityBaseline
from dataflows.evaluation.baselines.run_all import hold_contest


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("popularity", ("popularity",)),
        (
            " popularity-decayed, popularity,popularity-decayed,",
            ("popularity-decayed", "popularity"),
        ),
        ("all", ("all",)),
        ("none", ()),
    ],
)
def test_names_are_read(text, names) -> None:
    assert read_names(text) == names


@pytest.mark.parametrize("text", ["apriori", "popularity,all", "none,popularity", "", " , "])
def test_other_names_are_refused_and_those_that_may_be_given_are_told(text) -> None:
    with pytest.raises(InputError) as refused:
        read_names(text)
    assert "none" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_default_is_popularity() -> None:
    assert list(open_baselines(DEFAULT, 0).baselines) == ["popularity", "popularity-decayed"]


def lacking(seed: int) -> PopularityBaseline:
    import a_library_that_is_not_there  # noqa: F401

    return PopularityBaseline()


def test_a_missing_library_stops_a_named_peer_and_leaves_others_alone(monkeypatch) -> None:
    monkeypatch.setitem(BASELINES, "lacking", lacking)
    with pytest.raises(
        InputError, match=r"lacking needs a_library_that_is_not_there.*\[baselines\]"
    ):
        open_baselines(("lacking",), 0)
    entrants = open_baselines(("all",), 0)
    assert set(entrants.left_out) >= {"lacking"}
    assert "lacking" not in entrants.baselines
    assert set(DEFAULT) <= set(entrants.baselines)


class Fails(PopularityBaseline):
    def learn(self, group) -> None:
        if group.position > 100:
            raise RuntimeError("no room")
        super().learn(group)


def test_a_peer_that_fails_takes_nothing_from_the_others(judged, long_log) -> None:
    entrants = catalogue.Entrants({"fails": Fails(), "popularity": PopularityBaseline()}, {})
    judge = judged(long_log, 50)
    seen: list[tuple[str, int, int]] = []
    told = hold_contest(entrants, judge, lambda *at: seen.append(at))
    assert list(told) == list(judge.scored.baselines) == ["popularity"]
    assert entrants.left_out == {"fails": "failed: RuntimeError: no room"}
    assert told["popularity"]["events_per_cpu_second"] > 0
    assert seen[-1] == ("popularity", len(judge.trace), len(judge.trace))
