"""The file of decisions: known again, told where another takes its place, appended to in lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataflows.cli.send_decision import send
from dataflows.config.config import load_config
from dataflows.connectors.files import beside_file
from dataflows.connectors.files.decisions import DecisionFile
from dataflows.errors import InputError
from dataflows.messages.raw import Origin, Raw, Refused
from dataflows.messages.special_events import read_control
from dataflows.state.positions import Progress
from learners.intent.decisions import Control

MOST = 10_000
FIRST, SECOND = b'{"kind": "first"}\n', b'{"kind": "other"}\n'


def opened(path: Path, raws: list[Raw] | None = None) -> DecisionFile:
    """Open it as a state does that has taken these."""
    taken = raws or []
    positions = {raw.partition: raw.next_offset for raw in taken}
    origins = {raw.partition: raw.origin for raw in taken if raw.origin is not None}
    return DecisionFile(path, Progress({0: positions}, origins=origins), MOST)


def read(file: DecisionFile) -> list[bytes | None]:
    return [raw.value for raw in file.take(10, at_end=True)]


def test_another_file_is_refused_though_it_is_longer(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(FIRST)
    file = opened(path)
    raws = file.take(10, at_end=True)
    file.close()
    assert [raw.origin for raw in raws] == [Origin.of(FIRST)]

    path.write_bytes(FIRST + SECOND)
    file = opened(path, raws)
    assert read(file) == [SECOND.rstrip()]
    file.close()
    path.write_bytes(SECOND + SECOND)
    with pytest.raises(InputError, match=r"decisions\.jsonl: .* read 18 bytes .* is another now"):
        opened(path, raws)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"decisions\.jsonl"):
        opened(path, raws)


@pytest.mark.parametrize("way", ["emptied", "written over", "replaced", "removed"])
def test_what_takes_its_place_is_told(
    tmp_path: Path, way: str, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside_file._seldom, "_logged", {})
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(FIRST)
    file = opened(path)
    assert read(file) == [FIRST.rstrip()]
    assert read(file) == []
    assert not caplog.records
    if way in ("replaced", "removed"):
        path.unlink()
    if way != "removed":
        path.write_bytes(b"" if way == "emptied" else SECOND + SECOND)
    assert read(file) == []
    assert "what is in it now is not heard" in caplog.text
    file.close()


def test_a_line_left_without_its_end_is_not_written_on(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(FIRST.rstrip())
    given = load_config(None, {"files.decisions": str(path)}, {})
    for label in ("one", "two"):
        send(given, Control("retire", label), None, {})
    lines = path.read_bytes().splitlines()
    assert [line[:8] for line in lines] == [b'{"kind":'] * 3
    assert lines[0] == FIRST.rstrip()


def test_a_link_to_the_file_of_the_events_is_that_file(tmp_path: Path) -> None:
    from dataflows.connectors.files.configured import file_source

    (tmp_path / "events.jsonl").write_bytes(b"")
    (tmp_path / "decisions.jsonl").symlink_to("events.jsonl")
    given = {f"files.{one}": str(tmp_path / f"{one}.jsonl") for one in ("events", "decisions")}
    with pytest.raises(InputError, match="the file of the events"):
        file_source(load_config(None, given, {}), Progress({}), lambda: False, set)


@pytest.mark.parametrize("name", ["x\\nWARNING all is well\\u001b[31m", "y" * 100_000])
def test_what_is_told_of_a_decision_that_is_none_is_one_short_line(name: str) -> None:
    with pytest.raises(Refused) as refused:
        read_control(b'{"do": "retire", "intent": "a", "%s": 1}' % name.encode(), 256)
    assert refused.value.detail.isprintable()
    assert len(refused.value.detail) < 300
