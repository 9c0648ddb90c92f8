"""The end of a process that waits for nothing that is left of its libraries."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LEAVE = """
import atexit, logging, sys, threading
from dataflows.lifecycle.leave import leave

class Late(logging.StreamHandler):
    def flush(self):
        print("the log is written")

logging.getLogger().addHandler(Late())
atexit.register(print, "taken down")
threading.Thread(target=threading.Event().wait).start()
sys.stdout.write("half a line")
leave(7)
"""
RUN = """
import atexit, sys
atexit.register(print, "taken down")
from dataflows.cli.main import main
sys.argv[1:] = ["run", "--config", "penchant.toml"]
main()
"""
NOWHERE = (
    '[flow]\nsource = "kafka"\n[kafka]\nbootstrap_servers = "127.0.0.1:1"\nstart_seconds = 0.2\n'
)
EMPTY = '[flow]\nsource = "files"\n[files]\nevents = "events.jsonl"\noutput = "out"\n'


def call(code: str, folder, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_all_is_written_and_nothing_is_waited_for(tmp_path):
    done = call(LEAVE, tmp_path)
    assert (done.returncode, done.stdout) == (7, "half a linethe log is written\n")


@pytest.mark.parametrize(
    ("config", "debug", "status", "is_taken_down"),
    [(NOWHERE, "", 2, False), (NOWHERE, "1", 2, True), (EMPTY, "", 0, True)],
)
def test_only_a_client_of_kafka_is_left_behind(tmp_path, config, debug, status, is_taken_down):
    """With PENCHANT_DEBUG all is taken down: a profiler writes what it has then."""
    (tmp_path / "events.jsonl").write_text("")
    (tmp_path / "penchant.toml").write_text(config + '[encoder]\nname = "hashing"\n')
    done = call(RUN, tmp_path, PENCHANT_DEBUG=debug)
    assert done.returncode == status, done.stderr
    assert ("taken down" in done.stdout) == is_taken_down
    if status:
        assert done.stderr.splitlines()[-1].startswith("penchant: Kafka at 127.0.0.1:1 did not")
