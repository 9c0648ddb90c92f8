"""Fixtures that all tests share, and the line that says what was skipped for want of data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.foreign_packages import write_package

ROOT = Path(__file__).resolve().parent.parent
NO_SHARED = "needs ../shared"
NO_ML100K = "needs ml-100k"
NO_CHROMIUM = "needs chromium"
NO_APACHE = "needs Apache Kafka"

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile(
    "no-clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("no-clock")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of sample data beside the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"{NO_SHARED}: there is no folder {folder}/data")
    return folder


@pytest.fixture(scope="session")
def ml100k() -> Path:
    """The folder that holds ml-100k.inter, ml-100k.item and ml-100k.user."""
    folder = Path(os.environ.get("PENCHANT_ML100K") or ROOT / ".cache" / "ml-100k")
    if not (folder / "ml-100k.inter").is_file():
        pytest.skip(f"{NO_ML100K}: run `make data`, or set PENCHANT_ML100K to its folder")
    return folder


@pytest.fixture
def shell(tmp_path):
    """Run a block as a newcomer would, in a folder of its own, with an encoder that is quick."""
    tools = tmp_path / "bin"
    tools.mkdir()
    command = tools / "penchant"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dataflows.cli.main "$@"\n')
    command.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environ = os.environ | {
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{work}/installed",
        "PENCHANT_ENCODER__NAME": "hashing-64",
    }

    def run(block: str) -> str:
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", block],
            cwd=work,
            env=environ,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    run.folder = work
    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    counts = {
        what: sum(mark in reason for reason in reasons)
        for what, mark in (
            ("../shared", NO_SHARED),
            ("ml-100k", NO_ML100K),
            ("chromium", NO_CHROMIUM),
            ("Apache Kafka", NO_APACHE),
        )
    }
    told = "; ".join(f"without {what}: {count}" for what, count in counts.items())
    terminalreporter.write_line(f"skipped {told}; skipped in all: {len(reasons)}")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of whoever runs the tests: what they do not sign would be refused."""
    for name in ("KEY", "KEY_FILE", "SIGNER"):
        monkeypatch.delenv(f"PENCHANT_DECISIONS_{name}", raising=False)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Install packages of somebody else's for one test: see `write_package`."""
    modules: list[str] = []

    def install(entries: dict[str, str], code: str | None = "", **about: str) -> str:
        folder = tmp_path / f"installed-{len(modules)}"
        folder.mkdir()
        modules.append(write_package(folder, entries, code, **about))
        monkeypatch.syspath_prepend(folder)
        return modules[-1]

    yield install
    for module in modules:
        sys.modules.pop(module, None)
