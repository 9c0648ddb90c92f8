"""The worst records of every input: some are refused, some are borne; none ends anything."""

from __future__ import annotations

import json

HUGE = b"9" * 5000
NUMBERS = [b"99999999999999999999", b"18446744073709551616", b"-9223372036854775809", HUGE]
NUMBERS += [b"1e999", b"-1e999", b"1.7976931348623157e308", b"-0.0", b"5e-324", b"NaN", b"Infinity"]
TEXTS = [
    rb'"\ud800"',
    rb'"\u0000"',
    b'""',
    b'" "',
    rb'"\u202e\u200b"',
    b'"' + b"x" * 200_000 + b'"',
]
DEEP = [b'{"a":[' * depth + b"1" + b"]}" * depth for depth in (15, 16, 17, 90, 110, 5000)]
WHOLE = [
    b"",
    b" ",
    b"null",
    b"[]",
    b'""',
    b"{}",
    b"\xff\xfe\x00",
    b"\x00",
    b"\xef\xbb\xbf{}",
    b"{" * 100_000,
    b"[" * 100_000,
    b'{"a":' * 50_000,
    HUGE,
    b'{"event_id":"x"',
]


def _with(good: dict[str, object], name: str, literal: bytes) -> bytes:
    """Give a record with one field as its literal bytes."""
    rest = json.dumps({key: value for key, value in good.items() if key != name}).encode()
    return rest[:-1] + b', "' + name.encode() + b'": ' + literal + b"}"


def _spoilt(good: dict[str, object], names: list[str], table: str, id_name: str) -> list[bytes]:
    literals = [*NUMBERS, *TEXTS, *DEEP, b"true", b"[]", b"{}", b"null", b"[[]]"]
    found = [
        _with(good | {id_name: f"poison-{name}-{place}"}, name, literal)
        for name in names
        for place, literal in enumerate(literals)
    ]
    keys = [b"", b"k" * 100_000, rb"\ud800", rb"\u0000", b"__proto__"]
    found += [
        _with(good | {id_name: f"poison-{place}"}, table, b'{"' + key + b'": ' + number + b"}")
        for place, key in enumerate(keys)
        for number in NUMBERS[:5]
    ]
    twice = b'{"a": 1, "a": 99999999999999999999}'
    return [*found, _with(good | {id_name: "poison-twice"}, table, twice), *WHOLE]


def events(start: float) -> list[bytes]:
    """Give poisonous events, of users and with ids of their own, at `start` (seconds)."""
    good: dict[str, object] = {
        "event_id": "poison",
        "user_id": "poisoner",
        "type": "view",
        "ts": start,
        "item_id": "poison",
        "value": 1.0,
    }
    names = ["event_id", "user_id", "type", "ts", "item_id", "text", "value", "session_id"]
    found = _spoilt(good, [*names, "intent", "context"], "context", "event_id")
    ends = [b"-62135596801", b"253402300800", b'"0000-01-01"', b'"9999-12-31T23:59:60Z"', b"1e30"]
    found += [_with(good | {"event_id": f"t{n}"}, "ts", end) for n, end in enumerate(ends)]
    for number, context in enumerate([b'{"event_id":%b}' % one for one in NUMBERS]):
        for kind in ("retract", "label", "intents"):
            given = good | {"event_id": f"c{kind}{number}", "type": kind, "intent": "x"}
            del given["item_id"]
            found.append(_with(given, "context", context))
            more = b'{"do": "name", "cluster": ' + NUMBERS[number] + b', "shard": 1e999}'
            found.append(_with(given | {"event_id": f"d{kind}{number}"}, "context", more))
    return found


def items() -> list[bytes]:
    """Give poisonous items, each with an id of its own."""
    good: dict[str, object] = {"item_id": "poison", "title": "poison", "categories": ["c0"]}
    names = ["item_id", "title", "text", "categories", "attributes", "available"]
    many = b"[" + b",".join(b'"%d"' % n for n in range(101)) + b"]"
    return [
        *_spoilt(good, names, "attributes", "item_id"),
        _with(good, "categories", many),
        b'{"item_id":"b","title":"two","attributes":{"isbn":99999999999999999999}}',
    ]


def promotions() -> list[bytes]:
    """Give poisonous messages about promotions."""
    good: dict[str, object] = {
        "kind": "encoder",
        "version": "encoder-0001-00000000",
        "previous": "",
        "fingerprint": None,
        "action": "promote",
        "reason": "poison",
        "sequence": 3,
        "time": "2026-01-31T23:59:00.123Z",
    }
    literals = [*NUMBERS, *TEXTS, *DEEP, b"true", b"[]", b"{}", b"null", b"-1", b"999999999"]
    times = [b'"0000-00-00T00:00:00.000Z"', b'"9999-12-31T23:59:59.999Z"']
    found = [_with(good, name, literal) for name in good for literal in literals]
    found += [_with(good, "time", one) for one in times]
    ids = [b'"../../etc"', b'"encoder-999999999-00000000"', b'"language-0001-00000000"']
    return [*found, *(_with(good, "version", one) for one in ids), *WHOLE]
