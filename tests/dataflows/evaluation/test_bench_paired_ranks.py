"""The script that compares two sets of ranks event by event: what it pairs, what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import paired_ranks
from benchmarks.paired_ranks import CHECKOUT, Ranks, differences, paired, pooled
from benchmarks.replay_ranks import read_setting

MADE_BY = {"model": "1-abc", "encoder": "e", "prior": "packaged", "repeats": "off"}


def ranks(ids: list[str], users: list[int], places: list[int]) -> Ranks:
    return Ranks(ids, np.array(users), np.array(places), MADE_BY)


def test_events_are_paired_by_their_ids() -> None:
    before = ranks(["a", "b", "c"], [0, 0, 1], [1, 0, 11])
    after = ranks(["c", "x", "a"], [5, 5, 7], [2, 1, 3])
    pairs = paired(before, after)
    assert pairs.users.tolist() == [5, 7]
    assert pairs.before[:, 0].tolist() == [0, 1]
    assert pairs.after[:, 0].tolist() == [1, 1]
    assert pairs.after[:, 1] == pytest.approx([1 / np.log2(3), 1 / np.log2(4)])
    assert len(paired(before, ranks(["y"], [0], [1])).users) == 0


def test_the_interval_is_that_of_users_not_of_events() -> None:
    ids = [f"e{n}" for n in range(400)]
    places = np.tile([1, 20], 200)
    for users, least in ((np.arange(400) % 2, 0.9), (np.arange(400) // 2, 0.0)):
        before = Ranks(ids, users, np.full(400, 20), MADE_BY)
        mean, low, high = differences(paired(before, Ranks(ids, users, places, MADE_BY)))[0]
        assert mean == 0.5
        assert high - low >= least
    assert high - low == 0.0  # every user gains as much as any other


def test_people_of_two_logs_are_different_people() -> None:
    one = paired(ranks(["a", "b"], [0, 3], [1, 1]), ranks(["a", "b"], [0, 3], [1, 2]))
    both = pooled([one, one])
    assert both.users.tolist() == [0, 3, 4, 7]
    assert len(both.after) == 4


def test_a_setting_is_json_or_a_word() -> None:
    assert read_setting("learner.k=5") == ("learner.k", 5)
    assert read_setting("learner.prior=none") == ("learner.prior", "none")


@pytest.fixture
def bench(monkeypatch, tmp_path, capsys):
    """Run the script on one log of 600 events whose ranks are given, not replayed."""
    there = tmp_path / "log"
    there.mkdir()
    rows = [f"{n % 12}\t{n % 31}\t3\t{880000000 + 60 * n}" for n in range(600)]
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    (there / "ml-100k.inter").write_text("\n".join([head, *rows]) + "\n")
    monkeypatch.setitem(paired_ranks.SOURCES, "ml-100k", ("recbole", there))
    monkeypatch.setitem(paired_ranks.SOURCES, "deskdrop", ("deskdrop", tmp_path / "none"))

    def run(here: list[int], *arguments: str | Path, before: list[int] | None = None):
        def ranks_of(checkout, log, out, limit, settings):
            assert log[0].is_file()
            places = before if before is not None and out.name == "before.npz" else here
            ids = [f"e{n}" for n in range(len(places))]
            users = np.arange(len(places)) % 12
            np.savez(out, ids=ids, users=users, ranks=places, made_by=json.dumps(MADE_BY))
            return paired_ranks.read_ranks(out)

        monkeypatch.setattr(paired_ranks, "ranks_of", ranks_of)
        given = ["paired_ranks", "--logs", "ml-100k,deskdrop", *map(str, arguments)]
        monkeypatch.setattr("sys.argv", given)
        return paired_ranks.main(), capsys.readouterr().out

    return run


def test_a_gain_is_printed_whole_and_of_the_first_events(bench) -> None:
    # Of 600 events none hit before; after, half of the first 500 do, and none behind them.
    status, said = bench([1, 0] * 250 + [0] * 100, "--against", CHECKOUT, before=[0] * 600)
    assert status == 0
    lines = said.splitlines()
    assert lines[0].startswith(
        "ml-100k: model 1-abc, prior packaged -> model 1-abc, prior packaged"
    )
    assert "600 events; HR@10 0.0000 -> 0.4167, +0.4167 (" in lines[1]
    assert "500 events; HR@10 0.0000 -> 0.5000, +0.5000 (" in lines[2]
    assert "deskdrop: left out" in lines[3]
    assert lines[4] == "logs together: 1"
    assert "500 events; HR@10 0.0000 -> 0.5000" in lines[5]
    assert lines[6] == "worse by more than 0.0010: none"


def test_a_loss_fails(bench) -> None:
    status, said = bench([1] * 598 + [0] * 2, "--against", CHECKOUT, before=[1] * 600)
    assert status == 1
    assert "worse by more than 0.0010: ml-100k -0.0033" in said


def test_saved_ranks_are_compared_later(bench, tmp_path) -> None:
    kept = tmp_path / "kept"
    status, said = bench([1, 2] * 100, "--save", kept)
    assert (status, "nothing to compare with" in said) == (0, True)
    status, said = bench([1, 2] * 100, "--with", kept)
    assert status == 0
    assert "200 events; HR@10 1.0000 -> 1.0000, +0.0000 (+0.0000 to +0.0000)" in said
    status, _ = bench([1, 2] * 100, "--with", tmp_path)  # no ranks there
    assert status == 2


@pytest.mark.slow
def test_a_checkout_replays_as_itself(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(paired_ranks, "VECTORS", tmp_path / "vectors.sqlite")
    given = ["--logs", "shop", "--limit", "300", "--encoder", "hashing-32"]
    monkeypatch.setattr("sys.argv", ["paired_ranks", "--against", str(CHECKOUT), *given])
    assert paired_ranks.main() == 0
    said = capsys.readouterr().out
    assert "+0.0000 (+0.0000 to +0.0000)" in said
    assert "repeats on" in said or "repeats off" in said
