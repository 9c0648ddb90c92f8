"""The script that compares the ranks of two checkouts: what it finds equal, what not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import same_ranks
from benchmarks.same_ranks import CHECKOUT

HEAD = "event_id,rank,candidates\n"
ROWS = [f"e{n},{n % 7 + 1},{n + 1}\n" for n in range(2500)]


def csv(rows: list[str]) -> bytes:
    return (HEAD + "".join(rows)).encode()


def changed(at: int) -> list[str]:
    return [*ROWS[:at], f"e{at},9,{at + 1}\n", *ROWS[at + 1 :]]


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Runs the script on one log whose ranks are given for either checkout, not replayed."""
    there = tmp_path / "log"
    there.mkdir()
    (there / "part").write_text("x")
    monkeypatch.setitem(same_ranks.SOURCES, "ml-100k", ("recbole", there))
    monkeypatch.setitem(same_ranks.SOURCES, "wikispeedia", ("wikispeedia", tmp_path / "none"))
    monkeypatch.setattr(same_ranks, "convert", lambda _name, folder: (folder / "events", None))

    def run(here: list[str], *arguments: str | Path, there: list[str] | None = None) -> int:
        def ranks_of(checkout, *_):
            return csv(here if checkout == CHECKOUT or there is None else there)

        monkeypatch.setattr(same_ranks, "ranks_of", ranks_of)
        given = ["same_ranks", "--logs", "ml-100k,wikispeedia", *map(str, arguments)]
        monkeypatch.setattr("sys.argv", given)
        return same_ranks.main()

    return run


@pytest.fixture
def other(tmp_path) -> Path:
    (tmp_path / "before" / "dataflows").mkdir(parents=True)
    (tmp_path / "before" / "dataflows" / "__init__.py").touch()
    return tmp_path / "before"


def test_equal_ranks_and_a_log_that_is_not_there(bench, other, capsys) -> None:
    assert bench(ROWS, "--against", other) == 0
    said = capsys.readouterr().out
    assert "ml-100k: " in said
    assert "2,500 ranks, equal" in said
    assert "wikispeedia: left out" in said


def test_the_first_difference_is_told(bench, other, capsys) -> None:
    assert bench(ROWS, "--against", other, there=changed(1200)) == 1
    assert f"differ first at rank 1,201: {ROWS[1200].strip()} here, e1200,9,1201 there" in (
        capsys.readouterr().out
    )


def test_a_rank_more_is_a_difference(bench, other, capsys) -> None:
    assert bench(ROWS, "--against", other, there=ROWS[:-1]) == 1
    assert f"at rank 2,500: {ROWS[-1].strip()} here, nothing there" in capsys.readouterr().out


def test_saved_digests_are_compared_by_blocks(bench, tmp_path, capsys) -> None:
    saved = tmp_path / "before.json"
    assert bench(ROWS, "--save", saved) == 0
    assert bench(ROWS, "--with", saved) == 0
    assert "2,500 ranks, equal" in capsys.readouterr().out
    assert bench(changed(2100), "--with", saved) == 1
    assert "differ first among ranks 2,001 to 3,000" in capsys.readouterr().out


def test_what_was_saved_of_other_events_is_not_compared(bench, tmp_path, capsys) -> None:
    saved = tmp_path / "before.json"
    bench(ROWS, "--save", saved, "--limit", "100")
    capsys.readouterr()
    assert bench(ROWS, "--with", saved) == 2
    assert "saved with limit 100 and encoder packaged: not compared" in capsys.readouterr().out


@pytest.mark.slow
def test_a_checkout_equals_itself(monkeypatch, tmp_path, capsys) -> None:
    log = tmp_path / "ml-100k"
    log.mkdir()
    rows = [f"{n % 12}\t{n * n % 31}\t{n % 5 + 1}\t{880000000 + 60 * n}" for n in range(300)]
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    (log / "ml-100k.inter").write_text("\n".join([head, *rows]) + "\n")
    monkeypatch.setitem(same_ranks.SOURCES, "ml-100k", ("recbole", log))
    saved = tmp_path / "ranks.json"
    given = ["--logs", "ml-100k", "--encoder", "hashing-32", "--limit", "250", "--save", str(saved)]
    monkeypatch.setattr("sys.argv", ["same_ranks", "--against", str(CHECKOUT), *given])
    assert same_ranks.main() == 0
    assert "200 ranks, equal" in capsys.readouterr().out
    assert json.loads(saved.read_text())["ml-100k"]["ranks"] == 200
