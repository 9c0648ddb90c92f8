"""The file of item changes: behind the catalogue, before more events, and no change twice."""

from __future__ import annotations

import json

import pytest

from dataflows.config.config import load_config
from dataflows.connectors.files.configured import file_source
from dataflows.connectors.files.item_changes import ItemChanges, removal_line
from dataflows.errors import InputError
from dataflows.messages.items import RemovedItem, decode_item
from dataflows.messages.raw import EVENTS, ITEMS
from dataflows.state.positions import Progress


def row(item_id, **more):
    return json.dumps({"item_id": item_id, "title": "t"} | more).encode()


@pytest.fixture
def config(tmp_path):
    (tmp_path / "items.jsonl").write_bytes(row("a") + b"\n" + row("b") + b"\n")
    (tmp_path / "events.jsonl").write_bytes(b"{}\n{}\n{}\n")
    names = {name: tmp_path / f"{name}.jsonl" for name in ("items", "events", "item_changes")}
    settings = {f"files.{name}": str(path) for name, path in names.items()}
    return load_config(None, settings | {"files.follow": True, "files.batch_size": 2}, {})


def read(config, positions):
    """Read all there is, as a run does, from these positions on."""
    source = file_source(config, Progress({0: positions}), lambda: False, lambda: {"a", "b"})
    part = source.build_part("step", "files", None)
    raws = []
    while batch := part.next_batch():
        assert len(batch) <= 2
        raws += batch
    positions |= {raw.partition: raw.next_offset for raw in raws}
    return raws, part


def test_changes_come_behind_the_catalogue_and_before_more_events(config, tmp_path):
    changes = tmp_path / "item_changes.jsonl"
    changes.write_bytes(row("c") + b"\n" + removal_line("a") + b"\n")
    positions: dict[str, int] = {}
    raws, part = read(config, positions)
    assert [raw.topic for raw in raws] == [ITEMS] * 4 + [EVENTS] * 3
    told = [decode_item(raw, config.events) for raw in raws[:4]]
    assert [one.item_id for one in told] == ["a", "b", "c", "a"]
    assert isinstance(told[-1], RemovedItem)
    with (tmp_path / "events.jsonl").open("ab") as events, changes.open("ab") as more:
        events.write(b"{}\n")
        more.write(row("d") + b'\n{"item_id": "half"')
    assert [raw.topic for raw in part.next_batch()] == [ITEMS, EVENTS]
    assert part.next_batch() == []
    part.close()


def test_no_change_is_read_twice_and_a_half_one_once_it_is_whole(config, tmp_path):
    changes = tmp_path / "item_changes.jsonl"
    changes.write_bytes(row("c") + b'\n{"item_id": "d",')
    positions: dict[str, int] = {}
    read(config, positions)[1].close()
    with changes.open("ab") as file:
        file.write(b' "title": "t"}\n')
    raws, part = read(config, positions)
    assert [decode_item(raw, config.events).item_id for raw in raws] == ["d"]
    part.close()
    changes.write_bytes(b"")
    with pytest.raises(InputError, match=r"this file of items, and it is shorter"):
        read(config, positions)


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(config, tmp_path):
    read(config, {})[1].close()
    assert (tmp_path / "item_changes.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("other", ["events", "items", "decisions"])
def test_changes_have_a_file_of_their_own(config, tmp_path, other):
    name = str(tmp_path / "one.jsonl")
    both = {f"files.{other}": name, "files.item_changes": name}
    with pytest.raises(InputError, match=rf"and so is files\.{other}"):
        file_source(load_config(None, both, {}), Progress({}), bool, set)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (removal_line("a b"), b"a b"),
        (b'{"removed": true, "item_id": 7}', b"7"),
        (b'{"item_id": "a", "removed": false}', None),
        (b'{"item_id": "a", "removed": "yes"}', None),
        (b'{"item_id": "a", "title": "removed"}', None),
        (b'{"item_id": "a", "title": "t", "removed": true}', None),
        (b'{"removed": true}', None),
        (b'"removed"', None),
    ],
)
def test_a_removal_is_a_line_that_says_nothing_else(tmp_path, line, key):
    path = tmp_path / "changes.jsonl"
    path.write_bytes(line + b"\n")
    changes = ItemChanges(path, Progress({}), 1000)
    (raw,) = changes.take(5)
    changes.close()
    assert raw.key == key
    assert raw.value == (line if key is None else None)
