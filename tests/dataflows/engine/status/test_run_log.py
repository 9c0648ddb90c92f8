"""What a running process tells of itself, in the real process and by itself."""

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dataflows.engine.status.run_log import RunLog
from dataflows.state.ledger import Ledger

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, "dataflows.engine.status.run_log")
    return lambda: [record.getMessage() for record in caplog.records]


def ledger_of(learnt, dead=0):
    ledger = Ledger()
    ledger.arrive("p", learnt + dead)
    ledger.count("p", "learnt", n=learnt)
    ledger.count("p", "dead_letter", "bad_json", n=dead)
    return ledger


def test_lists_made_anew_are_told_apart_and_what_is_left_while_something_is(told):
    now = [100.0]
    log = RunLog("a test", 3600, lambda: "lag 0 records", lambda: now[0])
    log.begin()
    log.committed(0, ledger_of(10), 8, 1200, 2)
    log.committed(1, ledger_of(10), 2, 0, 1)
    now[0] += 10
    log.tell()
    assert log.last().endswith(
        "; 10 lists sent since the start and 1,200 made anew for changed items, "
        "lists yet to be looked through for 3 changed items"
    )
    log.committed(0, ledger_of(10), 8, 1300, 0)
    log.committed(1, ledger_of(10), 2)
    log.finish()
    apart = [line.split("records (")[1] for line in told() if "in the last" in line]
    assert apart == [
        (
            "2/s), 10 lists and 1,200 made anew for changed items, "
            "lists yet to be looked through for 3 changed items; lag 0 records"
        ),
        "0/s), 0 lists and 100 made anew for changed items; lag 0 records",
    ]


def test_a_line_has_all_shards_and_counts_what_is_new(told):
    now = [100.0]
    log = RunLog("a test", 3600, lambda: "lag 3 records", lambda: now[0])
    log.opened(0, ledger_of(1000))
    log.opened(1, ledger_of(0))
    log.begin()
    log.committed(0, ledger_of(1040, 2), 5)
    log.committed(1, ledger_of(8), 4)
    now[0] += 10
    log.tell()
    now[0] += 10
    log.tell()  # nothing moved
    log.committed(1, ledger_of(9), 5)
    now[0] += 2
    log.finish()
    log.finish()
    assert told() == [
        "shard 0 holds 1,000 records of earlier runs",
        "shard 1 holds 0 records of earlier runs",
        "began: a test",
        (
            "1,050 records in = 1,048 learnt + 0 observed + 0 skipped + 0 duplicate "
            "+ 2 dead letter; "
            "in the last 10.0 s 50 records (5/s), 9 lists; lag 3 records"
        ),
        (
            "1,050 records in = 1,048 learnt + 0 observed + 0 skipped + 0 duplicate "
            "+ 2 dead letter; "
            "in the last 10.0 s 0 records (0/s), 0 lists; lag 3 records"
        ),
        (
            "1,051 records in = 1,049 learnt + 0 observed + 0 skipped + 0 duplicate "
            "+ 2 dead letter; "
            "in the last 2.0 s 1 records (0/s), 1 lists; lag 3 records"
        ),
        "the flow ended",
    ]


def test_it_tells_by_itself_while_the_process_waits(told):
    asked = threading.Event()

    def lag():
        asked.set()
        return "lag 0 records"

    log = RunLog("a test", 0.01, lag)
    log.begin()
    log.committed(0, ledger_of(1), 1)
    assert asked.wait(120), "no line was written"
    log.finish()
    assert [line for line in told() if line.startswith("1 records in")]


def test_what_never_began_tells_nothing(told):
    RunLog("a test", 1, lambda: "").finish()
    assert told() == []


@pytest.mark.parametrize("level", ["info", "warning"])
def test_the_process_tells_on_stderr_what_became_of_its_input(tmp_path, level):
    event = {"event_id": 1, "user_id": "u", "item_id": "i", "type": "view", "ts": 1.7e9}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\nnot json\n")
    (tmp_path / "c.toml").write_text(
        f'[flow]\nlog = "{level}"\n[encoder]\nname = "hashing-16"\ndisk_texts = 0\n'
    )
    ended = subprocess.run(
        [sys.executable, "-m", "dataflows.cli.main", "run", "--config", "c.toml"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    lines = ended.stderr.decode().splitlines()
    figures = [
        line for line in lines if "2 records in = 1 learnt" in line and "1 dead letter" in line
    ]
    if level == "info":
        assert len(figures) == 1
        assert "0 bytes unread" in figures[0]
        assert any("files source, encoder hashing-16" in line for line in lines)
    else:
        assert lines == []
