"""Baselines by name: what may be named, and what is said where a library is missing."""

from __future__ import annotations

import sys

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


FOREIGN = """
from dataflows.evaluation.baselines.popularity import PopularityBaseline

def popular(seed):
    return PopularityBaseline()

def lists(seed):
    return [seed]

def fails(seed):
    import a_library_that_is_not_there

def refuses(seed):
    raise ValueError("no\\nseed")
"""


@pytest.fixture
def brought(foreign):
    names = ("popular", "lists", "fails", "refuses")
    return foreign({f"{catalogue.GROUP}:{name}": name for name in names}, FOREIGN)


def test_what_another_package_brings_is_run_as_ours_and_named(brought, judged, long_log) -> None:
    assert read_names("popular,popularity") == ("popular", "popularity")
    entrants = open_baselines(("popular", "popularity"), 0)
    assert entrants.brought == {"popular": "somebodys-package 1.0"}
    judge = judged(long_log, 50)
    told = hold_contest(entrants, judge)
    ranks = judge.scored.baselines
    assert (ranks["popular"] == ranks["popularity"]).all()
    assert told["popular"]["notes"] == ["brought by somebodys-package 1.0"]
    assert told["popularity"]["notes"] == []


def test_nothing_foreign_is_imported_where_ours_are_named(brought) -> None:
    assert read_names("popular") == ("popular",)
    open_baselines(DEFAULT, 0)
    assert brought not in sys.modules


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lists", r"'lists' of somebodys-package 1\.0 is none: list has no scores and no learn"),
        ("fails", r"cannot be made from a seed: ModuleNotFoundError: No module named 'a_library"),
        ("refuses", r"'refuses' of somebodys-package 1\.0 cannot be .*: ValueError: no seed"),
        ("popuar", r"is unknown \(did you mean popular\?\); give all, none, .*sasrec, .*lists"),
    ],
)
def test_what_is_wrong_with_one_is_told_in_one_line(brought, name, told) -> None:
    with pytest.raises(InputError, match=told) as refused:
        open_baselines((name,), 0)
    assert "\n" not in str(refused.value)


def test_among_all_a_foreign_one_that_is_broken_is_left_out(brought) -> None:
    entrants = open_baselines(("all",), 0)
    assert {"lists", "fails", "refuses"} <= set(entrants.left_out)
    assert entrants.brought["popular"] == "somebodys-package 1.0"
    assert not entrants.brought.keys() & (entrants.left_out.keys() | BASELINES.keys())


def test_a_name_of_ours_or_of_two_packages_is_refused(foreign) -> None:
    foreign({f"{catalogue.GROUP}:markov": "popular", f"{catalogue.GROUP}:two": "popular"}, FOREIGN)
    foreign({f"{catalogue.GROUP}:two": "popular"}, FOREIGN, distribution="another")
    with pytest.raises(InputError, match=r"'markov' is a name of penchant's own"):
        read_names("markov")
    with pytest.raises(InputError, match=r"by another 1\.0 and somebodys-package 1\.0"):
        read_names("two")
