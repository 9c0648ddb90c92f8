"""Decisions in the stream: taken once from where they may come, at an event that is remembered."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dataflows.app.run import run
from dataflows.config.config import Config, load_config
from dataflows.config.events import EventSettings
from dataflows.config.signing_keys import KEY, Keys
from dataflows.engine.decisions.history import (
    MOST_KEPT,
    AppliedDecision,
    PlannedDecision,
    applied_records,
    as_line,
    read_history,
    read_planned,
)
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.engine.status.progress import read_positions
from dataflows.errors import InputError
from dataflows.evaluation.offline_flow import open_engine
from dataflows.evaluation.replay import ReplaySettings, replay
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.decisions import DecisionReader
from dataflows.messages.raw import Raw
from dataflows.messages.signed import LARGEST, write_signed
from dataflows.messages.special_events import write_control
from dataflows.state.ledger import OUTCOMES, Ledger
from dataflows.state.outbox import DEAD_LETTERS, Out
from dataflows.state.records import MemoryStore
from dataflows.state.store import Store
from encoders.load import load_encoder
from learners.intent.decisions import Control

ENCODER = load_encoder("hashing-32")
KEYS, OTHER = Keys([b"a key that nobody else has"]), Keys([b"the key of somebody else"])
SAYS = {"card": "my card is stuck", "rate": "the exchange rate today", "fee": "an extra fee"}
CONTROLS = [
    Control("name", "card", "stuck"),
    Control("merge", "fee", "rate"),
    Control("retire", "stuck"),
    Control("name", "rate", "fee"),
    Control("retire", "fee"),
]


def decided(
    control: Control,
    sequence: int,
    signer: str = "anna",
    keys: Keys = KEYS,
    shard: int | None = None,
) -> bytes:
    return write_signed("intents", signer, sequence, write_control(control, shard), keys)


def event(number: int, **more: Any) -> bytes:
    """Every third event has an item, the others a text and a label; some labels come late."""
    kind = list(SAYS)[number % 3]
    fields = {"event_id": f"e{number}", "user_id": f"u{number % 7}", "ts": 1.7e9 + number}
    if number % 11 == 10:  # a label for the event of this user seven events before
        fields |= {"type": "label", "intent": "fee", "context": {"event_id": f"e{number - 7}"}}
    elif number % 5 == 4:
        fields |= {"type": "view", "item_id": f"i{number % 8}"}
    else:
        fields |= {"type": "query", "text": f"{SAYS[kind]} {number % 4}"}
        fields |= {"intent": kind} if number % 4 else {}
    return json.dumps({**fields, **more}).encode()


class Shard:
    """One engine that can crash; events and decisions are partitions of their own."""

    def __init__(self, keys: Keys = KEYS, **given: Any) -> None:
        self.config = load_config(None, given, {})
        self.keys, self.store = keys, MemoryStore()
        self.sent: list[Out] = []
        self.start()

    def start(self) -> None:
        self.engine = open_engine(self.config, ENCODER, store=self.store)
        self.encode = EncodeStep(
            ENCODER,
            EventSettings(),
            Catalogue(None, ENCODER.version),
            decisions=DecisionReader("decisions", self.keys),
        )

    def __call__(self, *records: tuple[str, int, bytes | None]) -> None:
        raws = [Raw(topic, f"{topic}-0", at, at + 1, None, value) for topic, at, value in records]
        for _, batch in self.encode(raws):
            self.sent += self.engine.process(batch)
        self.engine.ledger.balance()

    def at(self, topic: str) -> int:
        return self.engine.positions.get(f"{topic}-0", 0)

    @property
    def labels(self) -> list[str]:
        return sorted(self.engine.model.tracker.stated.labels)

    @property
    def learnt_records(self) -> dict[str, Any]:
        self.engine.commit()
        kinds = [kind for kind in self.store.records if kind.startswith("learner:")]
        return {kind: dict(of) for kind in kinds if (of := self.store.records[kind])}

    @property
    def buried(self) -> list[str]:
        letters = [json.loads(out.value) for out in self.sent if out.topic == DEAD_LETTERS]
        return [letter["reason"] for letter in letters]

    @property
    def history(self) -> list[AppliedDecision]:
        return read_history(self.store.scan)


def unbroken(events: list[bytes], planned: list[PlannedDecision]) -> Shard:
    """Let one run learn these events, with decisions where they are planned."""
    shard = Shard()
    shard.engine.deciding.plan(planned)
    shard(*[("events", at, value) for at, value in enumerate(events)])
    assert not shard.engine.deciding.unreached
    return shard


def planned_of(history: list[AppliedDecision]) -> list[PlannedDecision]:
    found = []
    for one in history:
        what = json.loads(one.content)
        control = Control(what["do"], what["intent"], what.get("into"), what.get("cluster"))
        found.append(PlannedDecision(one.learnt, one.since, control))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_moment_a_decision_holds_from_the_event_that_the_state_names(
    seed: int,
) -> None:
    dice, shard = random.Random(seed), Shard()
    events = [event(number) for number in range(120)]
    decisions = [decided(control, 10 + n) for n, control in enumerate(CONTROLS)]
    crashes, patience = 0, 400
    while shard.at("events") < len(events) or shard.at("decisions") < len(decisions):
        patience -= 1
        assert patience, "it does not get on"
        at, chosen = shard.at("events"), shard.at("decisions")
        batch: list[tuple[str, int, bytes | None]] = [
            ("events", n, events[n]) for n in range(at, min(at + dice.randrange(12), len(events)))
        ]
        ready = at > 15 * (chosen + 1) and chosen < len(decisions)
        if ready or at == len(events):
            batch[dice.randrange(len(batch) + 1) : 0] = [
                ("decisions", n, decisions[n]) for n in range(chosen, min(chosen + 1, 5))
            ]
        shard(*batch)
        if dice.random() < 0.3:
            shard.engine.commit()
        if dice.random() < 0.3:
            crashes += 1
            shard.start()
    assert crashes
    history = shard.history
    assert [one.number for one in history] == list(range(len(CONTROLS)))
    assert [one.sequence for one in history] == [10, 11, 12, 13, 14]
    whole = unbroken(events, planned_of(history))
    assert shard.labels == whole.labels == []
    assert shard.learnt_records == whole.learnt_records
    assert shard.engine.ledger.as_dict()["reasons"]["learnt"]["decision"] == 5


def test_it_is_stored_before_anything_is_learnt_under_it() -> None:
    shard = Shard()
    shard(*[("events", n, event(n)) for n in range(30)])
    shard(
        ("events", 30, event(30)),
        ("decisions", 0, decided(CONTROLS[0], 1)),
        ("events", 31, event(31)),
    )
    shard.start()  # nothing was committed but by the decision
    assert (shard.at("events"), shard.at("decisions")) == (31, 1)
    assert "stuck" in shard.labels
    (one,) = shard.history
    assert one.learnt == shard.engine.learnt
    shard(("decisions", 0, decided(CONTROLS[0], 1)), ("events", 31, event(31)))
    assert shard.engine.counts["redelivered"] == 1
    assert len(shard.history) == 1


def test_the_place_is_exact_between_labels_that_come_late() -> None:
    events = [event(number) for number in range(40)]
    late = {"type": "label", "text": None, "item_id": None, "intent": "card"}
    events += [
        event(40 + n, user_id=f"u{n % 7}", context={"event_id": f"e{n}"}, **late)
        for n in (0, 4, 8, 12, 16)
    ]
    for place in range(40, 46):
        shard = Shard()
        shard(*[("events", n, value) for n, value in enumerate(events[:place])])
        shard(("decisions", 0, decided(Control("retire", "card"), 1)))
        shard(*[("events", n, events[n]) for n in range(place, len(events))])
        (one,) = shard.history
        assert one.since == place - 40
        assert shard.learnt_records == unbroken(events, planned_of([one])).learnt_records


FORGED: list[tuple[str, bytes | None]] = [
    ("not_signed", decided(CONTROLS[0], 99, keys=Keys())),
    ("bad_signature", decided(CONTROLS[0], 99, keys=OTHER)),
    ("bad_signature", decided(CONTROLS[0], 99).replace(b"anna", b"bert")),
    ("bad_signature", decided(CONTROLS[0], 99).replace(b":99", b":100")),
    ("bad_signature", decided(CONTROLS[0], 99).replace(b"stuck", b"stack")),
    ("replayed", decided(CONTROLS[0], 5)),
    ("replayed", decided(CONTROLS[0], 4)),
    ("replayed", decided(CONTROLS[0], 0)),
    ("bad_sequence", decided(CONTROLS[0], 7).replace(b":7", b":" + b"1" + b"0" * 30)),
    ("bad_sequence", decided(CONTROLS[0], 7).replace(b":7", b":9223372036854775808")),
    ("bad_sequence", decided(CONTROLS[0], 7).replace(b":7", b":-7")),
    ("bad_sequence", decided(CONTROLS[0], 7).replace(b":7", b":7.0")),
    ("bad_field", write_signed("forget", "anna", 99, b"{}", KEYS)),
    ("bad_field", write_signed("intents", "anna", 99, b'{"do":"delete","intent":"card"}', KEYS)),
    ("bad_field", write_signed("intents", "anna", 99, b"[" * 5000, KEYS)),
    ("bad_field", write_signed("intents", "anna", 99, b'{"a":' * 90 + b"1" + b"}" * 90, KEYS)),
    ("missing_field", b"{}"),
    ("not_an_object", b"7"),
    ("bad_json", b"{" * 5000),
    ("bad_json", b'{"kind":"intents","content":{"do":"retire","intent":"card"}'),
    ("not_utf8", b"\xff\xfe"),
    ("null_value", None),
    ("too_large", b" " * 3_000_000),
    ("too_large", decided(Control("retire", "a" * 2_000_000), 99)),
]
IN_EVENTS = {"user_id": "penchant", "type": "intents", "text": None, "item_id": None}


def test_forged_ones_of_every_kind_change_nothing_and_end_nothing() -> None:
    dice = random.Random(3)
    plain, forged = Shard(), Shard()
    events = [("events", n, event(n)) for n in range(90)]
    first = ("decisions", 0, decided(Control("name", "fee", "an extra"), 5))
    plain(*events[:30], first, *events[30:])
    forged(*events[:30], first)
    given, place = FORGED * 3, 1
    dice.shuffle(given)
    for number in range(30, 90):
        bad = [(topic, value) for topic, value in given[2 * number - 60 : 2 * number - 58]]
        records = []
        for _, value in bad:
            records.append(("decisions", place, value))
            place += 1
        forged(*records, events[number])
    assert sorted(forged.buried) == sorted(reason for reason, _ in given)
    assert forged.learnt_records == plain.learnt_records
    assert forged.history == plain.history
    figures = forged.engine.ledger.as_dict()
    assert figures["in"] == 91 + len(given)
    assert figures["reasons"]["dead_letter"]["replayed"] == 9
    for at in ("served:0", "served:state"):
        assert forged.store.records.get(at) == plain.store.records.get(at)
    good = ("decisions", place, decided(Control("retire", "rate"), 6))
    forged(good)
    assert "rate" not in forged.labels


def test_among_the_events_they_are_refused_whoever_they_say_they_are() -> None:
    plain, forged = Shard(), Shard()
    events = [("events", n, event(n)) for n in range(40)]
    plain(*events)
    forged(*events)
    for n, control in enumerate(CONTROLS):
        context = json.loads(write_control(control))
        bad = event(100 + n, intent=context.pop("intent"), context=context, **IN_EVENTS)
        forged(("events", 40 + 2 * n, bad))
        forged(("events", 41 + 2 * n, decided(control, n)))  # signed, but in the wrong place
    assert forged.learnt_records == plain.learnt_records
    assert forged.buried == ["decision_in_events", "missing_field"] * 5
    reasons = forged.engine.ledger.as_dict()["reasons"]["dead_letter"]
    assert reasons == {"decision_in_events": 5, "missing_field": 5}
    assert forged.history == []


def test_sequences_are_of_each_signer_and_survive_a_restart() -> None:
    shard = Shard()
    shard(*[("events", n, event(n)) for n in range(30)])
    shard(("decisions", 0, decided(Control("name", "card", "a"), LARGEST, "anna")))
    shard(("decisions", 1, decided(Control("name", "a", "b"), 1, "bert")))
    shard(("decisions", 2, decided(Control("retire", "nothing"), 2, "bert")))  # taken, refused
    shard.engine.commit()
    shard.start()
    shard(("decisions", 3, decided(Control("retire", "nothing"), 2, "bert")))
    shard(("decisions", 4, decided(Control("retire", "b"), LARGEST, "anna")))
    assert shard.buried == ["replayed", "replayed"]
    shard(("decisions", 5, decided(Control("retire", "b"), 3, "bert")))
    assert shard.labels == ["fee", "rate"]


def test_without_a_key_all_are_taken_and_no_sequence_shuts_the_next_out() -> None:
    shard = Shard(Keys())
    shard(*[("events", n, event(n)) for n in range(30)])
    shard(("decisions", 0, decided(Control("name", "card", "a"), LARGEST, keys=Keys())))
    shard(("decisions", 1, decided(Control("name", "a", "b"), 1, keys=Keys())))
    shard(("decisions", 2, decided(Control("name", "b", "c"), 1, keys=OTHER)))
    assert "c" in shard.labels
    assert [one.is_signed for one in shard.history] == [False] * 3


def test_the_oldest_of_very_many_are_forgotten() -> None:
    store = MemoryStore()
    for number in range(MOST_KEPT - 2, MOST_KEPT + 3):
        store.commit([("decision", f"{number - MOST_KEPT:020d}", b"x")])
        store.commit(applied_records(AppliedDecision(number, 1, 0, "intents", "{}", "a", 1)))
    kept = [key for key, _ in store.scan("decision") if not key.startswith("-")]
    assert len(kept) == 5


def test_what_is_told_again_and_again_is_told_once_and_counted(caplog: Any) -> None:
    import logging

    now = [0.0]
    seldom = RareWarnings(logging.getLogger("dataflows.test"), clock=lambda: now[0])
    for number in range(50):
        now[0] += 2.0
        seldom.warn("one", "refused %d", number)
    seldom.warn("two", "another")
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["refused 0", "refused 30 (29 like it were not logged)", "another"]


# Whole runs, on files.


def config(folder: Path, **more: Any) -> Config:
    given = {
        "files.events": str(folder / "events.jsonl"),
        "files.decisions": str(folder / "decisions.jsonl"),
        "files.output": str(folder / "out"),
        "state.path": str(folder / "state"),
        "encoder.name": "hashing-32",
        "encoder.disk_texts": 0,
        **more,
    }
    return load_config(None, given, {})


def write(path: Path, values: list[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(value + b"\n" for value in values)


def test_a_new_state_reads_its_events_before_the_first_decision_and_then_the_other_way_round(
    tmp_path: Path,
) -> None:
    write(tmp_path / "events.jsonl", [event(n) for n in range(60)])
    write(tmp_path / "decisions.jsonl", [decided(CONTROLS[0], 1)])
    (engine,) = run(config(tmp_path, **{"files.batch_size": 7}))
    first = engine.learnt
    assert engine.ledger.as_dict()["partitions"]["decisions.jsonl (decisions)"]["learnt"] == 1
    write(tmp_path / "events.jsonl", [event(n) for n in range(60, 90)])
    write(tmp_path / "decisions.jsonl", [decided(CONTROLS[1], 2)])
    (engine,) = run(config(tmp_path, **{"files.batch_size": 7}))
    assert engine.learnt > first
    (found,) = exported(tmp_path).values()
    assert [one.learnt for one in found] == [first, first]


def exported(folder: Path, **more: Any) -> dict[int, list[AppliedDecision]]:
    from dataflows.cli.intent_labels import history

    return history(config(folder, **more))


def test_a_replay_repeats_what_was_decided_where_it_was(tmp_path: Path) -> None:
    write(tmp_path / "events.jsonl", [event(n) for n in range(60)])
    for step, control in enumerate(CONTROLS):
        write(tmp_path / "decisions.jsonl", [decided(control, step)])
        write(tmp_path / "events.jsonl", [event(n) for n in range(60 + 20 * step, 80 + 20 * step)])
        run(config(tmp_path))
    (history,) = exported(tmp_path).values()
    assert len({one.learnt for one in history}) == 4  # the first waited for the first events
    file = tmp_path / "decided.jsonl"
    file.write_text("".join(as_line(0, one) + "\n" for one in history))
    assert read_planned(file, 256) == planned_of(history)

    def counts_of(**settings: Any) -> dict[str, int]:
        asked = ReplaySettings(decisions=str(file), **settings)
        log = tmp_path / "events.jsonl"
        report = replay(config(tmp_path), log, settings=asked, encoder=ENCODER).report
        counts: dict[str, int] = report["counts"]
        return counts

    counts = counts_of()
    assert counts["decision"] == 5
    assert "decisions_not_reached" not in counts
    counts = counts_of(limit=100)
    assert counts["decision"] + counts["decisions_not_reached"] == 5
    assert counts["decisions_not_reached"] > 0
    whole = unbroken((tmp_path / "events.jsonl").read_bytes().splitlines(), planned_of(history))
    store = Store.reader(tmp_path / "state")
    assert store is not None
    stored = {kind: dict(store.scan(kind)) for kind in store.kinds() if kind.startswith("learner:")}
    store.close()
    assert stored == whole.learnt_records


def test_a_replay_takes_those_among_the_events_where_it_is_told_to(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    control = event(100, intent="card", ts=1.7e9 + 60, context={"do": "retire"}, **IN_EVENTS)
    write(log, [*(event(n) for n in range(60)), control, *(event(n) for n in range(101, 130))])
    refused = replay(config(tmp_path), log, encoder=ENCODER).report
    assert refused["events"]["reasons"]["dead_letter"] == {"decision_in_events": 1}
    assert "decision" not in refused["counts"]
    old = ReplaySettings(decisions_in_events=True)
    taken = replay(config(tmp_path), log, settings=old, encoder=ENCODER).report
    assert taken["counts"]["decision"] == 1
    assert taken["events"]["reasons"]["learnt"]["decision"] == 1
    assert taken["intent"]["log_loss"] != refused["intent"]["log_loss"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "line 1.*learnt"),
        ('{"learnt": -1, "content": {}}', "line 1"),
        ('{"learnt": 100000000000000000000, "content": {}}', "line 1"),
        ('{"learnt": 1, "content": {"do": "delete", "intent": "a"}}', "line 1"),
        ('\n{"learnt": 1, "content": 7}', "line 2"),
        ("no json", "line 1"),
        (
            "\n".join(
                f'{{"learnt": 1, "shard": {shard}, "content": {{"do": "retire", "intent": "a"}}}}'
                for shard in (0, 1)
            ),
            "--shard",
        ),
    ],
)
def test_a_file_that_is_no_export_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        read_planned(path, 256)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_planned(tmp_path / "none", 256)


def test_decisions_are_not_read_from_the_file_of_the_events(tmp_path: Path) -> None:
    write(tmp_path / "events.jsonl", [event(0)])
    same = config(tmp_path, **{"files.decisions": str(tmp_path / "events.jsonl")})
    with pytest.raises(InputError, match="a file of their own"):
        run(same)


def test_every_shard_takes_it_and_stores_where(tmp_path: Path) -> None:
    several = {"state.shards": 3}
    write(tmp_path / "events.jsonl", [event(n, user_id=f"u{n}") for n in range(90)])
    write(
        tmp_path / "decisions.jsonl",
        [
            decided(CONTROLS[0], 1),
            decided(CONTROLS[0], 1),
            decided(Control("retire", "fee"), 2, shard=2),
            decided(Control("retire", "rate"), 3, shard=77),
            b"{}",
        ],
    )
    engines = run(config(tmp_path, **several))
    found = exported(tmp_path, **several)
    assert [len(found[shard]) for shard in range(3)] == [1, 1, 2]
    assert [found[engine.shard][0].learnt for engine in engines] == [e.learnt for e in engines]
    pages = [engine.ledger.as_dict()["partitions"] for engine in engines]
    of_decisions = [page.get("decisions.jsonl (decisions)", {"in": 0}) for page in pages]
    assert sum(page["in"] for page in of_decisions) == 5
    for engine in engines:
        engine.ledger.balance()
    assert [sum(page.get(of, 0) for page in of_decisions) for of in OUTCOMES] == [2, 2, 0, 0, 1]


RUN = """
import sys
from dataflows.config.config import load_config
from dataflows.app.run import run
run(load_config(None, dict(pair.split("=", 1) for pair in sys.argv[1:])))
"""


def test_a_process_killed_again_and_again_takes_each_once_and_ends_like_an_unbroken_run(
    tmp_path: Path,
) -> None:
    """Decisions are appended while it follows; after each the process is killed at some moment."""
    chosen = CONTROLS[:3]
    log, dice = tmp_path / "events.jsonl", random.Random(5)
    given = config(tmp_path, **{"files.follow": True, "flow.epoch_seconds": 0.05})
    events = [event(number) for number in range(240)]
    options = [
        f"files.events={log}",
        f"files.decisions={given.files.decisions}",
        f"files.output={given.files.output}",
        f"state.path={given.state.path}",
        "encoder.name=hashing-32",
    ]
    environ = {
        **os.environ,
        "PENCHANT_FILES__FOLLOW": "true",
        "PENCHANT_FLOW__EPOCH_SECONDS": "0.05",
    }
    environ |= {"PENCHANT_ENCODER__DISK_TEXTS": "0", KEY: "a key that nobody else has"}

    def start() -> subprocess.Popen[bytes]:
        root = Path(__file__).resolve().parents[4]
        command = [sys.executable, "-c", RUN, *options]
        return subprocess.Popen(command, cwd=root, env=environ, stderr=subprocess.DEVNULL)

    def known() -> int:
        return len(exported(tmp_path)[0]) if (tmp_path / "state" / "shard-0.db").exists() else -1

    def is_learnt(until: int) -> bool:
        store = Store.reader(tmp_path / "state")
        if store is None:
            return False
        with closing(store):
            return read_positions(store).get("events.jsonl", 0) >= until

    write(log, events[:60])
    process = start()
    try:
        for step, control in enumerate(chosen):
            size = log.stat().st_size
            wait(lambda size=size: is_learnt(size), process)
            write(tmp_path / "decisions.jsonl", [decided(control, step)])
            write(log, events[60 + 60 * step : 120 + 60 * step])
            if step % 2:
                time.sleep(dice.random() * 0.1)
            else:
                wait(lambda step=step: known() > step, process)
            process.kill()
            process.wait(30)
            process = start()
        wait(lambda: known() == len(chosen) and is_learnt(log.stat().st_size), process)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(30)
    (history,) = exported(tmp_path).values()
    assert [one.sequence for one in history] == list(range(len(chosen)))
    whole = unbroken(log.read_bytes().splitlines(), planned_of(history))
    store = Store.reader(tmp_path / "state")
    assert store is not None
    with closing(store):
        kinds = [kind for kind in store.kinds() if kind.startswith("learner:")]
        stored = {kind: dict(store.scan(kind)) for kind in kinds}
        ledger = Ledger()
        ledger.restore(store.get, store.scan)
    assert stored == whole.learnt_records
    assert ledger.balance() == 60 + 60 * len(chosen) + len(chosen)


def wait(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "the process ended"
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def test_a_state_of_before_is_read_and_goes_on() -> None:
    shard = Shard()
    shard(*[("events", n, event(n)) for n in range(41)])
    shard.engine.commit()
    del shard.store.records["learnt"]["since"]  # earlier versions knew none of it
    assert "decision:taken" not in shard.store.records
    shard.start()
    shard(("decisions", 0, decided(CONTROLS[0], 1)))
    (one,) = shard.history
    assert (one.number, one.learnt, one.since) == (0, shard.engine.learnt, 0)
