"""docs/how-to/plugins.md and the help of commands, held against the code and the examples."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

from typer.testing import CliRunner

from dataflows.cli.help import GROUPS
from dataflows.cli.main import app
from dataflows.datasets import convert
from dataflows.evaluation.baselines import catalogue
from encoders import load
from learners.signals import added

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "how-to" / "plugins.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\w+) \| `(penchant\.\w+)` \| (.+) \|$", PAGE, re.MULTILINE)


def test_the_groups_are_where_the_code_looks() -> None:
    assert {kind: group for kind, group, _ in ROWS} == GROUPS
    assert GROUPS == {
        "encoder": load.GROUP,
        "format": convert.GROUP,
        "baseline": catalogue.GROUP,
        "signal": added.GROUP,
    }


def test_the_files_and_checks_named_are_there() -> None:
    files = set(re.findall(r"`(\w+(?:/\w+)+\.py)`", PAGE))
    assert len(files) >= 6
    assert [name for name in files if not (ROOT / name).is_file()] == []
    for file, name in [
        ("encoders.testing", "ENCODER_CHECKS"),
        ("encoders.testing", "check_installed"),
        ("dataflows.datasets.testing", "FORMAT_CHECKS"),
        ("dataflows.evaluation.baselines.testing", "BASELINE_CHECKS"),
    ]:
        assert name in PAGE
        assert hasattr(import_module(file), name)


def test_the_package_shown_is_the_example() -> None:
    (shown,) = re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL)
    told = tomllib.loads(shown)
    name = told["project"]["name"]
    really = tomllib.loads(
        (ROOT / "examples/packages" / name / "pyproject.toml").read_text("utf-8")
    )
    assert told["build-system"] == really["build-system"]
    assert told["tool"] == really["tool"]
    assert told["project"]["entry-points"] == really["project"]["entry-points"]


def test_the_help_ends_with_what_packages_bring_of_the_kinds_that_it_takes(foreign) -> None:
    foreign({f"{group}:some-{kind}": "THING" for kind, group in GROUPS.items()})
    for command, kinds in {
        "run": {"encoder", "signal"},
        "replay": {"encoder", "signal", "baseline"},
        "convert": {"format"},
        "demo": {"encoder"},
        "check": set(),
    }.items():
        shown = CliRunner().invoke(app, [command, "--help"]).stdout
        assert {kind for kind in GROUPS if f"{kind} some-{kind}" in shown} == kinds
        assert ("somebodys-package 1.0" in shown) is bool(kinds)


def test_where_nobody_brings_anything_the_help_says_nothing_of_it(monkeypatch) -> None:
    monkeypatch.setattr("learners.entry_points.entry_points", lambda group: [])
    from learners import entry_points

    entry_points._declared.cache_clear()
    shown = CliRunner().invoke(app, ["convert", "--help"]).stdout
    entry_points._declared.cache_clear()
    assert "From other packages" not in shown
    assert "cais-zh" in shown
