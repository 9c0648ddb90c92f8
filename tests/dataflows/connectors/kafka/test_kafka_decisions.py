"""Decisions on a topic of their own: when it is read, what is taken from it, and kill -9."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from dataflows.cli.intent_labels import decide, overviews
from dataflows.cli.main import app
from dataflows.config.config import load_config
from dataflows.config.signing_keys import KEY, Keys
from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.decisions import FirstDecisions
from dataflows.connectors.kafka.health import Health
from dataflows.engine.decisions.history import read_history
from dataflows.errors import InputError
from dataflows.messages.signed import write_signed
from dataflows.state.positions import Progress
from dataflows.state.store import Store
from learners.intent.decisions import Control
from tests.dataflows.connectors.kafka.engine_process import Penchant
from tests.dataflows.connectors.kafka.flows import take, until

SECRET = "a key that nobody else has"
SAYS = {"card": "my card is stuck", "rate": "the exchange rate today", "fee": "an extra fee"}


def asked(count: int, start: int = 0) -> list[bytes]:
    made = []
    for number in range(start, start + count):
        intent = list(SAYS)[number % 3]
        fields = {"event_id": f"e{number}", "user_id": f"u{number % 5}", "type": "query"}
        fields |= {"ts": 1.7e9 + number, "text": f"{SAYS[intent]} {number}", "intent": intent}
        made.append(json.dumps(fields).encode())
    return made


def signed(do: dict[str, object], sequence: int, key: str = SECRET) -> bytes:
    content = json.dumps(do).encode()
    return write_signed("intents", "mallory", sequence, content, Keys([key.encode()]))


def test_first_decisions_wait_for_the_end_of_all_events_and_later_ones_for_nothing() -> None:
    topic, events = [("d", 0)], [("e", 0), ("e", 1)]
    first = FirstDecisions(topic, Progress({}))
    assert first.reached_end(("i", 0)) == []
    assert first.begin(events) == []
    assert first.reached_end(("e", 0)) == []
    assert first.reached_end(("i", 0)) == []
    assert first.reached_end(("e", 1)) == topic
    assert first.reached_end(("e", 1)) == []
    known = FirstDecisions(topic, Progress({0: {"d-0": 7}}))
    assert known.begin(events) == topic
    assert known.reached_end(("e", 0)) == []


@pytest.mark.kafka
@pytest.mark.parametrize("is_new", [True, False])
def test_a_state_that_read_none_reads_its_events_first(broker, settings_for, is_new) -> None:
    names = broker.names(partitions=2)
    broker.produce(names.decisions, [b"one", b"two"])
    broker.produce(names.events, [b"event"] * 300)
    broker.produce(names.events, [b"event"] * 300, partition=1)
    stored = {} if is_new else {0: {f"{names.decisions}-{number}": 0 for number in (0, 1)}}
    reader = Reader(settings_for(broker, names, batch_size=50), Progress(stored), Health("source"))
    reader.open()
    reader.begin()
    try:
        raws = take(reader, 602)
        order = [raw.topic for raw in raws]
        assert order.count(names.decisions) == 2
        if is_new:
            assert order[600:] == [names.decisions] * 2
        broker.produce(names.decisions, [b"three"])
        assert [raw.value for raw in take(reader, 1)] == [b"three"]
    finally:
        with contextlib.suppress(RuntimeError):
            reader.finish(5)


@pytest.mark.kafka
def test_a_topic_that_is_not_there_is_told_and_the_rest_is_read(
    broker, settings_for, caplog, pauses
) -> None:
    names = broker.names()
    names.decisions = broker.name("never-made")
    broker.produce(names.events, [b"event"])
    reader = Reader(settings_for(broker, names), Progress({}), Health("source"))
    reader.open()
    reader.begin()
    try:
        assert len(take(reader, 1)) == 1
    finally:
        reader.finish(5)
    told = [line for line in caplog.messages if names.decisions in line]
    assert len(told) == 1
    assert "penchant topics create" in told[0]


def history(process: Penchant) -> list[str]:
    store = Store.reader(process.folder / "state")
    if store is None:
        return []
    with contextlib.closing(store):
        return [one.content for one in read_history(store.scan)]


def taken(process: Penchant, topic: str) -> dict[str, int]:
    return process.ledger().as_dict()["partitions"].get(f"{topic}-0", {"in": 0, "reasons": {}})


@pytest.mark.kafka
def test_signed_ones_are_carried_out_once_over_kill_9_and_forged_ones_change_nothing(
    broker, penchant, monkeypatch, tmp_path: Path
) -> None:
    names = broker.names()
    broker.produce(names.events, asked(60))
    process = penchant(broker, names)
    process.start(**{KEY: SECRET})
    process.await_learnt(60)
    config = load_config(process.config, None, {})
    monkeypatch.setenv(KEY, SECRET)
    said = decide(config, Control("name", "card", "card stuck"))
    assert said == f"sent to the topic {names.decisions}: a process has the state open"
    until(lambda: len(history(process)) == 1, "the decision")
    process.kill()  # the decision is stored, whatever else is not

    (key, good), *_ = broker.read(names.decisions)
    forged = [
        good,  # the same again
        signed({"do": "retire", "intent": "rate"}, 5, key="the key of somebody else"),
        good.replace(b"signature", b"sign"),
        good.replace(b"card stuck", b"rate"),
        b'{"kind":"intents","signer":"x","sequence":' + b"9" * 40 + b',"content":"{}"}',
        b"\xff",
        None,
    ]
    broker.produce(names.decisions, forged, key=key)
    context = {"do": "retire"}
    event = {"event_id": "c1", "user_id": "penchant", "type": "intents", "ts": 1.7e9 + 60}
    bad = json.dumps({**event, "intent": "rate", "context": context}).encode()
    broker.produce(names.events, [bad, *asked(30, 60)])
    process.start(**{KEY: SECRET})
    process.await_learnt(91)
    until(lambda: taken(process, names.decisions)["in"] == 8, "the forged ones")
    with pytest.raises(InputError, match=r"known are 'card stuck', 'fee', 'rate'.*--force"):
        decide(config, Control("retire", "nothing such"))
    decide(config, Control("retire", "fee"))
    until(lambda: len(history(process)) == 2, "the second decision")
    assert process.stop() == 0, process.said
    (overview,) = overviews(config).values()
    assert sorted(label.name for label in overview.labels) == ["card stuck", "rate"]
    assert overview.retired == ["fee"]
    assert taken(process, names.decisions)["reasons"] == {
        "learnt": {"decision": 2},
        "dead_letter": {
            "replayed": 1,
            "bad_signature": 2,
            "not_signed": 1,
            "bad_sequence": 1,
            "not_utf8": 1,
            "null_value": 1,
        },
    }
    assert taken(process, names.events)["reasons"] == {"dead_letter": {"decision_in_events": 1}}
    process.ledger().balance()
    letters = [json.loads(value) for _, value in broker.read(names.dead_letters)]
    assert {letter["reason"] for letter in letters} >= {"replayed", "decision_in_events"}
    said = process.said
    assert "decisions are taken from the topic" in said
    assert "a decision was refused (decision_in_events" in said
    assert SECRET not in said
    assert "Traceback" not in said
    assert broker.committed(names.group, names.decisions) == [9]


@pytest.mark.kafka
def test_what_cannot_be_sent_is_one_line(broker, penchant, monkeypatch, capsys) -> None:
    names = broker.names()
    broker.produce(names.events, asked(30))
    process = penchant(broker, names)
    process.start()
    process.await_learnt(30)
    assert "unsigned" in process.said
    command = ["--config", str(process.config)]
    app(["intents", "retire", "fee", *command], standalone_mode=False)
    assert "not signed" in capsys.readouterr().out
    until(lambda: len(history(process)) == 1, "the decision")
    monkeypatch.setenv("PENCHANT_KAFKA__DECISIONS_TOPIC", "")
    with pytest.raises(InputError, match="decisions_topic is empty"):
        app(["intents", "retire", "rate", *command], standalone_mode=False)
    assert process.stop() == 0, process.said
