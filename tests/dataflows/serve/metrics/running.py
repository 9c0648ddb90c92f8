"""A process that was put together as `penchant run` does, run here to the end of its input."""

import json
import random
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

from bytewax.testing import run_main
from prometheus_client.parser import text_string_to_metric_families

from dataflows.app.process import assemble
from dataflows.config.config import load_config
from encoders.backends.hashing import HashingEncoder

ITEMS, USERS = 30, 12
BAD = (b"\xff\xfe\x83", b'{"event_id": "x"', b"null")


def write_shop(folder, events=300):
    """Write items and events: some repeated, some bad, some with a text and a label."""
    dice = random.Random(5)
    with (folder / "items.jsonl").open("w") as file:
        for number in range(ITEMS):
            item = {"item_id": f"i{number}", "title": f"thing {number}", "categories": ["c"]}
            file.write(json.dumps(item) + "\n")
    with (folder / "events.jsonl").open("wb") as file:
        for number in range(events):
            user = dice.randrange(USERS)
            fields = {
                "event_id": f"e{number if number % 20 else number // 2}",
                "user_id": f"u{user}",
                "item_id": f"i{(user * 3 + dice.randrange(9)) % ITEMS}",
                "type": "view",
                "ts": 1.7e9 + number,
            }
            if number % 5 == 0:
                fields["intent"] = f"need {user % 3}"
                fields["context"] = {"query": f"words of need {user % 3}"}
            file.write(json.dumps(fields).encode() + b"\n")
            if number % 50 == 0:
                file.write(BAD[number // 50 % len(BAD)] + b"\n")


def config_of(folder, **settings):
    """Return a configuration over the files of a folder, with metrics at a free port."""
    given = {
        "flow.epoch_seconds": 0.05,
        "files.events": str(folder / "events.jsonl"),
        "files.items": str(folder / "items.jsonl"),
        "files.output": str(folder / "output"),
        "files.batch_size": 7,
        "state.path": str(folder / "state"),
        "metrics.enabled": True,
        "metrics.port": 0,
    }
    return load_config(None, given | settings, {})


@contextmanager
def ran(config):
    """Run a process to the end of its input, and hand it out before it is closed."""
    process = assemble(config, lambda: False, HashingEncoder(32))
    try:
        process.open()
        run_main(process.flow, epoch_interval=process.epoch)
        yield process
    finally:
        process.finish()


def scraped(process):
    """Return what a scraper reads: (status line and headers, families by name)."""
    port = process.figures.exporter.port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
        head = SimpleNamespace(status=answer.status, type=answer.headers["Content-Type"])
    return head, families_of(text)


def families_of(text):
    """Return metric families by name, as the text format has them."""
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families, name, **labels):
    """Return the sum of all samples of this name that have these labels; there must be one."""
    found = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert found, name
    return sum(found)
