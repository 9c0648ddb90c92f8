"""`penchant intents`: what is told, what is decided on a state that rests and on one in use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dataflows.app.run import run
from dataflows.cli.intent_labels import decide, history, overviews, show
from dataflows.cli.main import app
from dataflows.config.config import Config, load_config
from dataflows.config.events import EventSettings
from dataflows.config.signing_keys import KEY, Keys
from dataflows.errors import InputError
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.raw import Raw, Refused
from dataflows.messages.signed import write_signed
from dataflows.messages.special_events import (
    control_of,
    read_control,
    shard_meant,
    write_control,
)
from dataflows.state.store import Store
from learners.intent.decisions import Control
from learners.state.label_admin import Overview
from tests.dataflows.stored import stored_ledger

SAYS = {"card": "my card is stuck", "rate": "the exchange rate today", "fee": "an extra fee"}


def lines(start: int, turns: int, labels: bool = True) -> list[dict[str, Any]]:
    made = []
    for turn in range(start, start + turns):
        for place, (intent, text) in enumerate(SAYS.items()):
            number = 3 * turn + place
            event = {"event_id": f"e{number}", "user_id": f"u{number}", "type": "query",
                     "text": f"{text} {number % 4}", "ts": 1.7e9 + number}  # fmt: skip
            made.append({**event, "intent": intent} if labels else event)
    return made


def write(path: Path, events: list[Any]) -> None:
    with path.open("ab") as file:
        for event in events:
            file.write((event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n")


def config(tmp_path: Path, **more: Any) -> Config:
    given = {
        "files.events": str(tmp_path / "events.jsonl"),
        "files.decisions": str(tmp_path / "decisions.jsonl"),
        "files.output": str(tmp_path / "out"),
        "state.path": str(tmp_path / "state"),
        "encoder.name": "hashing-64",
        "encoder.disk_texts": 0,
        **more,
    }
    return load_config(None, given, {})


def taught(tmp_path: Path, **more: Any) -> Config:
    chosen = config(tmp_path, **more)
    write(tmp_path / "events.jsonl", lines(0, 20))
    run(chosen)
    return chosen


def sent(
    control: Control, sequence: int, shard: int | None = None, keys: Keys | None = None
) -> bytes:
    content = write_control(control, shard)
    return write_signed("intents", "anna", sequence, content, keys or Keys())


def labels(chosen: Config, shard: int = 0) -> list[str]:
    return sorted(label.name for label in overviews(chosen)[shard].labels)


def test_labels_are_listed_with_their_words(tmp_path: Path) -> None:
    (overview,) = overviews(taught(tmp_path)).values()
    assert {label.name for label in overview.labels} == set(SAYS)
    words = {label.name: label.words for label in overview.labels}
    assert {"card", "stuck"} <= set(words["card"])
    assert sum(label.examples for label in overview.labels) == pytest.approx(60, abs=1)
    assert (overview.proposals, overview.aliases, overview.retired) == ([], {}, [])


def test_a_decision_on_a_state_that_rests_holds_when_it_runs_again(tmp_path: Path) -> None:
    chosen = taught(tmp_path)
    assert decide(chosen, Control("name", "card", "card stuck")) == "written into the state"
    decide(chosen, Control("retire", "fee"))
    write(tmp_path / "events.jsonl", lines(20, 10))
    run(chosen)
    assert labels(chosen) == ["card stuck", "rate"]
    (overview,) = overviews(chosen).values()
    assert overview.aliases == {"card": "card stuck"}
    assert overview.retired == ["fee"]
    last = (tmp_path / "out" / "intents.jsonl").read_text().splitlines()[-1]
    assert set(json.loads(last)["intent"]) <= {"card stuck", "rate"}


def test_a_decision_in_the_stream_is_the_same_as_one_on_the_state(tmp_path: Path) -> None:
    in_stream, on_state = tmp_path / "a", tmp_path / "b"
    for folder in (in_stream, on_state):
        folder.mkdir()
    controls = [Control("merge", "fee", "rate"), Control("name", "card", "stuck")]
    first, second = taught(in_stream), taught(on_state)
    write(in_stream / "decisions.jsonl", [sent(control, n) for n, control in enumerate(controls)])
    run(first)
    for control in controls:
        decide(second, control)
    for chosen, folder in ((first, in_stream), (second, on_state)):
        write(folder / "events.jsonl", lines(20, 5))
        run(chosen)
    assert overviews(first) == overviews(second)
    assert labels(first) == ["rate", "stuck"]
    told = [
        [(one.number, one.learnt, one.content) for one in history(of)[0]] for of in (first, second)
    ]
    assert told[0] == told[1]
    assert [learnt for _, learnt, _ in told[0]] == [60, 60]


def test_while_a_process_has_the_state_it_is_sent_the_decision(tmp_path: Path) -> None:
    chosen = taught(tmp_path)
    following = config(tmp_path, **{"files.follow": True})
    deaf = config(tmp_path, **{"files.decisions": None})
    held = Store.open(tmp_path / "state", 1, 0)
    told = decide(following, Control("name", "card", "stuck"))
    assert "appended" in told
    assert "not signed" in told
    with pytest.raises(InputError, match=r"files\.decisions is not set"):
        decide(deaf, Control("name", "card", "stuck"))
    assert labels(chosen) == ["card", "fee", "rate"]  # reading goes on beside it
    held.close()
    run(chosen)
    assert labels(chosen) == ["fee", "rate", "stuck"]
    assert (tmp_path / "decisions.jsonl").stat().st_mode & 0o077 == 0


def test_what_the_state_cannot_do_is_not_sent_and_what_came_since_can_be_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "a key of twenty bytes")
    chosen = taught(tmp_path)
    held = Store.open(tmp_path / "state", 1, 0)
    for control, told in [
        (Control("retire", "nothing such"), r"'card', 'fee', 'rate'|'card', 'rate', 'fee'"),
        (Control("name", "nothing such", "x"), "nothing such"),
        (Control("merge", "card", "nothing such"), "nothing such"),
        (Control("promote", "new", cluster=7), "no cluster 7"),
    ]:
        with pytest.raises(InputError, match=told) as caught:
            decide(chosen, control)
        assert "--force" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "decisions.jsonl").read_bytes() == b""
    said = decide(chosen, Control("retire", "nothing such"), unchecked=True)
    assert "appended" in said
    assert "not signed" not in said
    held.close()
    (engine,) = run(chosen)
    assert engine.ledger.as_dict()["reasons"]["observed"] == {"decision_refused": 1}
    assert labels(chosen) == ["card", "fee", "rate"]


def test_sequences_grow_even_where_the_clock_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "a key of twenty bytes")
    monkeypatch.setattr("dataflows.messages.signed.time.time_ns", lambda: 1_000)
    chosen = taught(tmp_path)
    for label in ("card", "rate"):
        held = Store.open(tmp_path / "state", 1, 0)
        decide(chosen, Control("retire", label))
        held.close()
        run(chosen)
    assert labels(chosen) == ["fee"]
    lines = (tmp_path / "decisions.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [1_000, 1_001]
    assert [one.is_signed for one in history(chosen)[0]] == [True, True]


def test_every_shard_carries_a_decision_out_and_one_counts_it(tmp_path: Path) -> None:
    chosen = taught(tmp_path, **{"state.shards": 3})
    write(
        tmp_path / "decisions.jsonl",
        [
            sent(Control("name", "card", "stuck"), 1),
            sent(Control("retire", "fee"), 2, shard=1),
            sent(Control("retire", "nothing"), 3),
        ],
    )
    run(chosen)
    assert "stuck" in labels(chosen, 0)
    assert "stuck" in labels(chosen, 2)
    assert ["fee" in labels(chosen, shard) for shard in range(3)] == [True, False, True]
    arrived = outcomes = 0
    for shard in range(3):
        ledger = stored_ledger(tmp_path / "state", shard)
        arrived += ledger.balance()
        reasons = ledger.as_dict()["reasons"]
        outcomes += reasons.get("learnt", {}).get("decision", 0)
        outcomes += reasons.get("observed", {}).get("decision_refused", 0)
    assert arrived == 63
    assert outcomes == 3
    assert [len(applied) for applied in history(chosen).values()] == [1, 2, 1]
    assert list(history(chosen, 1)) == [1]
    decide(chosen, Control("retire", "rate"))
    assert all("rate" not in labels(chosen, shard) for shard in range(3))


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no state here yet"):
        overviews(config(tmp_path))
    with pytest.raises(InputError, match="no state here yet"):
        decide(config(tmp_path), Control("retire", "card"))
    chosen = taught(tmp_path)
    with pytest.raises(InputError, match=r"nothing.*penchant intents list"):
        decide(chosen, Control("retire", "nothing"))
    with pytest.raises(InputError, match="no cluster 7"):
        decide(chosen, Control("promote", "new", cluster=7))
    several = config(tmp_path, **{"state.shards": 2})
    with pytest.raises(InputError, match="--shard"):
        decide(several, Control("promote", "new", cluster=7))
    with pytest.raises(InputError, match="shards are 0 to 1"):
        decide(several, Control("retire", "card"), 2)


def test_the_commands(tmp_path: Path, capsys: Any) -> None:
    taught(tmp_path)
    file = tmp_path / "penchant.toml"
    file.write_text(
        f'[state]\npath = "{tmp_path}/state"\n[files]\nevents = "{tmp_path}/events.jsonl"\n'
    )

    def ask(*words: str) -> str:
        app(["intents", *words, "--config", str(file)], standalone_mode=False)
        return str(capsys.readouterr().out)

    assert "written" in ask("name", "card", "card stuck")
    assert "written" in ask("merge", "fee", "rate")
    told = ask("list")
    assert "card stuck" in told
    assert "fee is learnt as rate" in told
    assert "nothing new emerges" in told
    plain = json.loads(ask("list", "--json"))["0"]
    assert [label["name"] for label in plain["labels"]] == ["rate", "card stuck"]
    ask("retire", "rate")
    assert "retired: rate" in ask("list")
    with pytest.raises(InputError, match="no cluster 3"):
        ask("promote", "3", "new")
    told = ask("history")
    assert re.search(r"60\s+name\s+card\s+card stuck", told)
    assert re.search(r"60\s+retire\s+rate", told)
    exported = [json.loads(line) for line in ask("history", "--json").splitlines()]
    assert [line["content"]["do"] for line in exported] == ["name", "merge", "retire"]
    assert {line["learnt"] for line in exported} == {60}


CONTROLS = [
    Control("name", "a", "b"),
    Control("merge", "a", "b"),
    Control("retire", "a"),
    Control("promote", "a", cluster=12),
]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_decision_comes_back_from_its_content(control: Control) -> None:
    for shard in (None, 0, 2):
        assert read_control(write_control(control, shard), 256) == (control, shard)


@pytest.mark.parametrize(
    "changes",
    [
        {"do": "delete"},
        {"do": None},
        {"intent": None},
        {"intent": 7},
        {"intent": ""},
        {"intent": "a" * 300},
        {"intent": "a\nb"},
        {"into": " "},
        {"into": ["a"]},
        {"cluster": -1},
        {"cluster": 2**63},
        {"cluster": 10**30},
        {"cluster": 1.5},
        {"cluster": True},
        {"shard": -1},
        {"shard": "0"},
        {"shrad": 1},
    ],
)
def test_other_content_is_no_decision(changes: dict[str, Any]) -> None:
    plain = {"do": "merge", "intent": "a", "into": "b", **changes}
    with pytest.raises(Refused):
        read_control(json.dumps(plain).encode(), 256)


def old(**changes: Any) -> EventRecord:
    record = {
        "event_id": "c1",
        "user_id": "penchant",
        "type": "intents",
        "ts": 1.7e9,
        "intent": "a",
    }
    value = json.dumps({**record, **changes}).encode()
    found = decode_event(Raw("events", "events-0", 0, 1, None, value), EventSettings())
    assert isinstance(found, EventRecord)
    return found


@pytest.mark.parametrize("control", CONTROLS)
def test_an_event_of_an_old_log_is_known_for_the_decision_that_it_is(control: Control) -> None:
    for shard in (None, 0, 2):
        content = json.loads(write_control(control, shard))
        del content["intent"]
        assert control_of(old(context=content)) == control
        assert shard_meant(old(context=content)) == shard


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "view"},
        {"intent": None},
        {"context": {"do": "delete"}},
        {"context": None},
        {"item_id": "i1"},
        {"text": "a word"},
    ],
)
def test_other_events_are_no_decisions(changes: dict[str, Any]) -> None:
    assert control_of(old(**{"context": {"do": "retire"}, **changes})) is None


def test_without_labels_it_is_said_how_they_differ_from_categories() -> None:
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        show({0: Overview([], [], {}, [])}, console)
    lines = captured.get().splitlines()
    assert lines[0].startswith("no label is known: labels are intents that events carry")
    assert "categories that lists go by are the catalogue's" in lines[0]
