"""HTTP inside `penchant run`: begun once all is open, and ended first."""

from __future__ import annotations

import http.client
import signal
import socket
from contextlib import closing

import pytest

from tests.dataflows.processes import BYTEWAX, RUN, Run
from tests.dataflows.serve.live.doors import Door, port_of

SERVE = "[serve]\nenabled = true\nport = {port}\n"


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path, settings=SERVE.format(port=0))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.mark.parametrize("command", [RUN, BYTEWAX], ids=["run", "bytewax"])
def test_a_process_answers_as_of_its_last_event_and_ends_cleanly(run, command):
    run.write(20)
    more = (str(run.config),) if command is RUN else ()
    run.start(*command, *more)
    with Door(port_of(run)) as door:
        door.until_learnt(run)
        answer = door.ask("GET", "/v1/users/u1/recommendations?k=3")
        assert (answer["source"], answer["is_known"], len(answer["items"])) == ("live", True, 3)
        run.write(1)
        door.until_learnt(run)
        after = door.ask("GET", "/v1/users/u1/recommendations?k=3")
        assert after["sequence"] == answer["sequence"] + 1
        assert door.ask("GET", "/readyz")["is_ready"]
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(60) == 0, run.said
    assert "Traceback" not in run.said


def test_who_follows_a_stream_is_let_go_at_a_stop(run):
    run.write(20)
    run.start()
    port = port_of(run)
    with Door(port) as door:
        door.until_learnt(run)
    stream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with closing(stream):
        stream.request("GET", "/v1/stream?user=u1")
        answer = stream.getresponse()
        assert answer.status == 200
        run.process.send_signal(signal.SIGTERM)
        answer.read()  # to its end, which comes
    assert run.process.wait(60) == 0, run.said


@pytest.mark.parametrize("command", [RUN, BYTEWAX], ids=["run", "bytewax"])
def test_a_port_that_is_taken_ends_the_start_with_one_line(tmp_path, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = Run(tmp_path, settings=SERVE.format(port=port))
        more = (str(run.config),) if command is RUN else ()
        run.start(*command, *more)
        assert run.process.wait(120) == 2, run.said
    said = [line for line in run.said.splitlines() if f"127.0.0.1:{port}" in line]
    assert len(said) == 1
    assert "serve.port" in said[0]
    assert "Traceback" not in run.said
