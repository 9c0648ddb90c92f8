"""RDF as N-Triples: the text that each subject has under a property.

A literal may go over lines, which the standard forbids and which published files have all the
same. A line that begins another triple while a literal is open ends it: it is refused, and no
line behind it is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from dataflows.datasets.rows.csv_rows import LONGEST_CELL
from dataflows.datasets.rows.opening import opened
from dataflows.datasets.rows.tally import Tally
from dataflows.errors import InputError

_HEAD = re.compile(r'<([^<>"\s]*)>\s+<([^<>"\s]*)>\s+(?=["<_])')
_LITERAL = re.compile(
    r'"((?:[^"\\]|\\.)*)"(?:@[A-Za-z0-9-]+|\^\^<[^<>"\s]*>)?\s*\.\s*(?:#.*)?$', re.DOTALL
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_CHARACTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}
_LAST = 0x10FFFF


class Triple(msgspec.Struct, frozen=True):
    """A subject and a property by the last part of their addresses, and the text between quotes."""

    subject: str
    property: str
    text: str


def read_triples(path: Path, what: str, tally: Tally) -> Iterator[Triple]:
    """Yield the triples whose object is a text; what is none is refused, with its first line.

    Triples that point at something (an address, a blank node) are counted and left out. Raises
    InputError for a file without lines.
    """
    is_empty = True
    with opened(path, tally) as file:
        for line, statement in _statements(file):
            is_empty = False
            head = _HEAD.match(statement)
            if head is None:
                tally.refuse_unread(path.name, line, "not a triple", _start(statement))
                continue
            rest = statement[head.end() :]
            if not rest.startswith('"'):
                tally.note("triples without a text left out")
                continue
            literal = _LITERAL.match(rest)
            if literal is None:
                tally.refuse_unread(path.name, line, "open quote", _start(statement))
                continue
            yield Triple(_last_part(head[1]), _last_part(head[2]), _unescaped(literal[1]))
    if is_empty:
        raise InputError(f"{path}: is empty; {what} is wanted")


def _statements(file: IO[str]) -> Iterator[tuple[int, str]]:
    """Yield (number of its first line, statement); neither blank lines nor comments."""
    first, held = 0, ""
    for line, text in enumerate(file, 1):
        if held and (_HEAD.match(text) or len(held) > LONGEST_CELL):
            yield first, held.rstrip("\r\n")
            held = ""
        if not held and (not text.strip() or text.startswith("#")):
            continue
        first = first if held else line
        held += text
        if not _goes_on(held, text):
            yield first, held.rstrip("\r\n")
            held = ""
    if held:
        yield first, held.rstrip("\r\n")


def _goes_on(held: str, newest: str) -> bool:
    """Return whether a literal is open at the end of what is held, `newest` being its last line."""
    head = _HEAD.match(held)
    if head is None or held[head.end()] != '"':
        return False
    return '"' not in newest or _LITERAL.match(held, head.end()) is None


def _start(statement: str) -> str:
    return repr(statement[:60])


def _last_part(address: str) -> str:
    return re.split(r"[/#]", address)[-1]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    """Return what an escape stands for; a code that is no character stays as it is written."""
    code = escape[1]
    if len(code) == 1:
        return _CHARACTERS.get(code, code)
    number = int(code[1:], 16)
    is_half = 0xD800 <= number <= 0xDFFF
    return escape[0] if number > _LAST or is_half else chr(number)
