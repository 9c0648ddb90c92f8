"""Output files that are renamed, deleted or emptied while they are written."""

from __future__ import annotations

import os
import shutil
import threading

import pytest

from dataflows.connectors.files.sink import FileSink, topic_file
from dataflows.errors import FullDiskError, InputError
from dataflows.lifecycle.exit_status import run_to_status
from dataflows.state.outbox import RECOMMENDATIONS, Out


class Sink:
    """A sink with one worker, whose messages are numbers."""

    def __init__(self, folder):
        self.folder = folder
        self.path = topic_file(folder, RECOMMENDATIONS)
        self.acknowledged: list[int] = []
        self.sink = FileSink(folder, self.acknowledged.append)
        self.part = self.sink.build("", 0, 1)

    def write(self, *numbers):
        outs = [Out(RECOMMENDATIONS, b"u", b"%d" % number, number) for number in numbers]
        self.part.write_batch(outs)


@pytest.fixture
def sink(tmp_path):
    made = Sink(tmp_path / "out")
    made.write(1, 2)
    yield made
    made.part.close()


def test_a_renamed_file_keeps_its_lines_and_a_new_one_gets_the_next(sink):
    sink.path.rename(sink.folder / "old")
    sink.write(3)
    sink.write(4)
    assert (sink.folder / "old").read_bytes() == b"1\n2\n"
    assert sink.path.read_bytes() == b"3\n4\n"
    assert sink.acknowledged == [1, 2, 3, 4]


def test_a_deleted_file_and_a_deleted_folder_are_made_again(sink):
    sink.path.unlink()
    sink.write(3)
    assert sink.path.read_bytes() == b"3\n"
    shutil.rmtree(sink.folder)
    sink.write(4)
    assert sink.path.read_bytes() == b"4\n"


def test_a_file_that_was_copied_and_emptied_goes_on_at_its_new_end(sink):
    shutil.copy(sink.path, sink.folder / "copy")
    os.truncate(sink.path, 0)
    sink.write(3)
    assert sink.path.read_bytes() == b"3\n", "no hole where the old lines were"


def test_a_file_put_in_its_place_is_not_glued_to(sink):
    sink.path.rename(sink.folder / "old")
    sink.path.write_bytes(b"somebody else's\nhalf a line")
    sink.write(3)
    assert sink.path.read_bytes() == b"somebody else's\nhalf a line\n3\n"


def test_reopening_makes_all_files_at_once(sink):
    for path in list(sink.folder.iterdir()):
        path.unlink()
    sink.sink.reopen()
    assert len(list(sink.folder.iterdir())) == 3
    sink.part.close()
    sink.sink.reopen()
    assert sink.path.read_bytes() == b""


def test_a_folder_that_cannot_be_made_again_is_one_line(sink):
    shutil.rmtree(sink.folder)
    sink.folder.write_text("a file in its place")
    with pytest.raises(InputError, match=r"cannot be opened .*nothing is lost") as caught:
        sink.write(3)
    assert str(sink.path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sink.acknowledged == [1, 2]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_rights_are_what_the_umask_leaves_before_and_after_a_rotation(tmp_path, mask, mode):
    former = os.umask(mask)
    try:
        sink = Sink(tmp_path / "out")
        assert sink.path.stat().st_mode & 0o777 == mode
        sink.path.unlink()
        sink.write(1)
        assert sink.path.stat().st_mode & 0o777 == mode
        sink.part.close()
    finally:
        os.umask(former)


def test_no_line_is_torn_or_lost_while_files_are_renamed_and_reopened(tmp_path):
    sink = Sink(tmp_path / "out")
    done = threading.Event()

    def rotate():
        number = 0
        while not done.is_set():
            number += 1
            if sink.path.exists():
                sink.path.rename(sink.folder / f"old.{number}")
            if number % 2:
                sink.sink.reopen()

    rotating = threading.Thread(target=rotate)
    rotating.start()
    for start in range(0, 3000, 10):
        sink.write(*range(start, start + 10))
    done.set()
    rotating.join()
    sink.part.close()
    found = []
    for path in sink.folder.iterdir():
        content = path.read_bytes()
        assert not content or content.endswith(b"\n")
        found += [int(line) for line in content.splitlines()]
    assert sorted(found) == list(range(3000))


def test_a_device_without_room_is_told_as_such(tmp_path, capsys):
    (tmp_path / "recommendations.jsonl").symlink_to("/dev/full")
    sink = Sink(tmp_path)
    with pytest.raises(FullDiskError, match=r"recommendations\.jsonl: cannot be written") as caught:
        sink.write(1)
    assert sink.acknowledged == []
    sink.part.close()

    def failing():
        raise caught.value

    assert run_to_status(failing) == 1
    assert "make room, then start again: nothing is lost" in capsys.readouterr().err
