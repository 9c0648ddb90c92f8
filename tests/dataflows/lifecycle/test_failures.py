"""A failed command says one line and ends with the right status."""

from __future__ import annotations

import pytest

from dataflows.errors import InputError, LedgerError
from dataflows.lifecycle.exit_status import describe, run_to_status
from dataflows.lifecycle.own_packages import mend
from encoders.base import EncoderError


def failing(error: BaseException):
    def command() -> None:
        raise error

    return command


def wrapped(error: BaseException) -> BaseException:
    outer = RuntimeError("error in step learn")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("k is 0; the least is 1"), 2, "penchant: k is 0; the least is 1\n"),
        (wrapped(InputError("gone.jsonl: no file")), 2, "penchant: gone.jsonl: no file\n"),
        (LedgerError("3 in, 2 out"), 1, "penchant: 3 in, 2 out\n"),
        (EncoderError("no such model"), 2, "penchant: no such model\n"),
        (
            wrapped(ValueError("two\nlines")),
            1,
            "penchant: ValueError: two lines (set PENCHANT_DEBUG=1 for the traceback)\n",
        ),
        (
            ModuleNotFoundError("No module named 'river'", name="river"),
            1,
            f"penchant: the library river is missing from this environment: {mend()}\n",
        ),
        (
            ModuleNotFoundError("No module named 'learners.types'", name="learners.types"),
            1,
            f"penchant: our own learners.types is missing from here: {mend('learners')}\n",
        ),
    ],
)
def test_one_line_and_a_status(error, status, line, capsys, monkeypatch) -> None:
    monkeypatch.delenv("PENCHANT_DEBUG", raising=False)
    assert run_to_status(failing(error)) == status
    assert capsys.readouterr().err == line


def test_the_traceback_is_shown_on_demand(capsys, monkeypatch) -> None:
    monkeypatch.setenv("PENCHANT_DEBUG", "1")
    assert run_to_status(failing(ValueError("odd"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupted_and_well(capsys) -> None:
    assert run_to_status(failing(KeyboardInterrupt())) == 130
    assert run_to_status(failing(wrapped(KeyboardInterrupt()))) == 130
    assert capsys.readouterr().err == ""
    assert run_to_status(lambda: None) == 0
    assert run_to_status(lambda: 3) == 3


def test_an_option_that_there_is_not_is_told_with_the_nearest_first() -> None:
    from typer.testing import CliRunner

    from dataflows.cli.main import app

    failed = CliRunner().invoke(app, ["replay", "x", "--limt", "3"], standalone_mode=False)
    line, status = describe(failed.exception)
    assert status == 2
    assert line.startswith("No such option: --limt; did you mean --limit or --items? (see `")
