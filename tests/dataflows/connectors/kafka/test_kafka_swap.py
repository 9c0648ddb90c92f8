"""What models do to a running process, over topics: another encoder at one event, and words."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import groupby

import jsonschema
import pytest

from dataflows.registry.manifest import About
from dataflows.registry.registry import Registry
from encoders.load import load_encoder
from tests.dataflows.connectors.kafka.engine_process import START, fill, shopping
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.generation.test_shard_client import SCHEMA
from tests.encoders.llm.tiny_model import WORDS, tiny_model
from tests.encoders.tiny_models import build_model

pytestmark = pytest.mark.kafka

CALL = "from dataflows.cli.main import main; main()"


def models(process, *arguments: str) -> str:
    """Call `penchant models` with the configuration of a process; return what it printed."""
    command = [sys.executable, "-c", CALL, "models", *arguments]
    done = subprocess.run(
        [*command, "--config", str(process.config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_promotion_and_a_rollback_on_the_topic_switch_at_one_event_each(
    broker, penchant, tmp_path
):
    names = broker.names()
    promotions = broker.create(broker.name("promotions"))
    base, other = (build_model(tmp_path / f"model-{seed}", seed) for seed in (0, 1))
    versions = [load_encoder(str(folder)).version for folder in (base, other)]
    registry = Registry(tmp_path / "registry")
    made = registry.add(
        "encoder",
        other,
        About(
            base=str(base),
            form="sentence-transformers",
            fingerprint=versions[1],
            made=time.time(),
            dim=32,
            gate={"verdict": "promote", "reasons": ["for a test"]},
        ),
    )
    # The registry is looked at once an hour: only the topic can have told in time.
    settings = f"[models]\nroot = '{tmp_path / 'registry'}'\npoll_seconds = 3600"
    process = penchant(broker, names, encoder=str(base), more=settings, promotions_topic=promotions)
    fill(broker, names, shopping(100))
    process.start()
    process.await_learnt(100)
    events, sent = iter(shopping(5_000)[100:]), 100

    def listed() -> list[dict]:
        return [json.loads(value) for _, value in broker.read(names.recommendations)]

    until(listed, "a list")  # what is stored is sent a moment later

    def is_in_force(version: str):
        def one_more() -> bool:
            nonlocal sent
            broker.produce(names.events, [next(events)])
            sent += 1
            return listed()[-1]["versions"]["encoder"] == version

        return one_more

    assert f"announced on the topic {promotions}" in models(process, "promote", made.id)
    until(is_in_force(versions[1]), "the switch")
    models(process, "rollback", "encoder", "--reason", "a test of the way back")
    until(is_in_force(versions[0]), "the way back")
    process.await_learnt(sent)
    assert process.stop() == 0, process.said

    lists = listed()
    offsets = [message["position"]["offset"] for message in lists]
    assert offsets == sorted(offsets)
    in_order = [version for version, _ in groupby(m["versions"]["encoder"] for m in lists)]
    assert in_order == [versions[0], versions[1], versions[0]]
    # Each was learnt, whichever encoder was in force. How many lists came of them hangs on how many
    # events were in hand at once.
    assert process.ledger().balance() == process.ledger().as_dict()["learnt"] == sent
    assert broker.committed(names.group, names.events) == [sent]
    assert "Traceback" not in process.said


def test_lists_in_words_go_to_their_own_topic(broker, penchant, tmp_path):
    names = broker.names()
    narratives = broker.create(broker.name("narratives"))
    model = tiny_model()
    model.model.save_pretrained(tmp_path / "language")
    model.tokenizer.save_pretrained(tmp_path / "language")
    titles = {f"i{n}": f"{WORDS[n % 12]} {WORDS[n * 5 % 12]}" for n in range(24)}
    for item_id, title in titles.items():
        item = {"item_id": item_id, "title": title, "categories": ["w3"]}
        broker.produce(names.items, [json.dumps(item).encode()], key=item_id.encode())
    settings = f"[generate]\nnarratives = true\nmodel = '{tmp_path / 'language'}'"
    settings += "\nnarrative_seconds = 0.0\nnarratives_per_minute = 1000.0"
    process = penchant(broker, names, more=settings, narratives_topic=narratives)
    process.start()
    until(lambda: broker.committed(names.group, names.items) == [24], "the items")
    for n in range(20):
        event = {"event_id": f"e{n}", "user_id": f"u{n % 4}", "item_id": f"i{n}", "type": "view"}
        broker.produce(names.events, [json.dumps(event | {"ts": START + n}).encode()])
    users = {f"u{n}".encode() for n in range(4)}
    told: list[tuple[bytes, bytes]] = []

    # No further event comes, and the words do all the same.
    def all_are_told() -> bool:
        told[:] = broker.read(narratives)
        return {key for key, _ in told} == users

    until(all_are_told, "words for each user")
    assert process.stop() == 0, process.said
    schema = json.loads(SCHEMA.read_text())
    for key, value in told:
        message = json.loads(value)
        jsonschema.validate(message, schema)
        assert message["user_id"] == key.decode()
        assert all(place["title"] == titles[place["item_id"]] for place in message["items"])
    assert "Traceback" not in process.said
