from __future__ import annotations

import pytest

from dataflows.connectors.kafka.assignment.catch_up import CatchUp
from dataflows.errors import InputError
from learners.testing import FakeClock


def test_events_wait_until_every_partition_is_at_its_end():
    catch_up = CatchUp("items", [("items", 0), ("items", 1)], 60.0, FakeClock())
    catch_up.step(10)
    assert not catch_up.is_done
    catch_up.reached_end(("items", 0))
    catch_up.reached_end(("events", 1))
    assert not catch_up.is_done
    catch_up.reached_end(("items", 1))
    assert catch_up.is_done


def test_slow_is_no_error_and_a_standstill_is():
    clock = FakeClock()
    catch_up = CatchUp("items", [("items", 0)], 60.0, clock)
    for _ in range(20):
        clock.now += 50.0
        catch_up.step(1)
    clock.now += 61.0
    with pytest.raises(InputError, match=r"'items' stood still for 60 s .* \(20 records read\)"):
        catch_up.step(0)
