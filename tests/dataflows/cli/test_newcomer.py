"""The command line in the hands of someone new: Ctrl-C, a pipe that closes, a plain terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.datasets.shop.shop import Shop

ESCAPE = "\x1b["


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer")
    Shop(seed=1, items=80, users=20).write(folder, 4_000)
    return folder


@pytest.fixture(scope="module")
def long_folder(tmp_path_factory) -> Path:
    """A log that is not read to its end before a signal comes, however quick the machine is."""
    folder = tmp_path_factory.mktemp("newcomer-long")
    Shop(seed=1, items=80, users=20).write(folder, 20_000)
    return folder


def begun(folder: Path, *args: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dataflows.cli.main", *args],
        cwd=folder,
        env=os.environ | {"PENCHANT_ENCODER__NAME": "hashing-32"} | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "args",
    [
        ("replay", "events.jsonl", "--items", "items.jsonl"),
        ("demo", "events.jsonl", "--items", "items.jsonl", "--no-rounds"),
    ],
    ids=lambda args: args[0],
)
def test_ctrl_c_in_the_midst_of_a_flow_ends_it_without_a_word(long_folder, args) -> None:
    with begun(long_folder, *args) as process:
        assert process.stderr is not None
        # In the midst of the flow it is once it tells of the first drift, as it does of this log.
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=120)
    others = [line for line in (first + rest).splitlines() if not line.startswith("drift: ")]
    assert (process.returncode, others) == (130, [])
    assert first


@pytest.mark.parametrize("args", [("--help",), ("check", "events.jsonl"), ("replay", "--help")])
def test_a_reader_that_leaves_is_no_fault(folder, args) -> None:
    with begun(folder, *args) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode in (0, 1)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_nothing_is_coloured_where_no_one_looks(folder, environ) -> None:
    out, err = begun(folder, "check", "events.jsonl", **environ).communicate(timeout=120)
    assert "4,000 records" in out
    assert err == ""
    assert ESCAPE not in out


def test_a_plain_locale_gets_its_letters(folder) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    process = begun(folder, "check", "events.jsonl", **plain)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "4,000 records" in out


def test_a_configuration_that_lies_there_unread_is_told(folder) -> None:
    named = folder / "penchant.toml"
    named.write_text("[learner]\nk = 3\n")
    try:
        told = begun(folder, "check", "events.jsonl").communicate(timeout=120)[1]
        assert (
            told
            == "penchant: penchant.toml lies here and is not read: give --config penchant.toml\n"
        )
        told = begun(folder, "check", "events.jsonl", "--config", "penchant.toml").communicate()[1]
        assert told == ""
    finally:
        named.unlink()


def test_json_where_a_table_is_wanted_is_told_with_an_example(folder) -> None:
    slip = {"PENCHANT_KAFKA__CLIENT": '{"client.id": "shop"}'}
    told = begun(folder, "check", "events.jsonl", **slip).communicate(timeout=120)[1]
    assert 'not a table such as {"client.id" = "shop"}' in told
