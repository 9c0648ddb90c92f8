"""`penchant intents`: what is told, what is decided on a state that rests and on one in use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataflows.cli import app
from dataflows.config import Config, load_config
from dataflows.errors import InputError
from dataflows.events import Event, EventSettings, decode_event
from dataflows.intent_control import as_record, control_of, shard_meant
from dataflows.intents import decide, overviews
from dataflows.record import Raw
from dataflows.run import run
from dataflows.store import Store
from learners.control import Control

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
    records = [
        as_record(control, None, f"c{n}", "2023-11-14T22:13:20Z")
        for n, control in enumerate(controls)
    ]
    write(in_stream / "events.jsonl", records)
    for control in controls:
        decide(second, control)
    for chosen, folder in ((first, in_stream), (second, on_state)):
        write(folder / "events.jsonl", lines(20, 5))
        run(chosen)
    assert overviews(first) == overviews(second)
    assert labels(first) == ["rate", "stuck"]


def test_while_a_process_has_the_state_it_is_sent_the_decision(tmp_path: Path) -> None:
    chosen = taught(tmp_path)
    following = config(tmp_path, **{"files.follow": True})
    held = Store.open(tmp_path / "state", 1, 0)
    assert "appended" in decide(following, Control("name", "card", "stuck"))
    with pytest.raises(InputError, match="has this state open"):
        decide(chosen, Control("name", "card", "stuck"))
    assert labels(chosen) == ["card", "fee", "rate"]  # reading goes on beside it
    held.close()
    run(chosen)
    assert labels(chosen) == ["fee", "rate", "stuck"]


def test_every_shard_carries_a_decision_out_and_one_counts_it(tmp_path: Path) -> None:
    chosen = taught(tmp_path, **{"state.shards": 3})
    write(
        tmp_path / "events.jsonl",
        [
            as_record(Control("name", "card", "stuck"), None, "c1", "2023-11-15T00:00:00Z"),
            as_record(Control("retire", "fee"), 1, "c2", "2023-11-15T00:00:00Z"),
            as_record(Control("retire", "nothing"), None, "c3", "2023-11-15T00:00:00Z"),
        ],
    )
    run(chosen)
    assert "stuck" in labels(chosen, 0)
    assert "stuck" in labels(chosen, 2)
    assert ["fee" in labels(chosen, shard) for shard in range(3)] == [True, False, True]
    arrived = outcomes = 0
    for shard in range(3):
        store = Store.reader(tmp_path / "state", shard)
        assert store is not None
        from dataflows.ledger import Ledger

        ledger = Ledger()
        ledger.restore(store.get, store.scan)
        arrived += ledger.balance()
        reasons = ledger.as_dict()["reasons"]
        outcomes += reasons.get("learnt", {}).get("decision", 0)
        outcomes += reasons.get("observed", {}).get("decision_refused", 0)
        store.close()
    assert arrived == 63
    assert outcomes == 3
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


def event_of(record: bytes) -> Event:
    found = decode_event(Raw("events", "events-0", 0, 1, None, record), EventSettings())
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(
    "control",
    [
        Control("name", "a", "b"),
        Control("merge", "a", "b"),
        Control("retire", "a"),
        Control("promote", "a", cluster=12),
    ],
)
def test_a_decision_comes_back_from_its_record(control: Control) -> None:
    for shard in (None, 0, 2):
        event = event_of(as_record(control, shard, "c1", "2026-01-31T00:00:00Z"))
        assert control_of(event) == control
        assert shard_meant(event) == shard


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
    record = json.loads(as_record(Control("retire", "a"), None, "c1", "2026-01-31T00:00:00Z"))
    assert control_of(event_of(json.dumps({**record, **changes}).encode())) is None
