"""Forms of time, of ids and of values in people's logs: each is read, or refused, as told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataflows.config.events import EventSettings
from dataflows.messages.events import decode_event
from dataflows.messages.raw import Raw, Reject

NINE = 1_772_355_600.0  # 2026-03-01 09:00 UTC

TIMES: dict[str, float | str] = {
    "t01": NINE, "t02": NINE, "t03": NINE, "t04": NINE + 0.123456, "t05": NINE + 0.123456,
    "t06": NINE + 0.123, "t07": "time_out_of_range", "t08": "time_out_of_range",
    "t09": NINE + 0.123, "t10": NINE + 0.5, "t11": NINE, "t12": NINE,
    "t13": "time_out_of_range", "t14": "time_out_of_range", "t15": "bad_time", "t16": "bad_time",
    "t17": "bad_time", "t18": "bad_time", "t19": "bad_time", "t20": NINE, "t21": NINE - 3600,
    "t22": NINE - 9 * 3600, "t23": "bad_time", "t24": "bad_time", "t25": "bad_time",
    "t26": "time_out_of_range", "t27": "bad_time", "t28": "bad_time", "t29": "bad_time",
    "t30": NINE, "t31": "bad_time", "t32": NINE, "t33": "bad_time", "t34": NINE,
    "t35": "bad_time", "t36": "bad_time", "t37": NINE, "t38": "time_out_of_range",
}  # fmt: skip

IDS: dict[str, tuple[object, ...] | str] = {
    "a": "bad_id", "b": ("123.0", "i", None), "c": ("9007199254740993", "9007199254740993", None),
    "d": "bad_id", "e": ("123456789012345678901234567890", "i", None), "f": ("null", "i", None),
    "g": ("NaN", "i", None), "h": "missing_field", "i": "missing_field", "j": (" u1 ", "i", None),
    "k": ("u/1:2\\x", "i\u200b1", None), "l": "bad_id", "m": "bad_id", "n": "bad_id",
    "o": "bad_id", "p": ("-5", "0", None), "q": "bad_id", "r": ("\u202eabc", "é", None),
    "s": ("-0", "0", None), "t": "bad_value", "u": "bad_value", "v": "bad_value",
    "w": ("u1", "i1", 1e308), "x": ("u1", None, None), "y": ("u1", None, None),
    "z": "missing_field",
}  # fmt: skip


def decoded(path: Path):
    for line in path.read_bytes().splitlines():
        found = decode_event(Raw("events", "e", 0, 1, None, line), EventSettings())
        yield json.loads(line)["event_id"], found


def test_each_form_of_time_is_read_or_refused(shared: Path):
    found = {
        name: one.reason if isinstance(one, Reject) else pytest.approx(one.ts, abs=1e-5)
        for name, one in decoded(shared / "cases/times.jsonl")
    }
    assert found == TIMES


def test_each_form_of_id_and_value_is_read_or_refused(shared: Path):
    found = {
        name: one.reason if isinstance(one, Reject) else (one.user_id, one.item_id, one.value)
        for name, one in decoded(shared / "cases/ids.jsonl")
    }
    assert found == IDS


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-03-01 09:00:00 UTC", NINE),
        ("2026-03-01 09:00:00.5 UTC", NINE + 0.5),
        ("2026-03-01 09:00:00  utc ", NINE),
        ("2026-03-01T09:00 UTC", NINE),
        ("2026-03-01 UTC", NINE - 9 * 3600),
        ("2026-03-01T10:00:00+01:00 UTC", "bad_time"),
        ("2026-03-01 09:00:00UTC", "bad_time"),
        ("2026-03-01 09:00:00 CET", "bad_time"),
        (" UTC", "bad_time"),
        ("UTC", "bad_time"),
    ],
)
def test_utc_written_out_is_an_offset(text: str, wanted: float | str):
    line = {"event_id": "e", "user_id": "u", "type": "view", "ts": text}
    found = decode_event(Raw("events", "e", 0, 1, None, json.dumps(line).encode()), EventSettings())
    assert (found.reason if isinstance(found, Reject) else found.ts) == wanted
