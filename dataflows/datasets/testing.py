"""What a format must do, as checks that any package can run on its own.

A test of a package that brings one reads, with a small sample of what it reads:

    @pytest.mark.parametrize("check", FORMAT_CHECKS, ids=lambda check: check.__name__)
    def test_it_is_a_format(check) -> None:
        check(open_log, SAMPLE)

A check that does not hold raises AssertionError, with what was wanted and what came. Ours run
them too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dataflows.config.events import EventSettings
from dataflows.datasets.output.report import ConvertReport
from dataflows.datasets.output.writer import write_log
from dataflows.datasets.rows.draft import Log
from dataflows.datasets.rows.tally import Tally
from dataflows.errors import InputError
from dataflows.messages.events import decode_event
from dataflows.messages.items import decode_item
from dataflows.messages.raw import Raw, Reject

OpenLog = Callable[[Path, Tally], Log]

NOISE = (b"", b"\n\n", bytes(range(256)) * 40, b"hello, world\n")
"""Files that are no log of any kind."""


def check_records(open_log: OpenLog, sample: Path) -> None:
    """Check that there are events, and that a run would take every event and every item."""
    settings = EventSettings()
    with _converted(open_log, sample) as report:
        _hold(report.events > 0, f"no event came of {sample}")
        for path, decode in ((report.events_path, decode_event), (report.items_path, decode_item)):
            for number, line in enumerate(path.read_bytes().splitlines(), 1):
                found = decode(Raw(path.stem, path.stem, 0, number, None, line), settings)
                if isinstance(found, Reject):
                    _hold(False, f"{path.name} line {number} is refused: {found.detail}: {line!r}")


def check_ids(open_log: OpenLog, sample: Path) -> None:
    """Check that every event has an id of its own."""
    with _converted(open_log, sample) as report:
        _hold(report.repeated_ids == 0, f"{report.repeated_ids} events have an id of an earlier")


def check_repeat(open_log: OpenLog, sample: Path) -> None:
    """Check that a second conversion gives the same bytes."""
    with _converted(open_log, sample) as first, _converted(open_log, sample) as second:
        for name in ("events_path", "items_path"):
            paths: tuple[Path, Path] = getattr(first, name), getattr(second, name)
            same = paths[0].read_bytes() == paths[1].read_bytes()
            _hold(same, f"{paths[0].name} differs from one conversion to the next")


def check_accounts(open_log: OpenLog, sample: Path) -> None:
    """Check that the rows of the sample are counted, and that what was read is named."""
    tally = Tally()
    with _converted(open_log, sample, tally) as report:
        refused = sum(report.refused.values())
        _hold(report.rows > 0, "no row was counted: take events through `tally.each`")
        _hold(refused <= report.rows + report.items, f"{refused} of {report.rows} rows refused")
        _hold(bool(tally.files), "no file is noted as read: open files through `rows.opening`")


def check_foreign_files(open_log: OpenLog, sample: Path) -> None:
    """Check that what is no log of this format is one clear line, whatever it is."""
    names = [sample.name] if sample.is_file() else [path.name for path in sample.iterdir()]
    for content in NOISE:
        with TemporaryDirectory() as folder:
            for name in names:
                (Path(folder) / name).write_bytes(content)
            path = Path(folder) / sample.name if sample.is_file() else Path(folder)
            _refused(open_log, path, f"files of {content[:20]!r}")
    with TemporaryDirectory() as folder:
        _refused(open_log, Path(folder), "an empty folder")


def check_torn_rows(open_log: OpenLog, sample: Path) -> None:
    """Check that a file which breaks off, or ends with odd bytes, costs rows and no conversion."""
    for end in (b"", b"\xff\xfe\x00odd\n"):
        with TemporaryDirectory() as folder:
            copied = Path(folder) / sample.name
            copy = shutil.copyfile if sample.is_file() else shutil.copytree
            copy(sample, copied)
            for path in [copied] if sample.is_file() else sorted(copied.iterdir()):
                path.write_bytes(path.read_bytes()[:-3] + end)
            try:
                with _converted(open_log, copied) as report:
                    _hold(report.rows > 0, f"of files that end with {end!r} no row was counted")
            except InputError as error:
                _one_line(error, f"files that end with {end!r}")


FORMAT_CHECKS: tuple[Callable[[OpenLog, Path], None], ...] = (
    check_records,
    check_ids,
    check_repeat,
    check_accounts,
    check_foreign_files,
    check_torn_rows,
)


def check_format(open_log: OpenLog, sample: Path) -> None:
    """Run all checks on an `open_log`, with a sample that it reads: a file or folder of plain text.

    Raises AssertionError where one does not hold.
    """
    for check in FORMAT_CHECKS:
        check(open_log, sample)


@contextmanager
def _converted(
    open_log: OpenLog, path: Path, tally: Tally | None = None
) -> Iterator[ConvertReport]:
    """Convert into a folder that goes afterwards."""
    tally = tally or Tally()
    with TemporaryDirectory() as folder:
        log = open_log(path, tally)
        _hold(isinstance(log, Log), f"open_log gave {type(log).__name__}, not a Log")
        yield write_log(log, Path(folder), tally, format="sample", source=path, shuffle=None)


def _refused(open_log: OpenLog, path: Path, what: str) -> None:
    try:
        with _converted(open_log, path) as report:
            told = f"{what} gave {report.events} events"
    except InputError as error:
        _one_line(error, what)
    except Exception as error:
        raise AssertionError(f"{what}: InputError is wanted, it raised {error!r}") from error
    else:
        raise AssertionError(told)


def _one_line(error: InputError, what: str) -> None:
    _hold("\n" not in str(error), f"{what}: the error has more than one line: {error}")


def _hold(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
