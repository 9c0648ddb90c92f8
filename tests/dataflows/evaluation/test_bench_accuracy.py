"""The benchmark of accuracy: what it hides, what it prints."""

from __future__ import annotations

import json

import pytest

from benchmarks import accuracy as bench
from benchmarks import accuracy_logs
from benchmarks.accuracy_logs import chosen, hide_items, is_there, write_log
from dataflows.evaluation.baselines.catalogue import BASELINES


def lines_of(n: int) -> list[str]:
    return [json.dumps({"event_id": f"e{at}", "item_id": f"i{at % 10}"}) for at in range(n)]


def test_half_of_the_items_are_unseen_until_mid_stream() -> None:
    lines = lines_of(200)
    kept = hide_items(lines, None, seed=0)
    assert kept[-100:] == lines[100:]
    before = {json.loads(line)["item_id"] for line in kept[:-100]}
    assert len(before) == 5
    assert kept == hide_items(lines, None, seed=0)
    other = hide_items(lines, None, seed=1)[:-100]
    assert {json.loads(line)["item_id"] for line in other} != before


def test_of_a_prefix_half_is_from_before_they_appear() -> None:
    kept = hide_items(lines_of(200), 40, seed=0)
    items = [json.loads(line)["item_id"] for line in kept]
    assert len(kept) == 40
    assert len(set(items[:20])) == 5
    assert len(set(items[20:])) == 10


def test_what_was_shown_and_not_clicked_is_no_event_of_the_benchmark(monkeypatch, tmp_path) -> None:
    file = tmp_path / "en_behaviors.tsv"
    file.write_text("0\tU1\tn1 n2\tn3-0 n4-1\n1\tU1\tn1 n2\tn5-0\n2\tU2\t\tn3-1 n1-0\n")
    monkeypatch.setitem(accuracy_logs.SOURCES, "nemig-en", ("nemig", file))
    assert is_there("nemig-en")
    log, items = write_log("nemig-en", tmp_path, None)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(event["type"], event["item_id"]) for event in events] == [
        ("read", "n1"), ("read", "n2"), ("click", "n4"), ("click", "n3"),
    ]  # fmt: skip
    assert (
        chosen("nemig-en", log, [event["event_id"] for event in events]) == [False] * 2 + [True] * 2
    )
    assert items is None


def test_an_undated_catalogue_lists_nothing_that_the_stream_has_not_met(
    monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(bench, "VECTORS", tmp_path / "vectors.sqlite")
    found = json.loads(json.dumps(bench.replay_log("shop", 600, "none", "hashing-32")))
    young = found["tie_safe"]["young"]
    young["hr@10"], young["met"]["hr@10"] = 0.4321, 0.1234
    for name, said, unsaid in (("shop", "0.4321", "0.1234"), ("nemig-de", "0.1234", "0.4321")):
        ours = bench.table(name, found)[2]
        assert said in ours
        assert unsaid not in ours


def test_every_method_has_its_line(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(bench, "VECTORS", tmp_path / "vectors.sqlite")
    found = json.loads(json.dumps(bench.replay_log("shop", 600, "markov,popularity", "hashing-32")))
    lines = bench.table("shop", found)
    assert lines[1].split()[0] == "method"
    assert {line.split()[0] for line in lines[2:]} == {"penchant", "markov", "popularity"}
    ours = next(line for line in lines if line.split()[0] == "penchant")
    assert f"{found['tie_safe']['hr@10']:.4f}" in ours
    assert f"{found['events_per_cpu_second']:,.0f}" in ours


@pytest.mark.parametrize(
    ("lead", "low", "verdict"),
    [(0.02, 0.01, "met"), (0.02, -0.01, "missed"), (0.008, 0.005, "missed")],
)
def test_a_lead_counts_that_is_large_and_sure(lead, low, verdict) -> None:
    def figures(rate: float) -> dict[str, object]:
        return {"hr@10": rate, "interval": {"hr@10": [low, 0.5]}}

    baseline = {
        **figures(0.2),
        "cold": figures(0.2),
        "lead": {**figures(lead), "cold": figures(lead)},
    }
    found = {
        "best_peer": "markov",
        "best_peer_of": {"cold": "markov"},
        "tie_safe": {**figures(0.2 + lead), "cold": figures(0.2 + lead)},
        "peers": {"markov": baseline},
    }
    said = bench.verdicts("deskdrop", found, whole=False)
    assert said[0].endswith(f": {verdict}")
    assert f"{100 * lead / 0.2:+.1f} %" in said[0]
    assert "the best baseline, markov, 0.2000" in said[1]


def test_stars_are_judged_by_what_was_liked(monkeypatch, tmp_path) -> None:
    rows = "".join(
        f"u{n % 20}\t{(n * 7) % 23 + 30 * (n % 20 % 2)}\t{n % 5 + 1}\t{900_000_000 + n}\n"
        for n in range(460)
    )
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (tmp_path / "ml.inter").write_text(header + rows)
    monkeypatch.setattr(bench, "VECTORS", tmp_path / "vectors.sqlite")
    monkeypatch.setitem(accuracy_logs.SOURCES, "ml-100k-liked", ("recbole", tmp_path))
    found = json.loads(json.dumps(bench.replay_log("ml-100k-liked", None, "none", "hashing-32")))
    liked, counts = found["liked"], found["unscored"]
    assert liked["events"] == found["scored"]
    assert found["scored"] + sum(counts.values()) == 460
    assert counts["unwanted"] > found["scored"] / 2
    assert liked["hr@10"]["with"] == found["tie_safe"]["hr@10"]
    gain = liked["hr@10"]["with"] - liked["hr@10"]["without"]
    assert liked["gain"] == pytest.approx(gain)
    assert 0 < found["unwanted"]["events"] <= counts["unwanted"]
    said, others = bench.verdicts("ml-100k-liked", found, whole=False)
    assert f"{liked['others']['with']:.4f}; where every" in others
    assert f"{liked['hr@10']['with']:.4f}" in said
    assert f"{liked['gain']:+.4f}" in said


def test_all_baselines_of_the_benchmark_are_ours(foreign) -> None:
    foreign({"penchant.baselines:theirs": "make"}, "def make(seed):\n    return 1 / 0\n")
    assert set(bench.of_ours("all")) <= set(BASELINES)
    assert bench.of_ours("popularity,markov") == ("popularity", "markov")
    assert bench.of_ours("none") == ()
