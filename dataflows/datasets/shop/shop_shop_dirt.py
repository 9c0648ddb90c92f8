"""Dirt for the simulated shop: bad lines between good ones, to see what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import msgspec

Spoil = Callable[[bytes], bytes]


def _changed(line: bytes, field: str, value: object) -> bytes:
    event = msgspec.json.decode(line)
    event[field] = value
    event["event_id"] = f"{event['event_id']}-{field}"
    return msgspec.json.encode(event)


# Each makes a bad line out of a good one; the good one is in the stream as well.
FAULTS: dict[str, Spoil] = {
    "cut off": lambda line: line[: len(line) * 2 // 3],
    "not text": lambda line: line[:20] + b"\xff\xfe\x83" + line[20:],
    "sent twice": lambda line: line,
    "year 57000": lambda line: _changed(line, "ts", msgspec.json.decode(line)["ts"] * 1000),
    "year 1970": lambda line: _changed(line, "ts", 0),
    "no user": lambda line: _changed(line, "user_id", None),
    "not a number": lambda line: line[:-1] + b',"value":NaN}',
    "a list": lambda line: b"[" + line + b"]",
}


def soil(lines: Iterator[bytes], dirt: float, rng: Random) -> Iterator[bytes]:
    """Yield every line, and after a share `dirt` of them a bad line; the faults take turns."""
    names = list(FAULTS)
    turn = 0
    for line in lines:
        yield line
        if rng.random() < dirt:
            yield FAULTS[names[turn % len(names)]](line)
            turn += 1
