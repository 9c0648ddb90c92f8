"""Records as nobody should write them: good ones, changed at random but by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

NUMBERS = [
    *("0", "-0", "-1", "1", "1.5", "1e308", "1e309", "-1e400", "5e-324", "0.1e-400", "-0.0"),
    *(str(2**n + d) for n in (31, 32, 53, 63, 64, 128) for d in (-1, 0, 1)),
    *(str(-(2**63) + d) for d in (-1, 0, 1)),
    *("9" * 40, "9" * 5_000, "1" + "0" * 400 + ".5", "NaN", "Infinity", "-Infinity", "01", "1."),
]
STRINGS = [
    *('""', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d\\ude00"'),
    *(
        '"\\n\\r\\t"',
        '"\\u202e\\u2066"',
        '"\ufeff"',
        '"é"',
        '"e\u0301"',
        '"null"',
        '"NaN"',
        '"007"',
    ),
    *('"10.0"', '"-1"', '"' + "x" * 300 + '"', '"' + "y" * 5_000 + '"', '"2026-03-01T09:00:00Z"'),
    *('"\\"; DROP TABLE records; --"', '"../../etc/passwd"', '"%s%n{0}"', '"true"', '"\x7f"'),
]
OTHERS = [
    *("null", "true", "false", "[]", "{}", "[[]]", '{"":{}}', "[null]", '{"a":1,"a":2}', ""),
    *("[" * 30 + "]" * 30, "[" * 300 + "]" * 300, '{"a":' * 40 + "1" + "}" * 40, "[" * 2_000),
    *('["a","a",1,null]', '{"isbn":99999999999999999999}', '{"\\ud800":"\\udc00"}', "[1e999]"),
]
VALUES = [*NUMBERS, *STRINGS, *OTHERS]

Mutator = Callable[[bytes, random.Random], bytes]


def mutated(good: Sequence[dict[str, Any]], count: int, seed: int) -> list[bytes]:
    """Return `count` records of one line each, made of `good` ones."""
    mutations = _Mutations(good, seed)
    return [mutations.record() for _ in range(count)]


class _Mutations:
    """Changes records of `good`, given as objects; `seed` decides all that is random.

    Some come out as they were: what is written around them must be learnt.
    """

    def __init__(self, good: Sequence[dict[str, Any]], seed: int) -> None:
        self._good = good
        self._dice = random.Random(seed)
        self._ways: list[Mutator] = [_flip, _cut, _repeat, _insert]

    def record(self) -> bytes:
        """Return the bytes of one record, in one line."""
        dice = self._dice
        fields = dict(dice.choice(self._good))
        for _ in range(dice.choice((0, 1, 1, 1, 2, 4))):
            self._change(fields)
        names = list(fields)
        if dice.random() < 0.1:
            dice.shuffle(names)
        inner = ",".join(f"{json.dumps(name)}:{_literal(fields[name])}" for name in names)
        record = ("{" + inner + "}").encode("utf-8", "surrogatepass")
        if dice.random() < 0.25:
            for _ in range(dice.choice((1, 1, 3))):
                record = dice.choice(self._ways)(record, dice)
        return record.replace(b"\n", b" ").replace(b"\r", b" ")

    def _change(self, fields: dict[str, Any]) -> None:
        dice = self._dice
        name = dice.choice([*fields, "context", "attributes", "unheard_of", "intent", "value"])
        way = dice.random()
        if way < 0.15:
            fields.pop(name, None)
        elif way < 0.25 and isinstance(fields.get(name), dict):
            inner = dict(fields[name])
            self._change(inner)
            fields[name] = inner
        elif way < 0.3:
            fields[name] = {"a": fields.get(name)}
        elif way < 0.4:
            fields[name] = dice.choice(self._good).get(name)
        else:
            fields[name] = _Raw(dice.choice(VALUES))


class _Raw(str):
    """A literal to be written as it is."""

    __slots__ = ()


def _literal(value: Any) -> str:
    if isinstance(value, _Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{_literal(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def _flip(record: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(record) or 1)
    return record[:place] + bytes([dice.randrange(256)]) + record[place + 1 :]


def _cut(record: bytes, dice: random.Random) -> bytes:
    start, end = sorted(dice.randrange(len(record) + 1) for _ in range(2))
    return record[:start] + record[end:]


def _repeat(record: bytes, dice: random.Random) -> bytes:
    start, end = sorted(dice.randrange(len(record) + 1) for _ in range(2))
    return record[:end] + record[start:]


def _insert(record: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(record) + 1)
    junk = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 9)))
    return record[:place] + junk + record[place:]
