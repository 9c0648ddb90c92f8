"""Numbers of lines, found once it is known which lines are to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from dataflows.connectors.files.readable import Readable
from dataflows.errors import InputError
from dataflows.evaluation.log_check.report import SampleRecord


def numbered(path: Path, examples: Iterable[SampleRecord]) -> Iterator[SampleRecord]:
    """Yield the examples in order, each with the number of its line, counted from 1."""
    line, position = 1, 0
    try:
        with closing(Readable(path).file) as file:
            for example in sorted(examples, key=lambda example: example.offset):
                while position < example.offset:
                    chunk = file.read(min(1 << 20, example.offset - position))
                    if not chunk:
                        break
                    position += len(chunk)
                    line += chunk.count(b"\n")
                yield msgspec.structs.replace(example, line=line)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
