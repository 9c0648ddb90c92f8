"""Labels that come later find their events, once, in bounded memory that survives a restart."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.intent.event_buffer import KIND, BufferedEvent, EventBuffer
from learners.testing import RecordTable


def add(buffer: EventBuffer, number: int, session: str | None = None, labelled: str = "") -> None:
    vector = None if number % 5 == 4 else np.full(3, number / 7, np.float32)
    event = BufferedEvent(f"e{number}", f"u{number % 2}", session, f"text {number}", labelled)
    buffer.add(event, vector)


def filled(limit: int, events: int) -> EventBuffer:
    buffer = EventBuffer(limit)
    for number in range(events):
        add(buffer, number, f"s{number // 10}")
    return buffer


def test_a_label_finds_its_event_once() -> None:
    buffer = filled(100, 20)
    how, event, vector = buffer.take("e7", "label")
    assert how == "learn"
    assert event is not None
    assert event.text == "text 7"
    assert vector is not None
    assert vector.tolist() == [1.0, 1.0, 1.0]
    assert buffer.take("e7", "label") == ("duplicate", None, None)
    assert buffer.take("e7", "teacher") == ("duplicate", None, None)
    assert buffer.take("nowhere", "label") == ("unmatched", None, None)


def test_a_true_label_counts_after_a_teacher_s_and_not_the_other_way() -> None:
    buffer = filled(100, 3)
    assert buffer.take("e1", "teacher")[0] == "learn"
    assert buffer.take("e1", "teacher")[0] == "duplicate"
    assert buffer.take("e1", "label")[0] == "learn"
    add(buffer, 9, labelled="label")  # it carried a label itself
    assert buffer.take("e9", "label")[0] == "duplicate"


def test_a_session_s_events_are_found_in_order() -> None:
    buffer = filled(100, 25)
    assert buffer.session("u0", "s1") == ["e10", "e12", "e14", "e16", "e18"]
    assert buffer.session("u0", "s9") == buffer.session("nobody", "s1") == []


def test_memory_is_bounded_and_the_oldest_goes() -> None:
    buffer = filled(200, 5_000)
    assert 200 - 64 <= len(buffer) <= 264
    assert buffer.take("e4999", "label")[0] == "learn"
    assert buffer.take("e4000", "label")[0] == "unmatched"
    assert buffer.session("u0", "s0") == []
    assert len(buffer._sessions) < 70
    assert len(filled(0, 100)) == 0


def test_only_what_was_touched_is_written() -> None:
    buffer, shelf = filled(2_000, 1_000), RecordTable()
    first = list(buffer.changed())
    assert len(first) == 16
    shelf.keep(first)
    assert list(buffer.changed()) == []
    buffer.take("e3", "label")
    assert [key for _, key, _ in buffer.changed()] == ["0"]


@given(
    st.lists(st.sampled_from(["add", "add", "add", "take", "store"]), max_size=60),
    st.integers(1, 40),
)
@settings(deadline=None)
def test_stored_and_restored_it_goes_on_as_if_nothing_was(turns: list[str], times: int) -> None:
    one, two, shelf, number = EventBuffer(100), EventBuffer(100), RecordTable(), 0
    for turn in turns:
        if turn == "add":
            for _ in range(times):
                number += 1
                add(one, number, "s")
                add(two, number, "s")
        elif turn == "take":
            for back in (0, 3, 120):
                source = "label" if back else "teacher"
                found = one.take(f"e{number - back}", source), two.take(f"e{number - back}", source)
                assert found[0][0] == found[1][0]
                assert (found[0][2] is None) == (found[1][2] is None)
                if found[0][2] is not None:
                    assert found[0][2].tobytes() == found[1][2].tobytes()
        else:
            shelf.keep(two.changed())
            two = EventBuffer(100)
            two.restore(shelf.scan(KIND))
            assert shelf.count(KIND) <= 4
    assert len(one) == len(two)
    assert one.session("u0", "s") == two.session("u0", "s")


def test_events_without_text_wait_too() -> None:
    buffer, shelf = EventBuffer(10), RecordTable()
    add(buffer, 4)
    shelf.keep(buffer.changed())
    buffer = EventBuffer(10)
    buffer.restore(shelf.scan(KIND))
    how, event, vector = buffer.take("e4", "teacher")
    assert (how, vector) == ("learn", None)
    assert event is not None
