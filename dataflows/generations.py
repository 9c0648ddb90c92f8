"""Names of the files that follow one another under one name: `events.jsonl`, `events.jsonl#2`.

Positions never go back. So a file that takes another's place, and a pipe that is opened
anew, is a partition of its own, and has a ledger of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(.+)#([2-9]|[1-9]\d+)")


def generation_of(partition: str, name: str) -> int | None:
    """Give the number, from 1, of a partition among those of `name`; None where it is none."""
    if partition == name:
        return 1
    found = _NUMBERED.fullmatch(partition)
    return int(found[2]) if found is not None and found[1] == name else None


def generation_name(name: str, number: int) -> str:
    """Give the partition of generation `number`, from 1."""
    return name if number == 1 else f"{name}#{number}"


def newest_generation(name: str, partitions: Iterable[str]) -> int:
    """Give the highest number there is, 0 where there is none."""
    numbers = (generation_of(partition, name) for partition in partitions)
    return max((number for number in numbers if number is not None), default=0)


def next_generation(name: str, partitions: Iterable[str]) -> str:
    """Give the first partition of `name` that is not among `partitions`, nor older than one."""
    return generation_name(name, newest_generation(name, partitions) + 1)
