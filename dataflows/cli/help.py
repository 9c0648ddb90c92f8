r"""The help of every command: what stands below a line `\b` keeps its lines.

The command line's library joins the lines of a paragraph, unless its first line is the
backspace character. A raw docstring, which our linter asks for where there is a backslash,
holds two characters there, and the examples would run on in one paragraph. They are
put right once, for all commands, when the command line is built.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

WRITTEN = "\\b\n"
MEANT = "\b\n"

GROUPS = {
    "encoder": "penchant.encoders",
    "format": "penchant.formats",
    "baseline": "penchant.baselines",
    "signal": "penchant.signals",
}
"""The entry points by which other packages bring each kind."""


def listing(*kinds: str) -> type[TyperCommand]:
    """Return a kind of command whose help ends with what other packages bring of some kinds.

    It is looked up when the help is shown, and imports nothing of them.
    """

    class Listing(TyperCommand):
        """A command with what other packages bring."""

        def format_epilog(self, ctx: Any, formatter: Any) -> None:
            """Write the names, each with its package and version."""
            from learners.entry_points import brought, origin

            super().format_epilog(ctx, formatter)
            rows = [
                (f"{kind} {name}", origin(entry))
                for kind in kinds
                for name, entry in brought(GROUPS[kind]).items()
            ]
            if rows:
                with formatter.section("From other packages (docs/how-to/plugins.md)"):
                    formatter.write_dl(rows)

    return Listing


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
