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
COMMAND = """
import atexit, sys
atexit.register(print, "taken down")
from dataflows.cli.main import main
sys.argv[1:] = [{words}, "--config", "penchant.toml"]
main()
"""
RUN = COMMAND.format(words="'run'")
MODULE = """
import runpy, sys
sys.argv[1:] = ["dataflows.app.flow:get_flow"]
runpy.run_module("bytewax.run", run_name="__main__")
"""
# The library's own end, in which OpenSSL is taken down, shows: it ends the process with 9.
C_LIBRARY = """
import ctypes
libc = ctypes.CDLL(None)
libc.__cxa_atexit(ctypes.cast(libc._exit, ctypes.c_void_p), ctypes.c_void_p(9), None)
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


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize("words", ["'run'", "'topics', 'create'", "'finetune', '--once'"])
def test_the_c_library_takes_nothing_down_under_a_client_of_kafka(tmp_path, words, debug):
    """A client that goes on in its own threads would be in the middle of a handshake."""
    (tmp_path / "penchant.toml").write_text(NOWHERE + '[encoder]\nname = "hashing"\n')
    environment = {"PENCHANT_DEBUG": debug, "PENCHANT_FINETUNE__MODELS": "language"}
    done = call(C_LIBRARY + COMMAND.format(words=words), tmp_path, **environment)
    assert done.returncode == 2, done.stderr
    assert ("taken down" in done.stdout) == bool(debug)


def test_nor_where_bytewax_runs_the_flow(tmp_path):
    (tmp_path / "penchant.toml").write_text(NOWHERE + '[encoder]\nname = "hashing"\n')
    done = call(C_LIBRARY + MODULE, tmp_path, PENCHANT_CONFIG="penchant.toml")
    assert done.returncode == 2, done.stderr


def test_without_one_it_does(tmp_path):
    (tmp_path / "penchant.toml").write_text(EMPTY + '[encoder]\nname = "hashing"\n')
    (tmp_path / "events.jsonl").write_text("")
    assert call(C_LIBRARY + RUN, tmp_path).returncode == 9
