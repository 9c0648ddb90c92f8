"""The whole process with a real registry: promoted, restarted, rolled back, and files lost."""

import json
import shutil
import threading
import time

import pytest
from bytewax.run import cli_main

from dataflows.app.process import assemble
from dataflows.config.config import load_config
from dataflows.engine.encoder_in_force import read_in_force
from dataflows.errors import InputError
from dataflows.hotswap import load as loading
from dataflows.registry.registry import Registry
from dataflows.state.store import Store
from encoders.load import load_encoder
from tests.dataflows.hotswap.conftest import DIM, Seeded, write_topics
from tests.dataflows.registry.tiny import about, write_sentence

PATIENCE = 120.0


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A log, a registry with two versions, and a configuration that follows the log."""
    write_topics(tmp_path, 60)
    registry = Registry(tmp_path / "models")
    ids = []
    for seed in (1, 2):
        folder = write_sentence(tmp_path / f"made-{seed}", seed=seed, dim=DIM)
        told = about(fingerprint=Seeded(seed).version, dim=DIM)
        ids.append(registry.add("encoder", folder, told).id)
    by_id = {one: Seeded(seed) for seed, one in enumerate(ids, 1)}

    def load(name):
        found = [encoder for one, encoder in by_id.items() if one in name]
        return found[0] if found else load_encoder(name)

    monkeypatch.setattr(loading, "load_encoder", load)
    given = {
        "files.events": str(tmp_path / "events.jsonl"),
        "files.items": str(tmp_path / "items.jsonl"),
        "files.output": str(tmp_path / "output"),
        "files.follow": True,
        "files.batch_size": 8,
        "flow.epoch_seconds": 0.05,
        "state.path": str(tmp_path / "state"),
        "models.root": str(tmp_path / "models"),
        "models.poll_seconds": 0.05,
        "encoder.name": f"hashing-{DIM}",
    }
    return tmp_path, registry, ids, load_config(None, given, {})


def played(place, script):
    """Run the process; `script(process, say)` runs beside it, and the process ends after it."""
    folder, _, _, config = place
    stop, failures = threading.Event(), []
    process = assemble(config, stop.is_set)

    def beside():
        try:
            script(process, lambda: say(folder))
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)
        finally:
            stop.set()

    thread = threading.Thread(target=beside)
    try:
        process.open()
        thread.start()
        cli_main(process.flow, epoch_interval=process.epoch)
    finally:
        stop.set()
        thread.join()
        process.finish()
    if failures:
        raise failures[0]
    return process


def say(folder):
    """Append one more event."""
    path = folder / "events.jsonl"
    n = path.read_bytes().count(b"\n")
    line = {"event_id": f"e{n}", "user_id": f"u{n % 24}", "item_id": f"i{n % 60}", "type": "view"}
    with path.open("a") as file:
        file.write(json.dumps({**line, "ts": 1.7e9 + 30 * n}) + "\n")


def in_force(process, version):
    def is_so():
        return all(e.space.in_force.version == version for e in process.engines)

    return is_so


def until(said, say):
    deadline = time.monotonic() + PATIENCE
    while not said():
        assert time.monotonic() < deadline
        say()
        time.sleep(0.02)


def listed(folder):
    lines = (folder / "output" / "recommendations.jsonl").read_bytes().splitlines()
    told = [json.loads(line) for line in lines]
    return [one.get("value", one)["versions"]["encoder"] for one in told]


def stored(folder):
    store = Store.reader(folder / "state")
    found = read_in_force(store)
    store.close()
    return found


def test_promoted_restarted_and_rolled_back_without_a_restart_in_between(place):
    folder, registry, (one, _), _ = place

    def promote(process, say):
        until(lambda: bool(list(process.engines)) and process.engines[0].learnt >= 60, say)
        registry.promote(one, "test", time.time())
        until(in_force(process, one), say)
        for _ in range(10):
            say()
        until(lambda: Seeded(1).version in listed(folder), say)

    process = played(place, promote)
    base = load_encoder(f"hashing-{DIM}").version
    versions = listed(folder)
    turned = versions.index(Seeded(1).version)
    assert set(versions[:turned]) == {base}
    assert set(versions[turned:]) == {Seeded(1).version}
    assert process.swapper.counts == {"ready": 1}
    assert stored(folder).version == one

    def roll_back(process, say):
        assert process.engines[0].space.in_force.version == one
        assert process.engines[0].counts["vectors_dropped"] == 0
        registry.rollback("encoder", "test", time.time())
        until(in_force(process, ""), say)
        for _ in range(10):
            say()
        until(lambda: listed(folder)[-1] == base, say)

    process = played(place, roll_back)
    assert stored(folder).version == ""
    process.engines  # noqa: B018 - closed
    played(place, lambda process, _: until(in_force(process, ""), lambda: None))


def test_a_promotion_made_while_nothing_ran_is_followed_at_the_start(place):
    folder, registry, (_, two), _ = place
    played(place, lambda process, say: until(lambda: process.engines[0].learnt >= 60, say))
    registry.promote(two, "test", time.time())
    played(place, lambda process, say: until(in_force(process, two), say))
    assert stored(folder).encoder == Seeded(2).version


def test_where_the_version_in_force_is_lost_what_the_registry_says_now_is_taken(place):
    folder, registry, (one, two), _ = place
    registry.promote(one, "test", time.time())
    played(place, lambda process, say: until(in_force(process, one), say))
    shutil.rmtree(next((folder / "models").rglob(one)))
    with pytest.raises(InputError, match="cannot be loaded"):
        assemble(place[3], lambda: True)
    registry.promote(two, "test", time.time())
    played(place, lambda process, say: until(in_force(process, two), say))
    assert stored(folder).version == two
