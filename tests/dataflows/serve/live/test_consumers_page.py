"""docs/how-to/consumers.md: both programs are short, and the one for HTTP does what it says."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door, port_of
from tests.told import programs

MOST_LINES = 15


def test_programs_of_the_page_are_short():
    found = programs("how-to/consumers.md")
    assert len(found) == 2
    for program in found:
        ast.parse(program)
        assert sum(bool(line) for line in program.splitlines()) <= MOST_LINES


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path, settings="[serve]\nenabled = true\nport = 0\n")
    made.write(60)
    made.start()
    yield made
    made.process.kill()
    made.process.wait()


def test_a_caller_has_two_pages_and_says_that_one_was_seen(run):
    port = port_of(run)
    program = programs("how-to/consumers.md")[1].replace(":8080", f":{port}")
    with Door(port) as door:
        door.until_learnt(run)
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        )
        listed, taken = done.stdout.splitlines()
        asked = door.ask("GET", "/v1/users/u1/recommendations?k=6")
        assert ast.literal_eval(listed) == [place["item_id"] for place in asked["items"]]
        assert taken == "1"
        door.until_learnt(run)
        told = door.ask("GET", "/v1/status")["feedback"]
        assert (told["lists"], told["unknown"]) == (1, 0)
