"""The lines of a file as records, and what a last line without its end is taken for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

from dataflows.connectors.files.readable import Readable
from dataflows.messages.raw import HEAD, Origin, Raw

BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


class LineReader:
    r"""The lines of one file from a byte position on, as records; blank lines are left out.

    A line longer than `max_bytes` is cut to one byte more, so that decoding refuses it
    without the whole of it in memory. A last line that has no newline yet is left for later
    with `whole_only`; else it is a record where it is a whole JSON object, and a newline that
    comes later ends no other line. What is torn is never a record while it may be finished:
    `torn` is how many bytes of it there are. A byte order mark at the start, `\r` at the end
    and zero bytes in front of a line are no content. A pipe is read with `streams` alone.
    With `tells` the records tell what the text is known by: those in its beginning do, since
    it is known by that, and so does the first one that is read.
    Raises InputError where the file cannot be read.
    """

    def __init__(
        self,
        path: Path,
        topic: str,
        partition: str,
        *,
        start: int = 0,
        max_bytes: int,
        whole_only: bool = False,
        streams: bool = False,
        tells: bool = False,
    ) -> None:
        self.path = path
        self.partition = partition
        self.source = Readable(path, max(0, start - 1), streams=streams)
        self._topic = topic
        self._max_bytes = max_bytes
        self._whole_only = whole_only
        self._start = self._position = start
        self._held = b""
        """The beginning of a line whose end has not come, at most `max_bytes` + 2 of it."""
        self._is_damage_reported = False
        self._tells = tells
        self._is_origin_given = False
        before = self.source.file.read(1) if start else b"\n"
        self.is_short = not before
        """Whether the text ends before `start`."""
        self._is_mid_line = before not in (b"\n", b"")

    @property
    def end(self) -> int:
        """Where the lines that were records end: from there another reader could go on."""
        return self._start

    def goes_on(self) -> bool:
        """Return whether there is more of a line of which a part lies before `start`."""
        rest = self.source.file.peek(_BLOCK).split(b"\n", 1)[0]
        return self._is_mid_line and bool(rest.strip())

    def wait_no_more(self) -> None:
        """Accept a whole last line as a record though it has no newline: its writer has left."""
        self._whole_only = False

    @property
    def torn(self) -> int:
        """Bytes at the end that are no whole line, and no record yet."""
        return self._position - self._start if self._held.strip(b"\0\r\n\t ") else 0

    def records(self) -> Iterator[Raw]:
        """Yield the records up to the present end of the file; call again for what came since."""
        if self.source.is_stream and not self._position:
            self.source.check_shape()
        while (value := self._line()) is not None:
            start, self._start = self._start, self._position
            value = content(value, self._max_bytes, is_first=start == 0)
            if value.strip():
                if self._is_mid_line:
                    self._is_mid_line = False
                    self._tell_extended(start)
                end = self._position
                yield Raw(
                    *(self._topic, self.partition, start, end, None, value),
                    origin=self._origin(start, end) if self._tells else None,
                )
            self._is_mid_line = False
        self._tell_damage()

    def tell_torn(self) -> None:
        """Log that the end of the file was left unread, where it was."""
        if self.torn:
            _log.warning(
                "%s: its last line is torn (%d bytes without an end) and is left for later: it "
                "is read once its writer has finished it",
                *(self.path, self.torn),
            )

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def _line(self) -> bytes | None:
        """Return the next line, cut, and move to its end; None where no more has come."""
        most = self._max_bytes + 2
        while piece := self.source.file.readline(most if len(self._held) < most else _BLOCK):
            self._position += len(piece)
            if len(self._held) < most:
                self._held = _without_zeros(self._held + piece)[:most]
            if piece.endswith(b"\n"):
                line, self._held = self._held, b""
                return line
        if self._held and self._is_record():
            line, self._held = self._held, b""
            return line
        return None

    def _origin(self, start: int, end: int) -> Origin | None:
        if self._is_origin_given and start >= HEAD:
            return None
        self._is_origin_given = True
        return Origin.of(self.source.beginning[:end])

    def _is_record(self) -> bool:
        """Return whether what has no newline is a record: it is whole, or can never be finished."""
        source = self.source
        if source.is_stream:
            return source.is_over
        if self._whole_only or len(self._held) > self._max_bytes:
            return False
        return is_object(content(self._held, self._max_bytes))

    def _tell_extended(self, start: int) -> None:
        _log.warning(
            "%s: the line that ended without a newline at byte %d was read as it stood, and went "
            "on since; what follows is read as a line of its own",
            *(self.path, start),
        )

    def _tell_damage(self) -> None:
        if self.source.damage is not None and not self._is_damage_reported:
            self._is_damage_reported = True
            _log.warning(
                "%s: %s; what came before byte %d of its text was read",
                *(self.path, self.source.damage, self._start),
            )


def content(line: bytes, max_bytes: int, *, is_first: bool = False) -> bytes:
    """Return a line without what is no content, cut to a little more than `max_bytes`."""
    value = _without_zeros(line)[: max_bytes + 2].rstrip(b"\r\n")
    return value.removeprefix(BOM if is_first else b"")


def _without_zeros(line: bytes) -> bytes:
    """Drop the zero bytes that a writer leaves who goes on past the end of an emptied file."""
    return line.lstrip(b"\0") if line[:1] == b"\0" else line


def is_object(value: bytes) -> bool:
    """Return whether bytes are one whole JSON object: nothing that may come later changes that."""
    if not value.strip().startswith(b"{"):
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
