"""The help of every command, its examples, the versions, and what a shell completes."""

from __future__ import annotations

import inspect
import os
import platform
import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest

from dataflows.cli.help import command_line
from dataflows.cli.main import app
from dataflows.lifecycle.versions import installed, version_line

WIDEST = 80
BEHIND = re.compile(r" [>|].*")
SETTING = re.compile(r"PENCHANT_\w+=\S+ ")


def below(command, names=()):
    """Each command that is run, by its words."""
    commands = getattr(command, "commands", None)
    if commands is None:
        return {names: command}
    found = {}
    for name, each in commands.items():
        found |= below(each, (*names, name))
    return found


ROOT = command_line(app)
COMMANDS = below(ROOT)


def call(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dataflows.cli.main", *args],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | environ,
        stdin=subprocess.DEVNULL,
    )


def help_of(names, columns: int = 80) -> list[str]:
    done = call(*names, "--help", COLUMNS=str(columns))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def examples_of(command) -> list[str]:
    """The examples as they are written."""
    written = inspect.cleandoc(command.callback.__doc__)
    _, _, examples = re.split(r"^(Examples?:)$", written, flags=re.MULTILINE)
    return [line.strip() for line in examples.splitlines() if line.strip()]


def test_the_walk_meets_the_commands_of_every_room() -> None:
    assert {("run",), ("replay",), ("topics", "create"), ("intents", "retire")} < set(COMMANDS)
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("names", [(), *COMMANDS], ids=" ".join)
def test_each_example_stands_on_a_line_of_its_own(names) -> None:
    lines = help_of(names)
    examples = examples_of(COMMANDS[names] if names else ROOT)
    assert examples
    assert [line.strip() for line in lines if line.strip() in examples] == examples
    assert all(len(line) <= WIDEST for line in lines)
    assert not any("\\b" in line or "\b" in line for line in lines)
    assert sum("Example" in line for line in lines) == 1


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_what_an_example_names_is_there(names) -> None:
    own = 0
    for example in examples_of(COMMANDS[names]):
        ours, *words = shlex.split(BEHIND.sub("", SETTING.sub("", example)))
        assert ours == "penchant"
        depth = 1 if tuple(words[:1]) in COMMANDS else 2
        named, rest = tuple(words[:depth]), words[depth:]
        own += named == names
        # Parsed as it would be to run it: an option or a choice that is not there raises.
        COMMANDS[named].make_context(named[-1], rest)
    assert own


def test_the_examples_of_the_whole_name_commands() -> None:
    for example in examples_of(ROOT):
        _, name, *rest = shlex.split(example)
        COMMANDS[(name,)].make_context(name, rest)


@pytest.mark.parametrize("names", [(), ("replay",), ("models", "compress")], ids=" ".join)
def test_a_narrow_terminal_is_not_overrun_but_by_an_example(names) -> None:
    examples = examples_of(COMMANDS[names] if names else ROOT)
    for line in help_of(names, columns=60):
        assert len(line) <= 60 or line.strip() in examples


def test_the_option_and_the_command_say_the_same_of_versions() -> None:
    of_option, of_command = call("--version"), call("version")
    assert of_option.returncode == of_command.returncode == 0
    assert of_option.stdout == of_command.stdout
    assert of_option.stdout.startswith(f"penchant {version('penchant')} (")
    for name in ("bytewax", "torch"):
        assert f"{name} {version(name)}" in of_option.stdout
    assert f"Python {platform.python_version()}" in of_option.stdout


def test_what_is_not_installed_has_no_version(monkeypatch) -> None:
    assert installed("nothing-of-this-name") is None
    monkeypatch.setattr("dataflows.lifecycle.versions.STANDS_ON", ("nothing-of-this-name",))
    assert "nothing-of-this-name missing" in version_line()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("penchant rep", {"replay"}),
        ("penchant intents re", {"retire"}),
        ("penchant models rollback ", {"encoder", "language"}),
        ("penchant replay --ra", {"--ranks"}),
    ],
)
def test_a_shell_completes_commands_choices_and_options(typed, offered) -> None:
    place = str(len(typed.split(" ")) - 1)
    done = call(_PENCHANT_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == offered


def test_the_script_of_a_shell_asks_penchant() -> None:
    shown = call(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1", _PENCHANT_COMPLETE="source_bash")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "complete -o default -F _penchant_completion penchant" in shown.stdout
