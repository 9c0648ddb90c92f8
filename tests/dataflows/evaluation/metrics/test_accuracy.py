"""The figures of a replay, from rows written by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.scored import ScoredEvent
from dataflows.evaluation.metrics.accuracy import accuracy
from dataflows.evaluation.metrics.rank_metrics import gains
from dataflows.evaluation.report import write_ranks


def judge_of(ranks: list[int], plain: list[int], popularity: list[int]) -> Prequential:
    judge = Prequential(0, repeats_on=True)
    for number, (rank, other) in enumerate(zip(ranks, plain, strict=True)):
        row = ScoredEvent(
            user=number % 7,
            ordinal=number // 7,
            tie_safe=rank,
            plain=other,
            as_served=1 if number % 5 == 0 and number % 3 == 0 else 0,
            candidates=30,
            reached=rank > 0,
            repeat=number % 2 == 0,
            item_events=1 + number % 8 if rank else 0,
            unmet=0 if rank else number % 12,
            refreshed=number % 5 == 0,
        )
        judge.scored.add(f"e{number}", row)
    judge.scored.add_baseline("popularity", np.array(popularity, dtype=np.int64))
    judge.scored.add_baseline("none", np.zeros(len(ranks), dtype=np.int64))
    return judge


def random_judge(n: int = 210) -> Prequential:
    rng = np.random.default_rng(0)
    return judge_of(*(rng.integers(0, 25, n).tolist() for _ in range(3)))


def test_every_figure_follows_from_the_ranks() -> None:
    judge = random_judge()
    figures = accuracy(judge, 10, seed=0)
    ranks = judge.scored.column("tie_safe")
    ordinals = judge.scored.column("ordinal")
    hits = (ranks > 0) & (ranks <= 10)
    assert figures["tie_safe"]["hr@10"] == hits.mean()
    assert figures["tie_safe"]["cold"]["hr@10"] == hits[ordinals < 5].mean()
    assert figures["tie_safe"]["cold"]["events"] == 35
    assert figures["plain"]["mrr@10"] == gains(judge.scored.column("plain"), 10)[:, 2].mean()
    served = figures["as_served"]
    assert served["hr@10"] == len(range(0, 210, 15)) / 210
    assert (served["by_event"]["events"], served["by_event"]["hr@10"]) == (168, 0.0)
    assert (served["refreshed"]["events"], served["refreshed"]["hr@10"]) == (42, 14 / 42)
    assert figures["repeats"]["repeat"]["hr@10"] == hits[::2].mean()
    assert figures["repeats"]["new"]["hr@10"] == hits[1::2].mean()
    assert figures["candidate_recall"] == (ranks > 0).mean()
    low, high = figures["tie_safe"]["interval"]["hr@10"]
    assert low < hits.mean() < high


def test_the_lead_over_a_peer_is_paired() -> None:
    ranks = np.random.default_rng(1).integers(0, 25, 210).tolist()
    same = accuracy(judge_of(ranks, ranks, ranks), 10, seed=0)["peers"]["popularity"]["lead"]
    assert (same["hr@10"], same["interval"]["hr@10"]) == (0.0, [0.0, 0.0])
    assert same["cold"]["interval"]["hr@10"] == [0.0, 0.0]
    figures = accuracy(random_judge(), 10, seed=0)
    ours, baseline = figures["tie_safe"], figures["peers"]["popularity"]
    lead = baseline["lead"]
    assert lead["hr@10"] == pytest.approx(ours["hr@10"] - baseline["hr@10"])
    assert lead["cold"]["hr@10"] == pytest.approx(ours["cold"]["hr@10"] - baseline["cold"]["hr@10"])
    low, high = lead["interval"]["hr@10"]
    assert low < lead["hr@10"] < high


def test_young_items_are_judged_apart_and_ours_may_be_known_by_text() -> None:
    judge = random_judge()
    scored, figures = judge.scored, accuracy(judge, 10, seed=0)
    before, ours = scored.column("item_events"), scored.column("tie_safe")
    young, met = before < 5, before > 0
    listed = scored.column("unmet")
    hits = (ours > 0) & (ours <= 10) | (listed > 0) & (listed <= 10)
    baseline = (scored.column("popularity") > 0) & (scored.column("popularity") <= 10)
    of_ours, of_baseline = figures["tie_safe"]["young"], figures["peers"]["popularity"]["young"]
    assert of_ours["events"] == of_baseline["events"] == young.sum()
    assert of_ours["hr@10"] == hits[young].mean()
    assert of_ours["met"]["hr@10"] == ((ours > 0) & (ours <= 10))[young & met].mean()
    assert of_ours["met"]["events"] == (young & met).sum() < young.sum()
    assert of_baseline["hr@10"] == baseline[young].mean()
    lead = figures["peers"]["popularity"]["lead"]["young"]
    assert lead["hr@10"] == pytest.approx(of_ours["hr@10"] - of_baseline["hr@10"])
    low, high = lead["interval"]["hr@10"]
    assert low < lead["hr@10"] < high
    assert "young" not in figures["plain"]
    # The main figures keep to the rules: what nobody had met is a miss.
    assert figures["tie_safe"]["hr@10"] == ((ours > 0) & (ours <= 10)).mean()


def test_the_best_peer_is_the_one_with_the_most_hits() -> None:
    figures = accuracy(random_judge(), 10, seed=0)
    assert figures["best_peer"] == "popularity"
    assert figures["best_peer_of"] == {"cold": "popularity", "young": "popularity"}
    assert figures["peers"]["none"]["hr@10"] == 0.0
    assert figures["peers"]["none"]["lead"]["hr@10"] == figures["tie_safe"]["hr@10"]


def test_a_peer_has_a_rank_for_every_scored_event() -> None:
    scored = random_judge(10).scored
    with pytest.raises(ValueError, match="3 ranks for 10"):
        scored.add_baseline("short", np.zeros(3, dtype=np.int64))
    assert (
        scored.column("popularity", newest=4).tolist()
        == scored.baselines["popularity"][6:].tolist()
    )
    assert scored.column("popularity", newest=0).tolist() == []


def test_nothing_scored_is_still_strict_json() -> None:
    judge = Prequential(5, repeats_on=False)
    judge.scored.add_baseline("popularity", np.zeros(0, dtype=np.int64))
    figures = accuracy(judge, 10, seed=0)
    assert figures["tie_safe"]["hr@10"] is None
    assert figures["tie_safe"]["interval"]["hr@10"] is None
    json.dumps(figures, allow_nan=False)
    assert figures["best_peer"] is None
    assert figures["best_peer_of"] == {"cold": None, "young": None}
    assert figures["tie_safe"]["young"]["interval"]["hr@10"] is None
    assert figures["peers"]["popularity"]["lead"]["cold"]["interval"]["hr@10"] is None


def test_ranks_file_has_a_row_per_scored_event(tmp_path) -> None:
    judge = judge_of([3, 0], [1, 1], [1, 1])
    write_ranks(judge.scored, tmp_path / "ranks.csv")
    assert (tmp_path / "ranks.csv").read_text() == "event_id,rank,candidates\ne0,3,30\ne1,,30\n"
