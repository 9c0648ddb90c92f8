"""Logs that are rotated, emptied, replaced and restored while they are read, and while not."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from dataflows.app.process import assemble
from dataflows.app.run import cli_main, run
from dataflows.config.config import load_config
from dataflows.connectors.files.rotation import next_younger
from dataflows.connectors.files.source import FileSource
from dataflows.messages.raw import HEAD, Origin
from dataflows.state.origins import KEPT, KIND, Origins, read_origins
from dataflows.state.positions import Progress
from dataflows.state.records import MemoryStore
from dataflows.state.store import Store
from tests.dataflows.stored import stored_ledger

ROOT = Path(__file__).resolve().parents[4]
RUN = (
    "import sys, json; from dataflows.app.run import run; from dataflows.config.config import "
    "load_config;"
    "run(load_config(None, json.loads(sys.argv[1]), {}))"
)


def lines(*numbers: int, text: str = "") -> bytes:
    return b"".join(event(number, text) + b"\n" for number in numbers)


def event(number: int, text: str = "") -> bytes:
    fields = {"event_id": number, "user_id": f"u{number % 3}", "item_id": f"i{number % 5}"}
    fields |= {"type": "view", "ts": 1.7e9 + number} | ({"text": text} if text else {})
    return json.dumps(fields).encode()


def settings(folder: Path, **more) -> dict[str, object]:
    return {
        "files.events": str(folder / "events.jsonl"),
        "files.output": str(folder / "output"),
        "state.path": str(folder / "state"),
        "encoder.name": "hashing-16",
        "flow.epoch_seconds": 0.05,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def go(folder: Path, **more) -> dict:
    """Run to the end of the input; return the ledger."""
    run(load_config(None, settings(folder, **more), {}))
    return ledger(folder)


def ledger(folder: Path) -> dict:
    found = stored_ledger(folder / "state")
    found.balance()
    return found.as_dict()


def learnt(folder: Path) -> int:
    store = Store.reader(folder / "state")
    if store is None:
        return 0
    store.close()
    return ledger(folder)["learnt"]


def followed(folder: Path, steps, **more) -> dict:
    """Follow the log; take a step each time when all so far is read; then stop."""
    rest = iter(steps)
    looks = iter(range(100_000))

    def stop() -> bool:
        if next(looks) % 4:
            return False
        step = next(rest, None)
        if step is None:
            return True
        step()
        return False

    config = load_config(None, settings(folder, files__follow=True, **more), {})
    process = assemble(config, stop)
    try:
        process.open()
        cli_main(process.flow, epoch_interval=process.epoch)
    finally:
        process.finish()
    return ledger(folder)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(1, 2, 3))
    return path


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_emptied_in_place_and_written_anew_while_it_is_followed(shared, tmp_path, caplog):
    log = tmp_path / "events.jsonl"
    cases = shared / "cases/rotate"
    log.write_bytes((cases / "before.jsonl").read_bytes())
    figures = followed(
        tmp_path, [lambda: None, lambda: log.write_bytes((cases / "after.jsonl").read_bytes())]
    )
    wanted = sum(
        len((cases / name).read_bytes().splitlines()) for name in ("before.jsonl", "after.jsonl")
    )
    assert figures["learnt"] == figures["in"] == wanted
    assert list(figures["partitions"]) == ["events.jsonl", "events.jsonl#2"]
    assert "was emptied or written over" in caplog.text


@pytest.mark.parametrize("length", [1, 3, 9])
def test_emptied_and_written_anew_shorter_as_long_or_longer(tmp_path, log, length):
    anew = lines(*range(4, 4 + length))
    figures = followed(tmp_path, [lambda: None, lambda: log.write_bytes(anew)])
    assert figures["learnt"] == figures["in"] == 3 + length
    figures = go(tmp_path)
    assert figures["learnt"] == figures["in"] == 3 + length


def test_a_copy_and_what_was_written_before_the_file_was_emptied(tmp_path, log, caplog):
    def copytruncate() -> None:
        append(log, lines(4, 5))
        shutil.copyfile(log, tmp_path / "events.jsonl.1")
        log.write_bytes(lines(6, 7, 8, 9, 10, 11))

    figures = followed(tmp_path, [lambda: None, copytruncate])
    assert figures["learnt"] == figures["in"] == 11
    assert "cannot be read any more" not in caplog.text
    assert figures["partitions"]["events.jsonl"]["in"] == 5


def test_a_file_that_only_one_shard_has_stored_is_known_by_how_it_begins(tmp_path, log):
    origin, stored = Origin.of(log.read_bytes()), len(lines(1, 2))
    log.rename(tmp_path / "events.jsonl.1")
    log.write_bytes(lines(4, 5))
    progress = Progress({0: {"events.jsonl": stored}}, 2, {"events.jsonl": origin})
    source = FileSource(log, progress=progress, stop=lambda: False)
    part = source.build_part("", "files", None)
    read = [(raw.partition, json.loads(raw.value)["event_id"]) for raw in part.next_batch()]
    part.close()
    old, new = "events.jsonl", "events.jsonl#2"
    assert read == [(old, 1), (old, 2), (old, 3), (new, 4), (new, 5)]


def test_a_number_that_one_shard_has_stored_is_given_to_no_other_file(tmp_path, log):
    known = {"events.jsonl": 10, "events.jsonl#2": 20}
    origins = {"events.jsonl": Origin.of(b"one"), "events.jsonl#2": Origin.of(b"two")}
    progress = Progress({0: known, 1: {"events.jsonl": 10}}, 2, origins)
    source = FileSource(log, progress=progress, stop=lambda: False)
    part = source.build_part("", "files", None)
    assert {raw.partition for raw in part.next_batch()} == {"events.jsonl#3"}
    part.close()


def test_renamed_and_its_writer_still_writes_for_a_while(tmp_path, log):
    with log.open("ab") as writer:

        def rename() -> None:
            log.rename(tmp_path / "events.jsonl.1")
            log.write_bytes(b"")

        def write(*numbers):
            writer.write(lines(*numbers))
            writer.flush()

        steps = [
            lambda: None,
            rename,
            lambda: write(4),
            lambda: append(log, lines(5)),
            lambda: write(6),
        ]
        figures = followed(tmp_path, steps)
        assert figures["learnt"] == 6
        write(7)
    append(log, lines(8))
    figures = go(tmp_path)
    assert figures["learnt"] == figures["in"] == 8
    assert [page["in"] for page in figures["partitions"].values()] == [6, 2]


def test_renamed_removed_and_made_again_later(tmp_path, log):
    steps = [
        lambda: None,
        lambda: (append(log, lines(4) + event(5)), log.rename(tmp_path / "elsewhere")),
        lambda: log.write_bytes(lines(6)),
    ]
    figures = followed(tmp_path, steps)
    assert figures["learnt"] == figures["in"] == 6, "a whole last line of a file that is done too"


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("form", ["numbered", "dated", "packed"])
def test_rotated_while_the_process_was_down(tmp_path, log, times, form, caplog):
    go(tmp_path)
    next_one = 4
    for time_of_it in range(times):
        append(log, lines(next_one))
        rotate(log, form, time_of_it)
        log.write_bytes(lines(next_one + 1))
        next_one += 2
    for _ in range(2):
        figures = go(tmp_path)
        assert figures["learnt"] == figures["in"] == next_one - 1
        assert len(figures["partitions"]) == times + 1
    assert "is not read" not in caplog.text


def rotate(log: Path, form: str, day: int) -> None:
    if form == "dated":
        log.rename(log.with_name(f"{log.name}-2026030{day + 1}"))
        return
    ending = ".gz" if form == "packed" else ""
    for number in range(5, 0, -1):
        older = log.with_name(f"{log.name}.{number}{ending}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}{ending}"))
    first = log.with_name(f"{log.name}.1{ending}")
    if ending:
        first.write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    else:
        log.rename(first)


def test_another_file_with_lines_as_long_is_read_from_its_start_and_told(tmp_path, caplog):
    log = tmp_path / "events.jsonl"
    log.write_bytes(lines(*range(10, 20)))
    go(tmp_path)
    log.write_bytes(lines(*range(20, 40)))
    figures = go(tmp_path)
    assert figures["learnt"] == figures["in"] == 30
    assert "is not the file that was read" in caplog.text
    assert "events.jsonl#2" in caplog.text


def test_the_same_file_restored_goes_on_where_it_was(tmp_path, log):
    append(log, lines(*range(4, 80)))
    go(tmp_path)
    restored = log.read_bytes() + lines(80, 81)
    log.unlink()
    (tmp_path / "other").write_bytes(restored)
    (tmp_path / "other").rename(log)
    figures = go(tmp_path)
    assert figures["learnt"] == figures["in"] == 81
    assert list(figures["partitions"]) == ["events.jsonl"]


def test_a_longer_copy_put_in_its_place_while_it_is_followed(tmp_path, log, caplog):
    def replace() -> None:
        (tmp_path / "new").write_bytes(lines(1, 2, 3, 4))
        (tmp_path / "new").rename(log)

    figures = followed(tmp_path, [lambda: None, replace, lambda: append(log, lines(5))])
    assert figures["learnt"] == figures["in"] == 5
    assert "replaced by a copy" in caplog.text
    assert list(figures["partitions"]) == ["events.jsonl"]


def test_a_file_whose_tail_was_cut_is_read_anew_and_what_is_known_is_dropped(tmp_path, log, caplog):
    go(tmp_path)
    log.write_bytes(lines(1, 2))
    go(tmp_path)
    append(log, lines(4))
    figures = go(tmp_path)
    assert (figures["learnt"], figures["duplicate"]) == (4, 2)
    assert "is shorter than what was read of it" in caplog.text


def test_zeros_in_front_of_what_a_writer_goes_on_with(tmp_path, log):
    with log.open("r+b") as writer:
        writer.seek(0, os.SEEK_END)

        def empty_and_go_on() -> None:
            os.truncate(log, 0)
            writer.write(lines(4, 5))
            writer.flush()

        figures = followed(tmp_path, [lambda: None, empty_and_go_on, empty_and_go_on])
    assert figures["in"] == figures["learnt"] + figures["duplicate"]
    assert figures["learnt"] == 5


def test_a_state_without_fingerprints_goes_on_and_has_one_after(tmp_path, log):
    append(log, lines(*range(4, 80)))
    go(tmp_path)
    store = Store.open(tmp_path / "state", 1, 0)
    store.commit([("origin", "events.jsonl", None)])
    store.close()
    append(log, lines(80))
    assert go(tmp_path)["learnt"] == 80
    store = Store.reader(tmp_path / "state")
    with closing(store):
        assert read_origins(store, KIND, Origin) == {"events.jsonl": Origin.of(log.read_bytes())}
    store = Store.open(tmp_path / "state", 1, 0)
    store.commit([("origin", "events.jsonl", None)])
    store.close()
    log.write_bytes(lines(81, 82))
    figures = go(tmp_path)
    assert figures["learnt"] == figures["in"] == 82


def test_only_the_newest_files_are_kept_apart_and_all_are_counted(tmp_path, log):
    count = KEPT + 4
    for number in range(4, 4 + count):
        go(tmp_path)
        log.write_bytes(lines(number, text="x" * 5000))
    figures = go(tmp_path)
    assert figures["learnt"] == figures["in"] == 3 + count
    newest = [f"events.jsonl#{n}" for n in range(count + 1, count + 1 - KEPT, -1)]
    assert sorted(figures["partitions"]) == sorted(["events.jsonl", *newest])
    store = Store.reader(tmp_path / "state")
    with closing(store):
        for kind in ("position", "origin"):
            assert sorted(key for key, _ in store.scan(kind)) == sorted(newest)
    append(log, lines(99))
    assert go(tmp_path)["learnt"] == 4 + count


def test_several_shards_know_the_files_alike(tmp_path, log):
    go(tmp_path, state__shards=3)
    log.write_bytes(lines(4, 5))
    run(load_config(None, settings(tmp_path, state__shards=3), {}))
    run(load_config(None, settings(tmp_path, state__shards=3), {}))
    total = 0
    for shard in range(3):
        store = Store.reader(tmp_path / "state", shard)
        with closing(store):
            assert len(read_origins(store, KIND, Origin)) == 2
        total += stored_ledger(tmp_path / "state", shard).balance()
    assert total == 5


def test_a_fingerprint_holds_as_much_as_was_read():
    text = lines(*range(200))
    assert len(text) > HEAD
    for size in (1, 75, HEAD, len(text)):
        origin = Origin.of(text[:size])
        assert origin.size == min(size, HEAD)
        assert origin.fits(text)
        assert not origin.fits(b"x" + text)
        assert not origin.fits(text[: origin.size - 1])
    assert not Origin.of(b"").fits(text), "what is known of nothing fits nothing"


def test_origins_come_back_as_they_were_stored():
    store, forgotten = MemoryStore(), []
    origins = Origins(KIND, Origin)
    for number in range(1, 12):
        name = "e" if number == 1 else f"e#{number}"
        origins.take({name: Origin.of(b"%d" % number)}, lambda *told: forgotten.append(told))
        store.commit(origins.changed())
    assert forgotten == [("e", "e"), ("e#2", "e"), ("e#3", "e")]
    assert set(read_origins(store, KIND, Origin)) == {f"e#{n}" for n in range(4, 12)}


@pytest.mark.parametrize("times", [(300, 200, 100), (100, 100, 100)])
def test_the_file_after_a_rotated_one_is_found_by_its_name(tmp_path, times):
    log = tmp_path / "a[1].log"
    for name in (".1", ".2.gz", ".10", "-20260301", "-20260302.gz", ".bak", ".2026-03-01"):
        (tmp_path / f"a[1].log{name}").write_bytes(b"")
    for name, second in zip((".1", ".2.gz", ".10"), times, strict=True):
        os.utime(tmp_path / f"a[1].log{name}", (second, second))
    after = {
        ".10": ".2.gz",
        ".2.gz": ".1",
        ".1": "",
        "-20260301": "-20260302.gz",
        "-20260302.gz": "",
        ".bak": "",
    }
    for name, wanted in after.items():
        found = next_younger(log, log.with_name(log.name + name))
        assert found == log.with_name(log.name + wanted), name


def test_numbers_that_rise_with_time_are_told_by_the_times_of_the_files(tmp_path):
    log = tmp_path / "events.jsonl"
    for number in (1, 2, 3):
        name = tmp_path / f"events.jsonl.{number}{'.gz' if number == 2 else ''}"
        name.write_bytes(b"")
        os.utime(name, (100 * number, 100 * number))
    after = {".1": ".2.gz", ".2.gz": ".3", ".3": ""}
    for name, wanted in after.items():
        assert next_younger(log, log.with_name(log.name + name)).name == log.name + wanted


def test_a_log_whose_rotated_files_get_higher_numbers_is_read_whole(tmp_path, log):
    go(tmp_path)
    for number in (1, 2):
        append(log, lines(2 * number + 2))
        log.rename(tmp_path / f"events.jsonl.{number}")
        os.utime(tmp_path / f"events.jsonl.{number}", (100 * number, 100 * number))
        log.write_bytes(lines(2 * number + 3))
        if number == 1:
            assert go(tmp_path)["learnt"] == 5
    append(log, lines(8))
    log.rename(tmp_path / "events.jsonl.3")
    log.write_bytes(lines(9))
    figures = go(tmp_path)
    assert figures["learnt"] == figures["in"] == 9, "none left out, and none read again"


class Reading:
    """A source, read and broken off at random; what it gives is kept as the learn step does."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.values: list[bytes] = []
        self.kept: tuple[dict, dict, int] = ({}, {}, 0)
        self.start(follow=True)

    def start(self, *, follow: bool) -> None:
        positions, origins, count = self.kept
        self.positions, self.origins = dict(positions), dict(origins)
        del self.values[count:]
        progress = Progress({0: positions}, origins=origins)
        self.source = FileSource(
            self.log, progress=progress, stop=lambda: False, batch_size=7, follow=follow
        )
        self.part = self.source.build_part("", "files", None)

    def read(self) -> bool:
        """Take a batch; tell whether there was anything."""
        raws = self.part.next_batch()
        for raw in raws:
            assert raw.offset >= self.positions.get(raw.partition, 0), "a position went back"
            self.positions[raw.partition] = raw.next_offset
            if raw.origin is not None:
                self.origins[raw.partition] = raw.origin
            self.values.append(raw.value)
        return bool(raws)

    def commit(self) -> None:
        self.kept = dict(self.positions), dict(self.origins), len(self.values)

    def crash(self) -> None:
        self.part.close()
        self.start(follow=True)

    def to_the_end(self) -> None:
        self.part.close()
        self.start(follow=False)
        is_over = False
        while not is_over:
            try:
                self.read()
            except StopIteration:
                is_over = True
        self.part.close()


class Writer:
    """Writes lines, in pieces, and rotates the log as tools do."""

    def __init__(self, log: Path, dice: random.Random) -> None:
        self.log, self.dice = log, dice
        self.file = log.open("ab", buffering=0)
        self.number, self.torn = 0, b""

    def write(self) -> None:
        numbers = range(self.number, self.number + self.dice.randrange(1, 9))
        self.number = numbers.stop
        text = self.torn + lines(*numbers)
        cut = self.dice.randrange(len(text)) if self.dice.random() < 0.4 else len(text)
        self.file.write(text[:cut])
        self.torn = text[cut:]
        if self.torn and self.dice.random() < 0.5:
            self.finish()

    def finish(self) -> None:
        self.file.write(self.torn)
        self.torn = b""

    def rename(self) -> None:
        shift(self.log)
        rotated = self.log.with_name(f"{self.log.name}.1")
        self.log.rename(rotated)
        self.finish()
        anew = self.log.open("ab", buffering=0)
        if self.dice.random() < 0.5:
            self.file.write(lines(self.number))
            self.number += 1
        self.file.close()
        self.file = anew

    def copy(self) -> None:
        self.finish()
        shift(self.log)
        shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
        os.truncate(self.log, 0)


@pytest.mark.parametrize("way", ["rename", "copy", "both"])
@pytest.mark.parametrize("first_seed", range(0, 100, 20))
def test_whatever_the_order_of_events_every_line_is_read_once(tmp_path, way, first_seed):
    for seed in range(first_seed, first_seed + 20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        dice = random.Random(seed)
        log = folder / "events.jsonl"
        writer = Writer(log, dice)
        writer.write()
        writer.finish()
        reading = Reading(log)
        assert reading.read()
        reading.commit()
        for _ in range(60):
            deed = dice.choice(["write"] * 4 + ["read"] * 4 + ["commit", "crash", "rotate"])
            if deed == "rotate":
                kind = dice.choice(["rename", "copy"]) if way == "both" else way
                {"rename": writer.rename, "copy": writer.copy}[kind]()
            elif deed == "write":
                writer.write()
            else:
                getattr(reading, deed)()
        writer.finish()
        writer.file.close()
        reading.commit()
        reading.to_the_end()
        numbers = [json.loads(value)["event_id"] for value in reading.values]
        assert sorted(numbers) == list(range(writer.number)), (seed, way)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", ["rename", "copytruncate"])
def test_rotated_at_random_and_killed_every_line_is_learnt_once(tmp_path, seed, way):
    """A writer that never waits, rotation in mid-line, kill -9 and restart in between."""
    dice = random.Random(seed)
    log = tmp_path / "events.jsonl"
    writer = log.open("ab", buffering=0)
    writer.write(lines(0))
    written, rotations = 1, 0
    process = start(tmp_path)
    until(lambda: learnt(tmp_path) == 1, process)
    for step in range(36):
        numbers = range(written, written + dice.randrange(1, 30))
        written = numbers.stop
        text = lines(*numbers)
        cut = dice.randrange(len(text))
        writer.write(text[:cut])
        if dice.random() < 0.3:
            time.sleep(dice.random() * 0.1)
        writer.write(text[cut:])
        if dice.random() < 0.3:
            rotations += 1
            shift(log)
            if way == "copytruncate":
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
                os.truncate(log, 0)
            else:
                log.rename(log.with_name(f"{log.name}.1"))
                writer.write(lines(written))
                written += 1
                writer.close()
                writer = log.open("ab", buffering=0)
        if step in (12, 24):
            enough = dice.randrange(written)
            until(lambda n=enough: learnt(tmp_path) > n, process)
            process.kill()
            process.communicate()
            process = start(tmp_path)
    writer.close()
    assert rotations > 3
    until(lambda: learnt(tmp_path) >= written, process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    figures = ledger(tmp_path)
    assert figures["learnt"] == figures["in"] - figures["duplicate"] == written


def shift(log: Path) -> None:
    for number in range(20, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))


def start(folder: Path) -> subprocess.Popen[bytes]:
    given = settings(folder, files__follow=True, files__batch_size=20)
    return subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(given)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )


def until(holds, process) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert process.poll() is None, process.stderr.read().decode()
        if time.monotonic() > deadline:
            process.terminate()
            pytest.fail("it did not come to that:\n" + process.communicate()[1].decode()[-5000:])
        time.sleep(0.02)
