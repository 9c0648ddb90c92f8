"""cais-zh: what people say to a Chinese voice assistant, with intents. Every row is a user.

`ch.train` holds one character (and its slot) a line, sentences apart by an empty
line; `ch.train.intent` holds one intent a line, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from dataflows.convert.banking77 import query
from dataflows.convert.draft import Log, Timed
from dataflows.convert.tables import find_beside, find_file, opened
from dataflows.convert.tally import RowRefused, Tally
from dataflows.errors import InputError

FILES = ("ch.train", "ch.valid", "ch.test")
Pair = tuple[str, str]


def open_log(path: Path, tally: Tally) -> Log:
    """Find ch.train, ch.valid and ch.test with their intents. Raises InputError without any."""
    files = [find_file(path, FILES, "cais-zh")]
    if path.is_dir():
        files = [found for name in FILES if (found := find_beside(path, (name,)))]
    pairs = {file: _pairs(file) for file in files}
    events = (
        timed
        for file, rows in pairs.items()
        for timed in tally.each(file.name, rows, _event_of(file.suffix.lstrip(".")))
    )
    return Log(events, iter(()), ("The set has no items.",))


def _event_of(split: str) -> Callable[[int, Pair], Iterator[Timed]]:
    def event(line: int, row: Pair) -> Iterator[Timed]:
        text, intent = row[0].strip(), row[1].strip()
        if not text or not intent:
            raise RowRefused("missing", "the sentence or its intent is empty")
        yield query(f"cais-zh-{split}-{line}", text, intent, {"split": split})

    return event


def _pairs(path: Path) -> list[tuple[int, Pair]]:
    """Give (number, (sentence, intent)). Raises InputError where the two files do not match."""
    labels = path.with_name(f"{path.name}.intent")
    if not labels.is_file():
        raise InputError(f"{path}: there is no {labels.name} beside it; give cais-zh's folder")
    sentences = [
        "".join(_character(path, line) for line in lines)
        for is_filled, lines in groupby(_lines(path), key=lambda line: bool(line.strip()))
        if is_filled
    ]
    if not sentences:
        raise InputError(f"{path}: is empty; a file of cais-zh is wanted")
    intents = [line for line in _lines(labels) if line.strip()]
    if len(sentences) != len(intents):
        raise InputError(
            f"{path}: has {len(sentences)} sentences, but {labels.name} {len(intents)} intents; "
            "the two must match line by line"
        )
    return list(enumerate(zip(sentences, intents, strict=True), 1))


def _character(path: Path, line: str) -> str:
    """Give what stands before the slot, which may be a blank."""
    character, _, slot = line.rpartition(" ")
    if not character or (slot != "O" and slot[1:2] != "-"):
        raise InputError(
            f"{path}: {line[:40]!r} is no character with its slot; a file of cais-zh is wanted"
        )
    return character


def _lines(path: Path) -> list[str]:
    with opened(path, "utf-8-sig") as file:
        lines = [line.rstrip("\r\n") for line in file]
    if any("\udc80" <= char <= "\udcff" for line in lines for char in line):
        raise InputError(f"{path}: is not UTF-8 text; a file of cais-zh is wanted")
    return lines
