"""The replay's order against a plain sort in Python, and what it makes of odd files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.events import EventSettings
from dataflows.connectors.files.line_reader import LineReader
from dataflows.errors import InputError
from dataflows.evaluation.log_order import read_order, replay_order

SETTINGS = EventSettings(min_time=-1.0)


def naive_order(events: list[tuple[int, int]]) -> list[int]:
    groups: dict[tuple[int, int], list[int]] = {}
    for place, (time, user) in enumerate(events):
        groups.setdefault((time, user), []).append(place)
    by_time = sorted(groups, key=lambda group: (group[0], groups[group][0]))
    return [place for group in by_time for place in groups[group]]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40))
def test_order_equals_a_plain_sort_of_groups(events) -> None:
    times = np.array([time for time, _ in events], dtype=np.float64)
    users = np.array([user for _, user in events])
    assert replay_order(times, users).tolist() == naive_order(events)


def line(event_id: str, user: str, ts: float) -> str:
    return json.dumps({"event_id": event_id, "user_id": user, "type": "view", "ts": ts})


def test_lines_come_back_whole_and_in_order(tmp_path) -> None:
    lines = [
        line("a", "u", 5),
        "",
        line("b", "v", 5),
        line("c", "u", 5),
        "no json",
        line("d", "w", 2) + "  ",
        line("e", "v", 5),
        "{}",
        line("f", "w", 9),
    ]
    path = tmp_path / "log.jsonl"
    path.write_bytes("\r\n".join(lines).encode())
    order = read_order(path, SETTINGS)
    raws = list(order.records())
    # d is early; c follows a, and e follows b; the bad lines stay behind the lines before them.
    expected = [5, 0, 3, 2, 6, 4, 7, 8]
    found = [raw.value.decode() for raw in raws]
    assert sorted(found) == sorted(lines[n] for n in range(9) if n != 1)
    assert found == [lines[n] for n in expected]
    assert [raw.offset for raw in raws] == list(range(8))


def test_a_limit_cuts_the_order_and_not_the_file(tmp_path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([line("late", "u", 9), line("a", "u", 1), line("b", "v", 2)]))
    order = read_order(path, SETTINGS, limit=2)
    assert [json.loads(raw.value)["event_id"] for raw in order.records()] == ["a", "b"]


def test_an_ordered_file_is_left_as_it_is(tmp_path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(line(str(n), f"u{n % 3}", n // 2) for n in range(20)))
    order = read_order(path, SETTINGS)
    assert order.moved == 0
    assert len(order) == 20


def test_a_mark_at_the_start_and_a_line_too_long_are_read_as_the_file_source_reads_them(
    tmp_path,
) -> None:
    path = tmp_path / "log.jsonl"
    settings = EventSettings(min_time=-1.0, max_record_bytes=100)
    path.write_bytes(b"\xef\xbb\xbf" + line("a", "u", 5).encode() + b"\n" + b"x" * 500 + b"\n")
    from_order = [raw.value for raw in read_order(path, settings).records()]
    reader = LineReader(path, "events", "log.jsonl", max_bytes=100)
    assert from_order == [raw.value for raw in reader.records()]
    reader.close()
    assert len(from_order[1]) == 102


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_refused_by_name(tmp_path, content) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"empty\.jsonl: there is no line"):
        read_order(path, SETTINGS)


def test_a_file_without_an_event_is_refused(tmp_path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("user,item\n1,2\n")
    with pytest.raises(InputError, match="none of its 2 lines is an event"):
        read_order(path, SETTINGS)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl: cannot be read \(No such file"):
        read_order(tmp_path / "gone.jsonl", SETTINGS)
    with pytest.raises(InputError, match="directory"):
        read_order(tmp_path, SETTINGS)
