"""cais-zh: what people say to a Chinese voice assistant, with intents. Every row is a user.

`ch.train` holds one character (and its slot) a line, sentences apart by an empty
line; `ch.train.intent` holds one intent a line, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from dataflows.datasets.formats.banking77 import query
from dataflows.datasets.rows.draft import Log, Timed
from dataflows.datasets.rows.find import bare_name, find_beside, find_each
from dataflows.datasets.rows.opening import opened
from dataflows.datasets.rows.tally import RowRefused, Tally, read_key
from dataflows.errors import InputError

FILES = ("ch.train", "ch.valid", "ch.test")
COLUMNS = {"character": "text", "slot": "left out: there is no field for parts of a sentence"}
Pair = tuple[str, str]


def open_log(path: Path, tally: Tally) -> Log:
    """Find ch.train, ch.valid and ch.test with their intents. Raises InputError without any."""
    pairs = {file: _pairs(file, tally) for file in find_each(path, FILES, "cais-zh")}
    events = (
        timed
        for file, rows in pairs.items()
        for timed in tally.each(
            file.name, rows, _event_of(Path(bare_name(file)).suffix.lstrip("."))
        )
    )
    return Log(events, iter(()), ("The set has no items.",))


def _event_of(split: str) -> Callable[[int, Pair], Iterator[Timed]]:
    def event(line: int, row: Pair) -> Iterator[Timed]:
        text, intent = row[0].strip(), read_key(row[1], "intent")
        if not text:
            raise RowRefused("missing", "the sentence is empty", "character")
        yield query(f"cais-zh-{split}-{line}", text, intent, {"split": split})

    return event


def _pairs(path: Path, tally: Tally) -> list[tuple[int, Pair]]:
    """Return (number, (sentence, intent)). Raises InputError where the two files do not match."""
    labels = find_beside(path, (f"{bare_name(path)}.intent",))
    if labels is None:
        wanted = f"{bare_name(path)}.intent"
        raise InputError(f"{path}: there is no {wanted} beside it; give cais-zh's folder")
    tally.columns.declare(path.name, COLUMNS, COLUMNS)
    tally.columns.declare(labels.name, ["intent"], {"intent": "intent"})
    sentences = [
        "".join(_character(path, line) for line in lines)
        for is_filled, lines in groupby(_lines(path, tally), key=lambda line: bool(line.strip()))
        if is_filled
    ]
    if not sentences:
        raise InputError(f"{path}: is empty; a file of cais-zh is wanted")
    intents = [line for line in _lines(labels, tally) if line.strip()]
    if len(sentences) != len(intents):
        raise InputError(
            f"{path}: has {len(sentences)} sentences, but {labels.name} {len(intents)} intents; "
            "the two must match line by line"
        )
    return list(enumerate(zip(sentences, intents, strict=True), 1))


def _character(path: Path, line: str) -> str:
    """Return what stands before the slot, which may be a blank."""
    character, _, slot = line.rpartition(" ")
    if not character or (slot != "O" and slot[1:2] != "-"):
        raise InputError(
            f"{path}: {line[:40]!r} is no character with its slot; a file of cais-zh is wanted"
        )
    return character


def _lines(path: Path, tally: Tally) -> list[str]:
    with opened(path, tally) as file:
        return [line.rstrip("\r\n") for line in file]
