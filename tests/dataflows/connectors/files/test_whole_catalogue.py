"""A file of items is the whole catalogue: what it no longer has is gone, and nothing half done."""

from __future__ import annotations

import gzip
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from bytewax.run import cli_main
from hypothesis import given
from hypothesis import strategies as st

from dataflows.app.process import assemble
from dataflows.app.run import run
from dataflows.config.config import Config, load_config
from dataflows.config.events import EventSettings
from dataflows.connectors.files.catalogue_rows import read_listed, row_id
from dataflows.connectors.files.full_catalogue import WholeCatalogue, is_too_much
from dataflows.engine.item_store import stored_items
from dataflows.errors import InputError
from dataflows.messages.partition_names import outdated
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress
from dataflows.state.store import Store

ROOT = Path(__file__).resolve().parents[4]
T = 1_772_355_600
ONE, TWO = "0123456789abcdef", "fedcba9876543210"


def row(item: int | str, **fields: object) -> bytes:
    return json.dumps({"item_id": f"i{item}", "title": f"thing {item}", **fields}).encode()


def event(number: int, item: int, user: str = "") -> bytes:
    user = user or f"u{number % 7}"
    fields = {"event_id": number, "user_id": user, "item_id": f"i{item}", "type": "view"}
    return json.dumps({**fields, "ts": T + number}).encode()


def written(folder: Path, name: str, lines: list[bytes], end: bytes = b"\n") -> None:
    (folder / name).write_bytes(b"\n".join(lines) + (end if lines else b""))


def configured(folder: Path, **given: object) -> Config:
    paths = {
        "files.events": str(folder / "events.jsonl"),
        "files.items": str(folder / "items.jsonl"),
        "files.output": str(folder / "output"),
        "state.path": str(folder / "state"),
        "encoder.name": "hashing-32",
    }
    return load_config(None, paths | given, {})


def started(config: Config, batches: int, **more: bool) -> None:
    """Run for so many questions whether to stop, then stop as after a signal."""
    asked = count()
    process = assemble(config, lambda: next(asked) >= batches, **more)
    try:
        process.open()
        cli_main(process.flow, epoch_interval=process.epoch)
    finally:
        process.finish()


def stored(folder: Path, shard: int = 0) -> dict[tuple[str, str], bytes]:
    store = Store.reader(folder / "state", shard)
    if store is None:
        return {}
    with closing(store):
        return {(kind, key): blob for kind in store.kinds() for key, blob in store.scan(kind)}


def item_positions(folder: Path, shard: int = 0) -> list[str]:
    return [key for kind, key in stored(folder, shard) if kind == "position" and "@" in key]


def items_of(folder: Path, shards: int = 1) -> set[str]:
    return stored_items(folder / "state", shards)


def lists(folder: Path) -> list[dict]:
    lines = (folder / "output" / "recommendations.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Twenty items, forty events, read once."""
    written(tmp_path, "items.jsonl", [row(n) for n in range(20)])
    written(tmp_path, "events.jsonl", [event(n, n % 9) for n in range(40)])
    run(configured(tmp_path))
    return tmp_path


def more_events(folder: Path, start: int, users: int = 4) -> None:
    with (folder / "events.jsonl").open("ab") as out:
        for number in range(start, start + users):
            out.write(event(number, 2, f"new{number}") + b"\n")


def test_a_row_that_is_dropped_is_in_no_list_any_more(shared: Path, tmp_path: Path):
    cases = shared / "cases" / "catalogue"
    rows = gzip.decompress((cases / "items.jsonl.gz").read_bytes()).splitlines()
    log = (cases / "dropped_row_events.jsonl").read_bytes().splitlines()
    written(tmp_path, "items.jsonl", rows)
    written(tmp_path, "events.jsonl", log[:20])
    run(configured(tmp_path))
    before = lists(tmp_path)
    assert any(place["item_id"] == "i1" for told in before for place in told["items"])
    written(tmp_path, "items.jsonl", [one for one in rows if b'"i1"' not in one])
    written(tmp_path, "events.jsonl", log)
    (engine,) = run(configured(tmp_path))
    after = lists(tmp_path)[len(before) :]
    whys = [told.pop("refreshed", None) for told in after]
    of_events = {told["user_id"] for told, why in zip(after, whys, strict=True) if why is None}
    assert of_events == {"new", "zed", "new2"}
    assert {(why["why"], why["item_id"]) for why in whys if why} == {("removed", "i1")}
    had = {told["user_id"]: told["items"] for told in before}
    stale = {user for user, items in had.items() if "i1" in {one["item_id"] for one in items}}
    assert stale <= {told["user_id"] for told in after}
    for told in after:
        assert told["items"]
        assert "i1" not in json.dumps(told)
        assert "thing 1" not in json.dumps(told)
    assert engine.counts["items_removed"] == 1
    assert items_of(tmp_path) == {"i0", "i2", "i3"}


@pytest.mark.parametrize("shards", [1, 3])
def test_removals_reach_every_shard_and_are_told(tmp_path: Path, caplog, shards: int):
    written(tmp_path, "items.jsonl", [row(n) for n in range(20)])
    written(tmp_path, "events.jsonl", [event(n, n % 9) for n in range(40)])
    config = configured(tmp_path, **{"state.shards": shards})
    run(config)
    written(tmp_path, "items.jsonl", [row(n) for n in range(20) if n not in (3, 8)])
    more_events(tmp_path, 100, users=8)
    before = len(lists(tmp_path))
    with caplog.at_level(logging.INFO):
        engines = run(config)
    assert [engine.counts["items_removed"] for engine in engines] == [2] * shards
    assert len(lists(tmp_path)) > before
    newest = {told["user_id"]: told["items"] for told in lists(tmp_path)}
    for items in newest.values():  # also of those who had no event since
        assert not {"i3", "i8"} & {place["item_id"] for place in items}
    for told in lists(tmp_path)[before:]:
        if "refreshed" not in told:
            assert not {"i3", "i8"} & {place["item_id"] for place in told["items"]}
    assert "the catalogue loses 2 items that the file no longer has: i3, i8" in caplog.text
    for shard in range(shards):
        assert len(item_positions(tmp_path, shard)) == 2  # this content, and what it removed


def test_more_than_a_fifth_is_refused_before_anything_is_done_until_a_flag_says_so(shop: Path):
    before, said = stored(shop), lists(shop)
    written(shop, "items.jsonl", [row(n) for n in range(15)])
    more_events(shop, 100)
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            run(configured(shop))
        message = str(caught.value)
        for part in ("items.jsonl", "5 of 20 items", "i15", "a fifth", "--accept-items"):
            assert part in message
        assert "\n" not in message
        assert (stored(shop), lists(shop)) == (before, said)
    run(configured(shop), accept_items=True)
    assert items_of(shop) == {f"i{n}" for n in range(15)}
    after = stored(shop)
    run(configured(shop))
    assert stored(shop) == after


def test_a_refused_start_does_not_end_a_run_that_broke_off_well(shop: Path):
    """After a crash the first lists are sent even where they look unchanged: that is kept."""
    store = Store.open(shop / "state")
    store.commit([("ended", "", None)])
    store.close()
    written(shop, "items.jsonl", [row(n) for n in range(3)])
    with pytest.raises(InputError, match="17 of 20 items"):
        run(configured(shop))
    assert ("ended", "") not in stored(shop)
    run(configured(shop), accept_items=True)
    assert ("ended", "") in stored(shop)


@pytest.mark.parametrize("kept", [19, 16])
def test_up_to_a_fifth_goes_unasked(shop: Path, kept: int):
    written(shop, "items.jsonl", [row(n) for n in range(kept)])
    run(configured(shop))
    assert items_of(shop) == {f"i{n}" for n in range(kept)}


def test_an_empty_file_is_no_catalogue_until_a_flag_says_so(shop: Path):
    written(shop, "items.jsonl", [])
    with pytest.raises(InputError, match="20 of 20 items"):
        run(configured(shop))
    run(configured(shop), accept_items=True)
    assert items_of(shop) == set()
    run(configured(shop))


def test_a_file_that_breaks_off_is_refused_until_a_flag_says_so(shop: Path):
    before = stored(shop)
    rows = [row(n) for n in range(20)]
    written(shop, "items.jsonl", [*rows, row(20)[:30]], end=b"")
    with pytest.raises(InputError, match=r"its last line breaks off.*--accept-items"):
        run(configured(shop))
    assert stored(shop) == before
    run(configured(shop), accept_items=True)
    run(configured(shop))  # it is not asked again about what it took
    written(shop, "items.jsonl", [*rows, row(20)], end=b"")
    run(configured(shop))
    assert items_of(shop) == {f"i{n}" for n in range(21)}


def test_a_torn_catalogue_is_refused_at_the_first_start_too(tmp_path: Path):
    written(tmp_path, "items.jsonl", [row(0), row(1)[:9]], end=b"")
    written(tmp_path, "events.jsonl", [event(0, 0)])
    with pytest.raises(InputError, match="breaks off"):
        run(configured(tmp_path))
    assert not list((tmp_path / "state").glob("shard-*.db"))


def test_a_slip_in_a_row_takes_no_item_out(shop: Path, caplog):
    rows = [row(n) for n in range(19)]
    rows[4] = row(4, available="yes")
    rows[5] = b'{"item_id": "i5", "title": "thing 5"'
    written(shop, "items.jsonl", rows)
    with caplog.at_level(logging.INFO):
        (engine,) = run(configured(shop))
    assert items_of(shop) == {f"i{n}" for n in range(19)}
    assert "become dead letters: 2; kept as before: 2 items (i4, i5)" in caplog.text
    assert engine.ledger.as_dict()["dead_letter"] == 2
    rows[6] = b'{"item": "i6", "title": "thing 6"}'
    del rows[10]
    written(shop, "items.jsonl", rows)
    with caplog.at_level(logging.INFO):
        run(configured(shop))
    assert items_of(shop) == {f"i{n}" for n in range(19)}
    assert "2 items (i10, i6)" in caplog.text
    assert "rows without an item_id that can be read: 1." in caplog.text
    run(configured(shop), accept_items=True)
    assert items_of(shop) == {f"i{n}" for n in range(19) if n not in (6, 10)}


def test_a_file_of_changes_takes_nothing_out(shop: Path):
    written(shop, "items.jsonl", [row(3, title="new name"), row(30)])
    run(configured(shop, **{"files.items_are": "changes"}))
    assert items_of(shop) == {f"i{n}" for n in (*range(20), 30)}


def test_a_file_that_is_as_it_was_before_is_read_anew(shop: Path):
    first = (shop / "items.jsonl").read_bytes()
    written(shop, "items.jsonl", [row(n, title="other") for n in range(17)])
    run(configured(shop))
    (shop / "items.jsonl").write_bytes(first)
    (engine,) = run(configured(shop))
    assert items_of(shop) == {f"i{n}" for n in range(20)}
    assert engine.model.item_title("i3") == "thing 3"
    assert len(item_positions(shop)) == 1  # earlier contents leave nothing behind


def test_an_item_that_comes_back_may_be_recommended_again(shop: Path):
    written(shop, "items.jsonl", [row(n) for n in range(1, 20)])
    run(configured(shop))
    written(shop, "items.jsonl", [row(n) for n in range(20)])
    more_events(shop, 100)
    run(configured(shop, **{"learner.k": 20}))
    assert "i0" in {place["item_id"] for place in lists(shop)[-1]["items"]}


def test_rows_of_one_item_are_told_and_the_last_counts(tmp_path: Path, caplog):
    written(tmp_path, "items.jsonl", [row(0), row(1), row(0, title="second"), row(2)])
    written(tmp_path, "events.jsonl", [event(0, 0)])
    with caplog.at_level(logging.INFO):
        (engine,) = run(configured(tmp_path))
    assert engine.model.item_title("i0") == "second"
    assert "1 item with more than one row" in caplog.text


@pytest.mark.parametrize("batches", range(1, 12, 2))
def test_removals_that_broke_off_are_finished_and_not_asked_about(tmp_path: Path, batches: int):
    """Broken off after any batch, with a flag or with half a catalogue gone: it goes on."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    written(whole, "items.jsonl", [row(n) for n in range(20)])
    written(whole, "events.jsonl", [event(n, n % 9) for n in range(10)])
    run(configured(whole))
    written(whole, "items.jsonl", [row(n) for n in range(11)])
    shutil.copytree(whole, broken)
    small = {"files.batch_size": 2}
    run(configured(whole, **small), accept_items=True)
    started(configured(broken, **small), batches, accept_items=True)
    assert ("position", "events.jsonl") in stored(broken)
    run(configured(broken, **small))
    assert items_of(broken) == {f"i{n}" for n in range(11)}
    kinds = {key: blob for key, blob in stored(whole).items() if key[0] != "outbox"}
    assert kinds == {key: blob for key, blob in stored(broken).items() if key[0] != "outbox"}


KILLED = """
import os, signal, sys
from itertools import count
from pathlib import Path
from bytewax.run import cli_main
from dataflows.config.config import load_config
from dataflows.app.process import assemble
asked, limit = count(), int(sys.argv[2])
stop = lambda: next(asked) >= limit and os.kill(os.getpid(), signal.SIGKILL)
process = assemble(load_config(Path(sys.argv[1]), None, {}), stop, accept_items=True)
process.open()
cli_main(process.flow, epoch_interval=process.epoch)
"""


@pytest.mark.parametrize("asked", [2, 6])
def test_what_a_kill_left_undone_is_done_at_the_next_start(shop: Path, asked: int):
    written(shop, "items.jsonl", [row(n) for n in range(11)])
    config = shop / "p.toml"
    config.write_text(
        f"""
        [flow]
        epoch_seconds = 0.001
        [files]
        events = "{shop}/events.jsonl"
        items = "{shop}/items.jsonl"
        output = "{shop}/output"
        batch_size = 2
        [state]
        path = "{shop}/state"
        [encoder]
        name = "hashing-32"
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", KILLED, config, str(asked)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    if any(name.endswith(" removed") for name in item_positions(shop)):
        run(load_config(config, None, {}))  # begun: it is not asked about again
    else:
        with pytest.raises(InputError, match="9 of 20 items"):
            run(load_config(config, None, {}))
        assert items_of(shop) == {f"i{n}" for n in range(20)}  # nothing was begun
        run(load_config(config, None, {}), accept_items=True)
    assert items_of(shop) == {f"i{n}" for n in range(11)}


def found(progress: Progress, known: set[str], lines: list[bytes], **more: bool) -> list[Raw]:
    raws = [Raw("items", f"i@{ONE}", n, n + 1, None, line) for n, line in enumerate(lines)]
    whole = WholeCatalogue(Path("i"), lambda: known, progress, EventSettings(), **more)
    return whole.removals("items", f"i@{ONE}", raws, lambda: False)


def test_shards_that_are_unequally_far_get_the_same_numbers():
    own = f"i@{ONE} removed"
    lines = [row(n) for n in range(30)]
    gone = [f"i{n}" for n in range(30, 36)]
    fresh = found(Progress({}, 2), {*(f"i{n}" for n in range(30)), *gone}, lines)
    assert [(raw.key, raw.offset) for raw in fresh] == [
        (item.encode(), place) for place, item in enumerate(sorted(gone))
    ]
    # One shard has had four, the other two: what one of them lacks is what is left.
    progress = Progress({0: {own: 4}, 1: {own: 2}}, 2)
    rest = found(progress, {*(f"i{n}" for n in range(30)), *gone[2:]}, lines)
    assert rest == fresh[2:]
    # One has had four, the other none.
    assert found(Progress({0: {own: 4}}, 2), {f"i{n}" for n in range(36)}, lines) == fresh


def test_an_old_state_has_its_dropped_rows_removed():
    progress = Progress({0: {f"i@{ONE}": 30}}, 1)
    lines = [row(n) for n in range(30)]
    assert [raw.key for raw in found(progress, {f"i{n}" for n in range(32)}, lines)] == [
        b"i30", b"i31",
    ]  # fmt: skip
    with pytest.raises(InputError, match="12 of 42 items"):
        found(progress, {f"i{n}" for n in range(42)}, lines)


@given(st.integers(0, 60), st.integers(0, 60))
def test_what_is_too_much(gone: int, kept: int):
    known = gone + kept
    too_much = is_too_much(gone, known)
    if gone and not kept:
        assert too_much
    elif gone <= 1:
        assert not too_much
    else:
        assert too_much == (gone / known > 0.2)


@pytest.mark.parametrize(
    ("line", "item_id"),
    [
        (b'{"item_id": "a", "title": 3}', "a"),
        (b'{"item_id": 42}', "42"),
        (b'{"item_id": "a", "title": "x", "available": "nope"', "a"),
        (b'{"title": "broken " here", "item_id": "a\\"b"}', 'a"b'),
        (b'{"item_id": "b\xff", "title": "x"}', None),
        (b'{"item_id": "b", "title": "\xff"}', "b"),
        (b'{"item_id": "cut of', None),
        (b'{"item_id": 12', None),
        (b'{"item_id": 1.5, "title": "x"}', None),
        (b'{"item_id": "  ", "title": "x"}', None),
        (b'{"id": "a"}', None),
        (b"[1]", None),
        (b"[" * 100_000, None),
        (b'{"a": ' * 100_000 + b'"item_id": "b", ', "b"),
        (b"", None),
    ],
)
def test_the_id_of_a_row_is_read_where_the_row_cannot_be(line: bytes, item_id: str | None):
    assert row_id(line) == item_id


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_any_rows_are_listed(lines: list[bytes]):
    raws = [Raw("items", "i", n, n + 1, None, line) for n, line in enumerate(lines)]
    listed = read_listed(raws)
    assert len(listed.ids) + listed.unnamed <= len(lines) == listed.end


def test_earlier_contents_of_a_file_are_known_by_their_names():
    names = [f"i@{ONE}", f"i@{ONE} removed", f"i@{TWO}", f"j@{ONE}", "i", "items-0", "i@short"]
    assert outdated(f"i@{TWO}", names) == [f"i@{ONE}", f"i@{ONE} removed"]
    assert outdated(f"i@{TWO} removed", names) == [f"i@{ONE}", f"i@{ONE} removed"]
    assert outdated("items-0", names) == []
    assert outdated("i", names) == []
