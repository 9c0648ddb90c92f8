"""Items over HTTP where input is files: in the run, in a store that follows it, after a kill."""

from __future__ import annotations

import re

import pytest

from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door

STORED = ("-m", "dataflows.cli.main", "serve", "--config")
SETTINGS = """
[serve]
enabled = true
port = 0
"""


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path, settings=SETTINGS)
    text = made.config.read_text().replace("[files]", "[files]\nitem_changes = 'changes.jsonl'")
    made.config.write_text(text)
    made.write(30)
    yield made
    made.process.kill()
    made.process.wait()


def begun(run: Run, *command: str) -> Door:
    """Start it, and ask it once it is ready."""
    log = run.folder / "stderr.txt"
    before = len(log.read_text()) if log.exists() else 0
    run.start(*command, *([str(run.config)] if command else []))
    pattern = re.compile(r"answer(?:s|ing) at http://127\.0\.0\.1:(\d+)")
    run.until(lambda: pattern.search(run.said[before:]) is not None, "an address")
    door = Door(int(pattern.findall(run.said)[-1]))
    run.until(lambda: door.answer("GET", "/readyz")[0] == 200, "readiness")
    return door


def test_items_are_taken_in_changed_and_taken_out(run):
    def until_is(door, wanted):
        def is_so():
            status, told = door.answer("GET", "/v1/items/new")
            return (told.get("title") if status == 200 else None) == wanted

        run.until(is_so, f"{wanted}")

    with begun(run) as door:
        put = door.ask("PUT", "/v1/items/new", {"title": "a tent", "categories": ["camp"]})
        assert put == {"partition": "changes.jsonl (items)", "offset": 0}
        until_is(door, "a tent")
        door.ask("PATCH", "/v1/items/new", {"title": "a stove"})
        until_is(door, "a stove")
        assert door.ask("GET", "/v1/items/new")["categories"] == ["camp"]
        assert door.answer("PUT", "/v1/items/bad", {"text": "no title"})[0] == 400
    run.process.kill()
    run.process.wait()
    with begun(run) as door:
        until_is(door, "a stove")
    run.process.terminate()
    assert run.process.wait(60) == 0
    with begun(run, *STORED) as door:
        until_is(door, "a stove")
        door.ask("DELETE", "/v1/items/new")
        until_is(door, None)
    run.process.terminate()
    assert run.process.wait(60) == 0
    with begun(run) as door:

        def is_out():
            status, told = door.answer("GET", "/v1/items/new")
            return status == 404 or not told["is_available"]

        run.until(is_out, "what was taken out while nobody learnt")
