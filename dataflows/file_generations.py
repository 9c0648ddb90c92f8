"""Names of the files that follow one another under one name: `events.jsonl`, `events.jsonl#2`.

Positions never go back. So a file that takes another's place, and a pipe that is opened
anew, is a partition of its own, and has a ledger of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(.+)#([2-9]|[1-9]\d+)")


def split_generation(partition: str) -> tuple[str, int]:
    """Give the name of a partition without its number, and the number, from 1."""
    found = _NUMBERED.fullmatch(partition)
    return (partition, 1) if found is None else (found[1], int(found[2]))


def generation_name(name: str, number: int) -> str:
    """Give the partition of generation `number`, from 1."""
    return name if number == 1 else f"{name}#{number}"


def newest_generation(name: str, partitions: Iterable[str]) -> int:
    """Give the highest number there is, 0 where there is none."""
    split = map(split_generation, partitions)
    return max((number for found, number in split if found == name), default=0)


def next_generation(name: str, partitions: Iterable[str]) -> str:
    """Give the first partition of `name` that is not among `partitions`, nor older than one."""
    return generation_name(name, newest_generation(name, partitions) + 1)
