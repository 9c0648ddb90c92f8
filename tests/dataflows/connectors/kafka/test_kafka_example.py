"""The example of a producer and a consumer, beside a running engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.dataflows.connectors.kafka.engine_process import fill, shopping

pytestmark = pytest.mark.kafka
SCRIPT = Path(__file__).resolve().parents[4] / "examples" / "kafka_round_trip.py"


def test_events_in_and_the_list_of_their_user_out(broker, penchant) -> None:
    names = broker.names()
    fill(broker, names, shopping(60))
    # The events of the example have the time of day; those before are years older.
    process = penchant(broker, names)
    process.start()
    process.await_learnt(60)
    command = [sys.executable, str(SCRIPT), broker.servers, names.events, names.recommendations]
    example = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert example.returncode == 0, example.stderr
    lines = example.stdout.splitlines()
    assert len(lines) == 10
    assert all(line.endswith(")") and "(" in line for line in lines)
    assert process.stop() == 0, process.said
