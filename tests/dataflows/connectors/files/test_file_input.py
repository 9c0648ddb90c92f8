"""Files as people have them, through the real process: half written, compressed, pipes, others'."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from backports import zstd

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.errors import InputError
from dataflows.evaluation.log_check.check import check_events
from dataflows.evaluation.replay import replay
from dataflows.lifecycle.exit_status import describe
from dataflows.state.store import Store
from tests.dataflows.stored import stored_ledger

ROOT = Path(__file__).resolve().parents[4]
RUN = (
    "import sys, json; from dataflows.lifecycle.exit_status import run_to_status as status;"
    "from dataflows.app.run import run; from dataflows.config.config import load_config as load;"
    "sys.exit(status(lambda: run(load(None, json.loads(sys.argv[1]), {})) and None))"
)


def event(number: int, **more) -> bytes:
    fields = {"event_id": number, "user_id": f"u{number % 3}", "item_id": f"i{number % 5}"}
    return json.dumps(fields | {"type": "view", "ts": 1.7e9 + number} | more).encode()


def lines(*numbers: int) -> bytes:
    return b"".join(event(number) + b"\n" for number in numbers)


def settings(folder: Path, events: object = None, **more) -> dict[str, object]:
    return {
        "files.events": str(events or folder / "events.jsonl"),
        "files.output": str(folder / "output"),
        "state.path": str(folder / "state"),
        "encoder.name": "hashing-32",
        "flow.epoch_seconds": 0.05,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def go(folder: Path, events: object = None, **more) -> dict:
    """Run to the end of the input; return the ledger."""
    run(load_config(None, settings(folder, events, **more), {}))
    return ledger(folder)


def ledger(folder: Path) -> dict:
    found = stored_ledger(folder / "state")
    found.balance()
    return found.as_dict()


def start(folder: Path, events: object = None, stdin=None, **more) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(settings(folder, events, **more))],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=stdin,
        stderr=subprocess.PIPE,
    )


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors.decode()


def until(holds, what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def learnt(folder: Path) -> int:
    return 0 if Store.reader(folder / "state") is None else ledger(folder)["learnt"]


# Half-written lines


@pytest.mark.parametrize(
    ("first", "then", "in_first"),
    [("first", "then", 2), ("first_whole_no_newline", "then_whole", 3)],
)
def test_a_log_whose_last_line_was_finished_later_goes_on(
    shared, tmp_path, first, then, in_first, caplog
):
    folder = shared / "cases/halfline"
    log = tmp_path / "events.jsonl"
    log.write_bytes((folder / f"{first}.jsonl").read_bytes())
    for _ in range(2):
        figures = go(tmp_path)
        assert (figures["in"], figures["learnt"]) == (in_first, in_first)
    assert ("is left for later" in caplog.text) == (first == "first")
    log.write_bytes((folder / f"{then}.jsonl").read_bytes())
    for _ in range(2):
        figures = go(tmp_path)
        assert (figures["in"], figures["learnt"]) == (6, 6)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b" \n", b""])
@pytest.mark.parametrize("follow_first", [False, True])
def test_wherever_a_writer_stops_each_line_is_learnt_once(tmp_path, ending, follow_first):
    whole = b"\xef\xbb\xbf" + b"\n\r\n".join(event(n) for n in range(4)) + ending
    log = tmp_path / "events.jsonl"
    cuts = range(len(whole) - len(event(3)) - 3, len(whole) + 1, 17 if follow_first else 11)
    for number, cut in enumerate(cuts):
        folder = tmp_path / str(number)
        folder.mkdir()
        log.write_bytes(whole[:cut])
        if follow_first:
            stop = iter([False] * 3)
            part = followed(folder, log, stop)
            assert part <= 4
        else:
            go(folder, log)
        log.write_bytes(whole)
        figures = go(folder, log)
        assert (figures["in"], figures["learnt"]) == (4, 4), cut


def followed(folder, log, stop) -> int:
    """Follow a log for a few looks at it, and stop."""
    from dataflows.app.process import assemble
    from dataflows.app.run import cli_main

    config = load_config(None, settings(folder, log, files__follow=True), {})
    process = assemble(config, lambda: next(stop, True))
    try:
        process.open()
        cli_main(process.flow, epoch_interval=process.epoch)
    finally:
        process.finish()
    return ledger(folder)["learnt"]


def test_what_is_written_behind_a_line_without_its_newline_is_a_line_of_its_own(tmp_path, caplog):
    log = tmp_path / "events.jsonl"
    log.write_bytes(lines(1) + event(2))
    assert go(tmp_path)["learnt"] == 2
    log.write_bytes(lines(1) + event(2) + event(3) + b"\n" + lines(4))
    figures = go(tmp_path)
    assert (figures["in"], figures["learnt"]) == (4, 4)
    assert "is read as a line of its own" in caplog.text


# Compressed


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_compressed_log_is_read_goes_on_and_stands_in_the_same_places(tmp_path, pack):
    text = lines(*range(300))
    log = tmp_path / "events"
    log.write_bytes(pack(text[:9000]) + pack(text[9000:20000]))
    first = go(tmp_path, log)
    assert first["learnt"] == text[:20000].count(b"\n")
    log.write_bytes(pack(text[:9000]) + pack(text[9000:]) + b"\0" * 512)
    figures = go(tmp_path, log)
    assert (figures["in"], figures["learnt"]) == (300, 300)

    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "events").write_bytes(text)
    go(plain, plain / "events")
    assert positions(tmp_path) == positions(plain) == {"events": len(text)}


def positions(folder: Path) -> dict[str, int]:
    import msgspec

    store = Store.reader(folder / "state")
    with closing(store):
        return {key: msgspec.msgpack.decode(blob) for key, blob in store.scan("position")}


def summed(data: bytes) -> bytes:
    """Compress with a checksum, as the command `zstd` does."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


@pytest.mark.parametrize("pack", [gzip.compress, summed], ids=["gzip", "zstd"])
def test_what_can_be_read_of_a_cut_file_is_learnt_and_the_rest_told(tmp_path, pack):
    log, packed = incompressible(tmp_path, pack)
    log.write_bytes(packed[: len(packed) // 2])
    for _ in range(2):
        with pytest.raises(InputError, match="cut off before its end") as caught:
            go(tmp_path, log)
        assert "\n" not in str(caught.value)
    figures = ledger(tmp_path)
    assert 0 < figures["learnt"] == figures["in"] < 3000
    log.write_bytes(packed)
    figures = go(tmp_path, log)
    assert figures["learnt"] == figures["in"] == 1500


@pytest.mark.parametrize("pack", [gzip.compress, summed], ids=["gzip", "zstd"])
def test_damaged_data_are_told_too(tmp_path, pack):
    log, packed = incompressible(tmp_path, pack)
    middle = len(packed) // 2
    log.write_bytes(packed[:middle] + bytes(40) + packed[middle + 40 :])
    with pytest.raises(InputError, match="data are damaged"):
        go(tmp_path, log)
    assert 0 < ledger(tmp_path)["learnt"] < 1500


def incompressible(folder: Path, pack) -> tuple[Path, bytes]:
    text = b"".join(event(n, text=os.urandom(40).hex()) + b"\n" for n in range(1500))
    return folder / "events.jsonl.z", pack(text)


def test_a_compressed_log_replays_as_the_plain_one_does_and_so_do_its_items(tmp_path):
    events = b"".join(event(n, ts=1.7e9 + n * 7 % 100) + b"\n" for n in range(120))
    items = b"".join(b'{"item_id":"i%d","title":"thing %d"}\n' % (n, n) for n in range(5))
    (tmp_path / "e").write_bytes(events)
    (tmp_path / "i").write_bytes(items)
    (tmp_path / "ez").write_bytes(gzip.compress(events))
    (tmp_path / "iz").write_bytes(zstd.compress(items))
    config = load_config(None, {"encoder.name": "hashing-32"}, {})
    plain = replay(config, tmp_path / "e", tmp_path / "i")
    packed = replay(config, tmp_path / "ez", tmp_path / "iz")
    assert packed.scored._cells == plain.scored._cells
    assert plain.report["events"]["learnt"] == 120


def test_a_compressed_catalogue_is_read(shared, tmp_path):
    (tmp_path / "events.jsonl").write_bytes(lines(1, 2))
    engines = run(
        load_config(
            None,
            settings(tmp_path, files__items=str(shared / "cases/catalogue/items.jsonl.gz")),
            {},
        )
    )
    assert engines[0].counts["items_put"] > 0


def test_a_compressed_log_is_not_followed(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(gzip.compress(lines(1)))
    with pytest.raises(InputError, match="does not grow line by line") as caught:
        go(tmp_path, files__follow=True)
    assert "\n" not in str(caught.value)


# Other shapes

SHAPES = {
    "array.json": "one JSON array",
    "array1.json": "one JSON array",
    "bom.csv": "CSV",
    "confluent_debezium.jsonl": "Debezium",
    "ga4.jsonl": "Google Analytics 4",
    "segment.jsonl": "Segment",
    "snowplow.tsv": "tab-separated",
    "utf16.jsonl": "UTF-16",
}


@pytest.mark.parametrize("name", SHAPES)
def test_another_shape_is_named_before_anything_is_read(shared, tmp_path, name):
    path = shared / "cases" / name
    refused(tmp_path, path, SHAPES[name])
    assert any(SHAPES[name] in remark for remark in check_events(path).remarks)


def refused(folder: Path, path: Path, words: str) -> None:
    for use in (
        lambda: go(folder, path),
        lambda: replay(load_config(None, {"encoder.name": "hashing-32"}, {}), path),
    ):
        with pytest.raises(InputError, match=words) as caught:
            use()
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
    assert not (folder / "output" / "dead-letters.jsonl").exists()


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\xfd7zXZ\x00\x00\x04", "xz -d"),
        (b"PK\x03\x04\x14\x00\x00", "unzip"),
        (b"BZh91AY&SY\x00\x01\x02", "bzip2 -d"),
        (b"PAR1\x15\x04\x15\x10", "parquet"),
        (b"Obj\x01\x04\x16avro", "Avro"),
        pytest.param("{}\n".encode("utf-16-be") * 9, "UTF-16", id="utf-16"),
        (b'{\n  "events": [\n', "one JSON document"),
        (b"\x00\x00\x00\x00\x07" + event(1) + b"\n", "schema registry"),
    ],
)
def test_containers_and_documents_are_named(tmp_path, start, words):
    path = tmp_path / "log"
    path.write_bytes(start)
    refused(tmp_path, path, words)


@pytest.mark.parametrize(
    "first", [b"[1]", b"[", b"a,b,c", b"a\tb\tc\td", b"PARTED", b'{"payload":1}', b"\xff\xfe\x83"]
)
def test_one_wrong_line_in_front_is_no_shape(tmp_path, first):
    (tmp_path / "events.jsonl").write_bytes(first + b"\n" + lines(1, 2))
    figures = go(tmp_path)
    assert (figures["learnt"], figures["dead_letter"]) == (2, 1)


# Pipes


def test_a_pipe_is_read_as_it_comes_and_sigterm_stops_the_wait(tmp_path):
    pipe = tmp_path / "events.jsonl"
    os.mkfifo(pipe)
    process = start(tmp_path)
    with pipe.open("wb", buffering=0) as writer:
        writer.write(lines(1, 2, 3) + event(4)[:20])
        until(lambda: learnt(tmp_path) == 3, "the lines were not learnt while the pipe is open")
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    assert ledger(tmp_path)["in"] == 3

    process = start(tmp_path)
    with pipe.open("wb") as writer:
        writer.write(lines(2, 3, 4) + event(5) + b"\n" + event(6)[:-9])
    assert ended(process)[0] == 0
    figures = ledger(tmp_path)
    assert (figures["learnt"], figures["duplicate"], figures["dead_letter"]) == (5, 2, 1)
    assert list(figures["partitions"]) == ["events.jsonl", "events.jsonl#2"]


def test_a_pipe_without_a_writer_waits_and_ends_on_sigterm(tmp_path):
    pipe = tmp_path / "events.jsonl"
    os.mkfifo(pipe)
    process = start(tmp_path, flow__log="info")
    until(lambda: (tmp_path / "output").exists() and learnt(tmp_path) == 0, "it did not begin")
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0


def test_a_followed_pipe_takes_writer_after_writer(tmp_path):
    pipe = tmp_path / "events.jsonl"
    os.mkfifo(pipe)
    process = start(tmp_path, files__follow=True)
    for number, text in enumerate((lines(1) + event(2)[:-9], lines(3), lines(4))):
        with pipe.open("wb") as writer:
            writer.write(text)
        until(lambda n=number: learnt(tmp_path) == n + 1, "a writer was not heard")
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0
    assert ledger(tmp_path)["dead_letter"] == 1, "half a line harms none of its neighbours"


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_read_and_a_new_one_is_a_new_stream(tmp_path, name):
    for number in (1, 2):
        process = start(tmp_path, name, stdin=subprocess.PIPE)
        _, errors = process.communicate(lines(1, number + 1), timeout=60)
        assert process.returncode == 0, errors.decode()
    figures = ledger(tmp_path)
    assert (figures["learnt"], figures["duplicate"]) == (3, 1)
    assert list(figures["partitions"]) == ["stdin", "stdin#2"]


def test_a_substituted_process_and_a_file_behind_a_handle_are_read(tmp_path):
    def handle_of(text: bytes) -> int:
        ours, theirs = os.pipe()
        os.write(theirs, text)
        os.close(theirs)
        return ours

    with (tmp_path / "log").open("w+b") as log:
        log.write(lines(*range(3, 50)))
        log.flush()
        log.seek(0)
        pipe = handle_of(lines(1, 2))
        go(tmp_path, f"/dev/fd/{pipe}")
        figures = go(tmp_path, f"/proc/self/fd/{log.fileno()}", files__follow=True)
        os.close(pipe)
    assert figures["learnt"] == figures["in"] == 49
    for text, words in ((gzip.compress(lines(1)), "zcat"), (b"[\n{}\n]\n", "one JSON array")):
        pipe = handle_of(text)
        with pytest.raises(RuntimeError) as caught:
            go(tmp_path, f"/dev/fd/{pipe}")
        os.close(pipe)
        line, status = describe(caught.value)
        assert words in line
        assert status == 2
    assert ledger(tmp_path)["in"] == 49


def test_what_cannot_be_read_is_refused_at_once_in_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "events.jsonl").write_bytes(lines(1))
    config = load_config(None, {"encoder.name": "hashing-32"}, {})
    for use, words in (
        (lambda: go(tmp_path, files__items=str(tmp_path / "pipe")), "is a pipe"),
        (lambda: replay(config, tmp_path / "pipe"), "is a pipe"),
        (lambda: check_events(tmp_path / "pipe"), "is a pipe"),
        (lambda: check_events(Path("-")), "is a pipe"),
        (lambda: go(tmp_path, tmp_path), "Is a directory"),
        (lambda: go(tmp_path, tmp_path / "nowhere"), "No such file"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            use()
        assert "\n" not in str(caught.value)
