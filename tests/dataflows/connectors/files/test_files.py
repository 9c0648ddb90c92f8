import json
import os
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataflows.connectors.files.compression import form_of
from dataflows.connectors.files.line_reader import LineReader, is_object
from dataflows.connectors.files.sink import FileSink, FileSinkPartition, cut_torn_line, topic_file
from dataflows.connectors.files.source import FileSource
from dataflows.errors import InputError
from dataflows.messages.raw import EVENTS, ITEMS
from dataflows.state.outbox import DEAD_LETTERS, RECOMMENDATIONS, Out
from dataflows.state.positions import Progress


def read(path: Path, start=0, max_bytes=20, whole_only=False):
    reader = LineReader(path, EVENTS, "e", start=start, max_bytes=max_bytes, whole_only=whole_only)
    raws = list(reader.records())
    reader.close()
    return raws


def source(folder: Path, positions=None, **more) -> FileSource:
    progress = Progress({0: positions or {}}, 1)
    return FileSource(folder / "e", progress=progress, stop=lambda: False, **more)


def drained(part):
    batches, is_over = [], False
    while not is_over:
        try:
            batches.append(part.next_batch())
        except StopIteration:
            is_over = True
    part.close()
    return batches


LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=8)


@given(lines=LINES, ending=st.sampled_from([b"", b"\n"]))
def test_every_line_is_read_once_from_wherever_reading_goes_on(lines, ending, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "e"
    text = b"\n".join(lines) + ending
    assume(form_of(text) is None)
    path.write_bytes(text)
    raws = read(path)
    wanted = [line.lstrip(b"\0").rstrip(b"\r") for line in lines]
    if wanted and not ending and not is_object(wanted[-1]):
        wanted.pop()
    if wanted:
        wanted[0] = wanted[0].removeprefix(b"\xef\xbb\xbf")
    wanted = [line for line in wanted if line.strip()]
    assert [raw.value[:20] for raw in raws] == [line[:20] for line in wanted]
    assert [len(raw.value) > 20 for raw in raws] == [len(line) > 20 for line in wanted]
    assert all(a.next_offset <= b.offset for a, b in pairwise(raws))
    for number, raw in enumerate(raws):
        assert read(path, start=raw.next_offset) == raws[number + 1 :]


def test_a_line_far_too_long_is_held_in_memory_only_in_part(tmp_path: Path):
    path = tmp_path / "e"
    path.write_bytes(b"a" * 5_000_000 + b"\nb\n")
    first, second = read(path)
    assert len(first.value) == 22
    assert second.value == b"b"
    assert (first.next_offset, second.offset) == (5_000_001, 5_000_001)


def test_a_byte_order_mark_and_windows_line_ends_are_no_content(tmp_path: Path):
    path = tmp_path / "e"
    path.write_bytes(b"\xef\xbb\xbf{}\r\n\r\n  \n\xef\xbb\xbf{}\r\n")
    assert [raw.value for raw in read(path)] == [b"{}", b"\xef\xbb\xbf{}"]


def test_a_follower_waits_for_the_end_of_a_line(tmp_path: Path):
    path = tmp_path / "e"
    path.write_bytes(b"one\ntw")
    reader = LineReader(path, EVENTS, "e", max_bytes=9, whole_only=True)
    assert [raw.value for raw in reader.records()] == [b"one"]
    assert list(reader.records()) == []
    with path.open("ab") as file:
        file.write(b"o\nth")
    assert [(raw.offset, raw.value) for raw in reader.records()] == [(4, b"two")]
    reader.close()


def test_what_a_writer_left_without_a_newline_is_never_read_twice_nor_in_half(tmp_path: Path):
    path = tmp_path / "e"
    path.write_bytes(b'{"a":1}\n{"a":2}')
    assert [raw.value for raw in read(path, whole_only=True)] == [b'{"a":1}']
    end = read(path)[-1].next_offset
    assert end == 15
    for more, rest in [
        (b"", []),
        (b"\n", []),
        (b" \r\n", []),
        (b'\n{"a":3}\n', [b'{"a":3}']),
        (b'{"a":3}\n', [b'{"a":3}']),
        (b',"b"\n{"a":3}', [b',"b"', b'{"a":3}']),
    ]:
        path.write_bytes(b'{"a":1}\n{"a":2}' + more)
        assert [raw.value for raw in read(path, start=end)] == rest


@pytest.mark.parametrize(
    "torn", [b'{"a":2', b"12", b"nul", b'"a', b"[1,2]", b"\xff", b'{"a":"\xc3']
)
def test_a_torn_last_line_is_left_for_later_and_told(tmp_path: Path, torn, caplog):
    path = tmp_path / "e"
    path.write_bytes(b'{"a":1}\n' + torn)
    reader = LineReader(path, EVENTS, "e", max_bytes=20)
    with closing(reader):
        assert [raw.next_offset for raw in reader.records()] == [8]
        reader.tell_torn()
        assert f"torn ({len(torn)} bytes" in caplog.text
        with path.open("ab") as file:
            file.write(b"}\r\n")
        assert [raw.value for raw in reader.records()] == [torn + b"}"]
        assert reader.torn == 0


def test_zero_bytes_in_front_of_a_line_are_no_content(tmp_path: Path):
    path = tmp_path / "e"
    path.write_bytes(b"\0" * 100_000 + b"{}\n" + b"\0" * 5000 + b"\n\0{}")
    assert [(raw.offset, raw.value) for raw in read(path)] == [(0, b"{}"), (105_004, b"{}")]


def test_items_come_first_then_events_in_batches_of_what_is_there(tmp_path: Path):
    (tmp_path / "i").write_bytes(b"1\n2\n3\n")
    (tmp_path / "e").write_bytes(b"4\n5\n")
    part = source(tmp_path, items=tmp_path / "i", batch_size=2).build_part("", "files", None)
    batches = drained(part)
    assert [[raw.value for raw in batch] for batch in batches] == [
        [b"1", b"2"],
        [b"3", b"4"],
        [b"5"],
    ]
    assert [raw.topic for batch in batches for raw in batch] == [ITEMS] * 3 + [EVENTS] * 2


def test_reading_goes_on_at_the_position_and_changed_items_are_read_anew(tmp_path: Path):
    (tmp_path / "i").write_bytes(b"1\n2\n")
    (tmp_path / "e").write_bytes(b"4\n5\n")
    first = drained(source(tmp_path, items=tmp_path / "i").build_part("", "files", None))[0]
    positions = {raw.partition: raw.next_offset for raw in first}
    again = source(tmp_path, positions, items=tmp_path / "i")
    assert drained(again.build_part("", "files", None)) == []
    (tmp_path / "i").write_bytes(b"1\n3\n")
    (tmp_path / "e").write_bytes(b"4\n5\n6\n")
    rest = drained(again.build_part("", "files", None))
    assert [raw.value for batch in rest for raw in batch] == [b"1", b"3", b"6"]


def test_the_stop_flag_ends_a_follower(tmp_path: Path):
    (tmp_path / "e").write_bytes(b"1\n")
    looks = iter([False, False, True])
    progress = Progress({}, 1)
    stopping = FileSource(tmp_path / "e", progress=progress, stop=lambda: next(looks), follow=True)
    part = stopping.build_part("", "files", None)
    assert part.next_awake() is None, "at once"
    assert len(part.next_batch()) == 1
    assert part.next_awake() is None, "there may be more"
    assert part.next_batch() == []
    assert part.next_awake() is not None, "nothing was there, so wait a little"
    with pytest.raises(StopIteration):
        part.next_batch()
    part.close()


def test_a_missing_file_is_told_before_the_flow_starts(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        source(tmp_path).open()
    (tmp_path / "e").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        source(tmp_path, items=tmp_path / "i").open()
    opened = source(tmp_path)
    opened.open()
    opened.close()


def out(number, topic=RECOMMENDATIONS, value=b"{}"):
    return Out(topic, b"u", value, number)


def test_messages_are_appended_per_topic_and_then_acknowledged(tmp_path: Path):
    acknowledged = []
    for _ in range(2):
        part = FileSink(tmp_path / "new" / "out", acknowledged.append).build("", 0, 1)
        part.write_batch([out(0), out(1, DEAD_LETTERS, b'{"a":1}'), out(2, value=b"[]")])
        part.close()
    assert acknowledged == [0, 1, 2] * 2
    folder = tmp_path / "new" / "out"
    assert topic_file(folder, RECOMMENDATIONS).read_bytes() == b"{}\n[]\n" * 2
    assert topic_file(folder, DEAD_LETTERS).read_bytes() == b'{"a":1}\n' * 2


def test_short_writes_are_completed_and_a_failing_one_acknowledges_nothing(tmp_path, monkeypatch):
    acknowledged = []
    part = FileSink(tmp_path, acknowledged.append).build("", 0, 1)
    write = os.write
    monkeypatch.setattr("os.write", lambda file, data: write(file, data[:3]))
    part.write_batch([out(0, value=b'{"a":"some longer text"}')])
    assert json.loads(topic_file(tmp_path, RECOMMENDATIONS).read_bytes()) == {
        "a": "some longer text"
    }

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(InputError, match="No space left"):
        part.write_batch([out(1)])
    assert acknowledged == [0]
    part.close()


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b"torn", b""),
        (b"whole\n", b"whole\n"),
        (b"whole\ntorn", b"whole\n"),
        (b"w\n" + b"t" * 200_000, b"w\n"),
        (b"t" * 65_536, b""),
        (b"w" * 65_535 + b"\n", b"w" * 65_535 + b"\n"),
        (b"w" * 65_536 + b"\nt", b"w" * 65_536 + b"\n"),
    ],
)
def test_a_torn_last_line_is_cut_off_at_the_start(tmp_path: Path, content, kept):
    path = topic_file(tmp_path, RECOMMENDATIONS)
    path.write_bytes(content)
    assert cut_torn_line(path) == len(content) - len(kept)
    assert path.read_bytes() == kept
    path.write_bytes(content)
    part = FileSink(tmp_path, lambda number: None).build("", 0, 1)
    assert isinstance(part, FileSinkPartition)
    part.write_batch([out(0)])
    part.close()
    assert path.read_bytes() == kept + b"{}\n"
