from __future__ import annotations

from dataflows.generation.queue import Allowance


def test_a_user_waits_for_their_next_and_others_do_not_wait_for_them():
    allowance = Allowance(per_minute=600, seconds=60)
    assert allowance.take("u", 0.0)
    assert not allowance.take("u", 59.9)
    assert allowance.take("v", 59.9)
    assert allowance.take("u", 60.0)


def test_all_together_get_so_many_a_minute():
    allowance = Allowance(per_minute=3, seconds=0)
    assert [allowance.take(f"u{n}", 0.0) for n in range(5)] == [True, True, True, False, False]
    assert not allowance.take("w", 19.0)
    assert allowance.take("w", 20.1)
    assert not allowance.take("x", 20.2)
    assert [allowance.take(f"y{n}", 1e6) for n in range(4)] == [True, True, True, False]


def test_less_than_one_a_minute_is_one_now_and_then():
    allowance = Allowance(per_minute=0.5, seconds=0)
    assert allowance.take("u", 0.0)
    assert not allowance.take("u", 60.0)
    assert allowance.take("u", 121.0)


def test_a_clock_that_goes_back_stops_nobody_for_long():
    allowance = Allowance(per_minute=60, seconds=10)
    assert allowance.take("u", 1000.0)
    assert allowance.take("u", 5.0)
    assert not allowance.take("u", 6.0)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("dataflows.generation.queue._USERS", 3)
    allowance = Allowance(per_minute=6000, seconds=100)
    for number in range(9):
        assert allowance.take(f"u{number}", float(number))
    assert len(allowance._last) == 3
