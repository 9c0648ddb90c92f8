"""Names of the files that follow one another under one name: `events.jsonl`, `events.jsonl#2`.

Positions never go back. So a file that takes another's place, and a pipe that is opened
anew, is a partition of its own, and has a ledger of its own. So has each content of a file that
is the whole catalogue, which its digest names, and what leaves with it: `items.jsonl@<digest>`,
`items.jsonl@<digest> removed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(.+)#([2-9]|[1-9]\d+)")
_CONTENT = re.compile(r"(.*)@[0-9a-f]{16}(?: removed)?", re.DOTALL)


def split_generation(partition: str) -> tuple[str, int]:
    """Return the name of a partition without its number, and the number, from 1."""
    found = _NUMBERED.fullmatch(partition)
    return (partition, 1) if found is None else (found[1], int(found[2]))


def generation_name(name: str, number: int) -> str:
    """Return the partition of generation `number`, from 1."""
    return name if number == 1 else f"{name}#{number}"


def newest_generation(name: str, partitions: Iterable[str]) -> int:
    """Return the highest number there is, 0 where there is none."""
    split = map(split_generation, partitions)
    return max((number for found, number in split if found == name), default=0)


def next_generation(name: str, partitions: Iterable[str]) -> str:
    """Return the first partition of `name` that is not among `partitions`, nor older than one."""
    return generation_name(name, newest_generation(name, partitions) + 1)


def outdated(partition: str, others: Iterable[str]) -> list[str]:
    """Return those of the partitions that are earlier contents of the file of `partition`.

    Their positions are of no use any more: should the file be as it was once, it is to be
    read anew, whole.
    """
    content = _CONTENT.fullmatch(partition)
    if content is None:
        return []
    current = partition.removesuffix(" removed")
    return [
        other
        for other in others
        if other.removesuffix(" removed") != current
        and (met := _CONTENT.fullmatch(other)) is not None
        and met[1] == content[1]
    ]
