"""Runs pytest; what failed of the tests is run once more, alone in one process.

    python -m tests.second_try [options of pytest]

Brokers, servers and the threads beside them share a machine with whatever else runs, so one of
their tests may fail for want of time and nothing else. Failed is the run where one fails again, and
at once where a file cannot be collected or a worker crashes. The last lines name every test that
failed, also one that passed alone: that one has to be mended too, but holds nobody up. A property
test that failed is tried with the example that it failed with.

In tests of Kafka a worker may crash beside a broker that is frozen: the client library aborts its
process, seldom, on a machine that is very busy. No worker takes its place then (xdist may wait for
ever where one does); all that has not passed yet is run alone, the test that it crashed in too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

MOST = 8
"""With more failed ones than that something is broken."""
FAILED = int(pytest.ExitCode.TESTS_FAILED)
RECORD = "PENCHANT_TEST_RECORD"
SKIP = "PENCHANT_TEST_SKIP"
OF_KAFKA = "connectors/kafka/"
"""In the names of tests after which a crash is no end yet."""
CRASHED = "???"
"""What xdist says a test was doing when its worker went."""


class Record(msgspec.Struct):
    """What became of the tests, by name; `final` are failures that no second try mends.

    In those that are `crashed` a worker ended, and what was left to it did not run.
    """

    passed: list[str] = []
    failed: list[str] = []
    crashed: list[str] = []
    final: list[str] = []


class Recorder:
    """A plugin of pytest, in the process that hears of all tests."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._record = Record()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        record, name = self._record, report.nodeid
        if report.failed:
            if report.when == CRASHED:
                _add(record.crashed if OF_KAFKA in name else record.final, name)
            else:
                _add(record.failed, name)
        elif report.passed and report.when == "call":
            _add(record.passed, name)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            _add(self._record.final, report.nodeid)

    def pytest_unconfigure(self) -> None:
        self._path.write_bytes(msgspec.json.encode(self._record))


class Skipping:
    """A plugin that leaves out what has passed, by the record of an earlier run."""

    def __init__(self, path: Path) -> None:
        self._passed = set(msgspec.json.decode(path.read_bytes(), type=Record).passed)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid not in self._passed]


def pytest_configure(config: pytest.Config) -> None:
    """Record in the process that was asked to, which is none of xdist's workers."""
    skipped = os.environ.get(SKIP)
    if skipped:
        config.pluginmanager.register(Skipping(Path(skipped)), "second-try-skipping")
    path = os.environ.get(RECORD)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path)), "second-try")


def run(options: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run pytest with these options, and once more what may have failed for want of time.

    Returns the exit status: 0 where each test has passed at last.
    """
    with tempfile.TemporaryDirectory() as folder:
        cache = ["-o", f"cache_dir={folder}/cache"]
        record, once = Path(folder) / "first", ["--max-worker-restart=0"]
        status, first = _pytest([*options, *once, *cache], environ, record)
        again_too = [*first.failed, *first.crashed]
        failed = [*first.final, *again_too]
        if status != FAILED or first.final or not 0 < len(again_too) <= MOST:
            _say("failed", failed)
            return status
        _say("failed, and is run once more, alone", failed)
        alone = ["-n", "0"]
        if first.crashed:
            environ = {**environ, SKIP: str(record)}
        else:
            alone += ["--last-failed", "--last-failed-no-failures", "none"]
        if any(option.startswith("--cov") for option in options):
            alone.append("--no-cov")
        again, second = _pytest([*options, *cache, *alone], environ, Path(folder) / "second")
    passed = set(second.passed) - {*second.failed, *second.final}
    mended = [name for name in failed if name in passed]
    _say("failed once, passed alone", mended)
    _say("failed twice", [name for name in failed if name not in passed])
    return FAILED if again == 0 and len(mended) < len(failed) else again


def _pytest(options: list[str], environ: Mapping[str, str], record: Path) -> tuple[int, Record]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.second_try", *options]
    done = subprocess.run(command, env={**environ, RECORD: str(record)}, check=False)
    if not record.is_file():  # pytest itself did not come to its end
        return done.returncode or FAILED, Record()
    return done.returncode, msgspec.json.decode(record.read_bytes(), type=Record)


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _say(what: str, names: list[str]) -> None:
    for name in names:
        print(f"{what}: {name}", flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
