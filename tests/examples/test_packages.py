"""The packages in examples/packages through the real command, as anybody's would be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from dataflows.datasets.shop.shop import Shop

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "packages"
PACKAGES = {
    path.parent.name: tomllib.loads(path.read_text("utf-8"))["project"]
    for path in sorted(FOLDER.glob("*/pyproject.toml"))
}
OURS = (
    "penchant-encoder-trigrams",
    "penchant-format-webshop",
    "penchant-baseline-hourly",
    "penchant-signal-price-range",
)


def penchant(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dataflows.cli.main", *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", OURS)
def test_it_is_installed_as_its_folder_says(name) -> None:
    about = PACKAGES[name]
    assert about["name"] == name
    try:
        installed = version(name)
    except PackageNotFoundError:
        pytest.fail(f"{name} is not installed: run `make .venv/installed-test`")
    assert installed == about["version"]


@pytest.mark.parametrize("name", PACKAGES)
def test_it_is_small_and_has_what_a_package_has(name) -> None:
    folder = FOLDER / name
    (module,) = folder.glob("*.py")
    assert module.stem == name.replace("-", "_")
    assert len(module.read_text("utf-8").splitlines()) <= 150
    assert len((folder / "README.md").read_text("utf-8").splitlines()) <= 30
    assert list((folder / "tests").glob("test_*.py"))
    (group,) = PACKAGES[name]["entry-points"]
    assert group == f"penchant.{name.split('-')[1]}s"
    assert all(
        of.startswith(f"{module.stem}:") for of in PACKAGES[name]["entry-points"][group].values()
    )


def test_a_replay_with_an_encoder_and_a_baseline_of_others(tmp_path) -> None:
    Shop(seed=1, items=60, users=20).write(tmp_path, 400)
    report = tmp_path / "report.json"
    done = penchant(
        *("replay", str(tmp_path / "events.jsonl"), "--items", str(tmp_path / "items.jsonl")),
        *("--encoder", "trigrams:64", "--against", "popularity,hourly", "--json", str(report)),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    assert told["settings"]["encoder"] == "trigrams:64"
    assert set(told["peers"]) == {"popularity", "hourly"}
    assert told["peers"]["hourly"]["notes"] == ["brought by penchant-baseline-hourly 0.1.0"]
    assert told["peers"]["hourly"]["hr@10"] > 0.0
    assert told["versions"]["encoder"].startswith("trigrams-64-")
    assert told["left_out"] == {}


def test_the_page_on_signals_shows_the_whole_of_the_example() -> None:
    page = (ROOT / "docs" / "how-to" / "signals.md").read_text("utf-8")
    module = FOLDER / "penchant-signal-price-range" / "penchant_signal_price_range.py"
    assert f"```python\n{module.read_text('utf-8')}```" in page


def test_a_conversion_by_a_format_of_others(tmp_path) -> None:
    shop = FOLDER / "penchant-format-webshop" / "tests" / "shop"
    done = penchant("convert", "webshop", str(shop), "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "converted from webshop (penchant-format-webshop 0.1.0)" in " ".join(done.stdout.split())
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 4


def test_a_slip_of_the_pen_is_one_line_with_the_near_name(tmp_path) -> None:
    Shop(seed=1, items=60, users=20).write(tmp_path, 40)
    log = str(tmp_path / "events.jsonl")
    for words, told in [
        (("convert", "webshp", ".", "-o", str(tmp_path / "out")), "did you mean webshop?"),
        (("replay", log, "--against", "hourli"), "did you mean hourly?"),
        (("replay", log, "--encoder", "trigrms"), "did you mean 'trigrams'?"),
        (("replay", log, "--encoder", "trigrams:7"), "give a multiple of 8 from 8 to 4096"),
    ]:
        done = penchant(*words)
        assert done.returncode == 2, words
        assert told in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("replay", ["encoder trigrams", "penchant-encoder-trigrams 0.1.0", "baseline hourly"]),
        ("convert", ["format webshop", "penchant-format-webshop 0.1.0"]),
        ("demo", ["encoder trigrams"]),
    ],
)
def test_the_help_names_what_is_installed(command, told) -> None:
    shown = penchant(command, "--help").stdout
    assert "From other packages" in shown
    assert [each for each in told if each not in shown] == []
