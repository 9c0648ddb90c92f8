"""The folder that is written, and the command's exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.config.config import load_config
from dataflows.config.values import ValueScale
from dataflows.errors import InputError
from tests.dataflows.datasets.convert_files import (
    FILMS,
    RATED,
    movielens,
    put,
    read,
    told,
)


def test_a_folder_that_holds_a_conversion_is_not_written_over(tmp_path: Path):
    files = {"ratings.csv": RATED + "1,2,3,100\n"}
    movielens(tmp_path, files)
    kept = (tmp_path / "out" / "events.jsonl").read_bytes()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(InputError, match=r"out: holds events\.jsonl and items\.jsonl already"):
        movielens(tmp_path, {"ratings.csv": RATED + "5,2,3,100\n"})
    assert (tmp_path / "out" / "events.jsonl").read_bytes() == kept
    movielens(tmp_path, files, force=True)
    assert (
        read(tmp_path / "out")[0]["user_id"] == "5" or read(tmp_path / "out")[0]["user_id"] == "1"
    )
    (tmp_path / "out" / "events.jsonl").unlink()
    with pytest.raises(InputError, match=r"out: holds items\.jsonl already"):
        movielens(tmp_path, files)


def test_a_conversion_that_ends_early_leaves_nothing_that_looks_whole(tmp_path: Path, monkeypatch):
    files = {"ratings.csv": RATED + "1,2,3,100\n", "movies.csv": FILMS + "2,A,\n"}
    replaced: list[str] = []
    plain = Path.replace

    def dies(self: Path, target: Path) -> Path:
        replaced.append(target.name)
        if len(replaced) == 2:
            raise KeyboardInterrupt
        return plain(self, target)

    movielens(tmp_path, files)
    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        movielens(tmp_path, files, force=True)
    # The catalogue is new, and there are no events that could be taken for its own.
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["items.jsonl"]


def command(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dataflows.cli.main", "convert", *map(str, args)],
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_command_ends_badly_where_nothing_was_written_or_would_be_lost(tmp_path: Path):
    path = put(tmp_path / "in", {"ratings.csv": RATED + "1,2,x,100\n"})
    done = command("movielens", path, "-o", tmp_path / "out")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "none of 1 rows can be used" in done.stderr
    put(path, {"ratings.csv": RATED + "1,2,3,100\n"})
    done = command("movielens", path, "-o", tmp_path / "long ago")
    assert done.returncode == 1
    assert "1 events are dated before 1990" in done.stdout
    put(path, {"ratings.csv": RATED + "1,2,3,900000000\n"})
    assert command("movielens", path, "-o", tmp_path / "out").returncode == 0
    done = command("movielens", path, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "holds events.jsonl and items.jsonl already" in done.stderr
    done = command("movielens", path, "-o", tmp_path / "out", "--force", "--encoding", "utf-8")
    assert done.returncode == 0
    assert "columns of ratings.csv" in done.stdout
    assert "item_id" in done.stdout


def test_what_stars_mean_is_written_beside_the_log(tmp_path: Path):
    stars = "".join(f"{n},{n % 3},{n % 5 + 1},{100 + n}\n" for n in range(20))
    report = movielens(tmp_path, {"ratings.csv": RATED + stars})
    path = tmp_path / "out" / "penchant.toml"
    assert report.settings_path == path
    assert f"--config {path}" in told(report)
    values = load_config(path, None, {}).clean.values
    assert values == {"rating": ValueScale(dislike_below=3, like_above=3)}
    assert movielens(tmp_path, {}, force=True).settings_path == path


def test_a_configuration_that_is_there_is_left_as_it_is(tmp_path: Path):
    put(tmp_path / "out", {"penchant.toml": "[learner]\nk = 3\n"})
    stars = "".join(f"{n},2,{n % 5 + 1},{100 + n}\n" for n in range(20))
    report = movielens(tmp_path, {"ratings.csv": RATED + stars})
    assert (tmp_path / "out" / "penchant.toml").read_text() == "[learner]\nk = 3\n"
    assert report.settings_path is None
    assert "There is a penchant.toml already" in told(report)
    assert "[clean.values.rating]\ndislike_below = 3\nlike_above = 3" in told(report)


def test_values_that_are_no_stars_need_no_settings(tmp_path: Path):
    for values in ((80, 90, 100), (3, 3, 3)):
        rows = "".join(f"{n},2,{values[n % 3]},{100 + n}\n" for n in range(20))
        report = movielens(tmp_path, {"ratings.csv": RATED + rows}, force=True)
        assert (report.settings, report.settings_path) == ("", None)
        assert not (tmp_path / "out" / "penchant.toml").exists()
