r"""The help of every command: what stands below a line `\b` keeps its lines.

The command line's library joins the lines of a paragraph, unless its first line is the
backspace character. A raw docstring, which our linter asks for where there is a backslash,
holds two characters there, and the examples would run on in one paragraph. They are
put right once, for all commands, when the command line is built.
"""

from __future__ import annotations

from typing import Any

import typer

WRITTEN = "\\b\n"
MEANT = "\b\n"


def command_line(app: typer.Typer) -> Any:
    """Build the command of `app`, with all below it, so that its help reads as it is written."""
    command = typer.main.get_command(app)
    _keep_lines(command)
    return command


def _keep_lines(command: Any) -> None:
    if command.help:
        command.help = command.help.replace(WRITTEN, MEANT)
    for below in getattr(command, "commands", {}).values():
        _keep_lines(below)
