"""A real run over a piece of ml-100k that answers over HTTP, and a browser to look at it with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import pytest

from dataflows.datasets.convert import convert
from tests.browser import browser  # noqa: F401 - a fixture
from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door, port_of
from tests.dataflows.serve.page.running_shop import ENV, shop_run

EVENTS = 3_000
SETTINGS = "[serve]\nenabled = true\nport = 0\n"


class Served(NamedTuple):
    """A process that answers, and where."""

    run: Run
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def door(self) -> Door:
        return Door(self.port)


@pytest.fixture(scope="session")
def served(tmp_path_factory, ml100k) -> Iterator[Served]:
    """A run that has learnt the first events of ml-100k, and one line that is none."""
    folder = tmp_path_factory.mktemp("served")
    convert("recbole", ml100k, folder / "log")
    shutil.move(folder / "log" / "items.jsonl", folder / "items.jsonl")
    run = Run(folder, settings=SETTINGS)
    told = run.config.read_text()
    run.config.write_text(told.replace("follow =", f"items = '{folder}/items.jsonl'\nfollow =", 1))
    with (folder / "log" / "events.jsonl").open() as log, run.events.open("a") as events:
        events.writelines(islice(log, EVENTS))
        events.write('{"user_id": \n')
    run.start()
    try:
        served = Served(run, port_of(run))
        with served.door() as door:
            door.until_learnt(run)
        yield served
    finally:
        if run.process is not None:
            run.process.kill()
            run.process.wait()


def event(number: int, user_id: str, item_id: str) -> bytes:
    """An event as a line of the file that is followed."""
    fields = {"event_id": f"page-{number}", "user_id": user_id, "item_id": item_id, "type": "view"}
    return json.dumps(fields | {"ts": 2e9 + number}).encode() + b"\n"


@pytest.fixture(scope="session")
def shop(tmp_path_factory) -> Iterator[Run]:
    """A process that has learnt all of a shop's events, and follows what is written behind them."""
    run = shop_run(tmp_path_factory.mktemp("shop"))
    run.start(env=ENV)
    try:
        with Door(port_of(run)) as door:
            door.until_learnt(run)
        yield run
    finally:
        run.end()


@pytest.fixture(scope="session")
def url(shop) -> str:
    """Where the shop's process answers."""
    return f"http://127.0.0.1:{port_of(shop)}"
