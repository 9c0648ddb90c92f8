"""The page of commands, from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from dataflows.cli.main import app
from docs.generate.attributes import cell, linked, one_line

AS_IT_STANDS = "\\b\n"
"""A paragraph of help that begins with it keeps its lines: examples."""


def commands() -> str:
    """Return the sections of all commands, one after the other."""
    return "\n".join(_sections(typer.main.get_command(app), "penchant", 1))


def _sections(command: Any, name: str, level: int) -> Iterator[str]:
    """Yield the paragraphs of a command, then those of the commands below it."""
    context = typer.Context(command, info_name=name)
    if level > 1:
        yield f"{'#' * level} {name}\n"
    yield f"    Usage: {name} {' '.join(command.collect_usage_pieces(context))}\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield _paragraph(paragraph)
    records = [each.get_help_record(context) for each in command.params if each.name != "help"]
    rows = [f"| `{_bar(name)}` | {_told(told)} |\n" for name, told in filter(None, records)]
    if rows:
        yield "| argument or option | what |\n|---|---|\n" + "".join(rows)
    for below in getattr(command, "commands", {}).values():
        if below.hidden:
            continue
        yield from _sections(below, f"{name} {below.name}", level + 1)


def _paragraph(text: str) -> str:
    """Return a paragraph of help: one line, or as it stands."""
    if not text.startswith(AS_IT_STANDS):
        return linked(one_line(text)) + "\n"
    title, *lines = text.removeprefix(AS_IT_STANDS).splitlines()
    return f"{title}\n\n" + "".join(f"    {line.strip()}\n" for line in lines)


def _told(text: str) -> str:
    return cell(text.replace("[default: ", "[default "))


def _bar(text: str) -> str:
    """Return code as it may stand in a cell of a table."""
    return text.replace("|", "\\|")
