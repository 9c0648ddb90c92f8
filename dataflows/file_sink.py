"""Messages to files: one file of JSON lines per topic, appended to.

A message is acknowledged once the operating system has its whole line: it survives
kill -9 of the process. (A power cut can take the last seconds; where that matters, use
Kafka.) A line torn by a kill is cut off at the next start; its message was not
acknowledged, so it is sent again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from dataflows.errors import InputError
from dataflows.outbox import (
    DEAD_LETTERS,
    INTENTS,
    NARRATIVES,
    RECOMMENDATIONS,
    Acknowledge,
    Out,
)

ALWAYS = (RECOMMENDATIONS, INTENTS, DEAD_LETTERS)
TOPICS = (*ALWAYS, NARRATIVES)
"""Those that are not always written have a file once there is something in it."""
BLOCK = 1 << 16


def topic_file(folder: Path, topic: str) -> Path:
    """Give the file of a topic."""
    return folder / f"{topic}.jsonl"


class FileSinkPartition(StatelessSinkPartition[Out]):
    """One worker's end of the files."""

    def __init__(self, folder: Path, acknowledge: Acknowledge) -> None:
        self._acknowledge = acknowledge
        self._paths = {topic: topic_file(folder, topic) for topic in TOPICS}
        self._files: dict[str, int] = {}
        for topic in ALWAYS:
            self._open(topic)

    def write_batch(self, items: list[Out]) -> None:
        """Append each message to its file, whole lines at a time, then acknowledge them."""
        lines: dict[str, list[bytes]] = {}
        for out in items:
            lines.setdefault(out.topic, []).append(out.value if out.value is not None else b"null")
        for topic, values in lines.items():
            self._append(topic, values)
        for out in items:
            self._acknowledge(out.number)

    def close(self) -> None:
        """Bring all to the disk, and let go of the files."""
        for file in self._files.values():
            os.fsync(file)
            os.close(file)

    def _open(self, topic: str) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = self._files[topic] = os.open(self._paths[topic], flags, 0o644)
        return file

    def _append(self, topic: str, values: Sequence[bytes]) -> None:
        rest = memoryview(b"\n".join(values) + b"\n")
        try:
            file = self._files[topic] if topic in self._files else self._open(topic)
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError as error:
            raise InputError(
                f"{self._paths[topic]}: cannot be written ({error.strerror}); make room, then "
                "start again: nothing is lost"
            ) from error


class FileSink(DynamicSink[Out]):
    """Appends to the files in `folder`, made where it is missing. Raises InputError."""

    def __init__(self, folder: Path, acknowledge: Acknowledge) -> None:
        self._folder = folder
        self._acknowledge = acknowledge
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for topic in TOPICS:
                cut_torn_line(topic_file(folder, topic))
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written to ({error.strerror}); give [files] another output"
            ) from error

    def build(self, step_id: str, worker_index: int, worker_count: int) -> FileSinkPartition:  # noqa: ARG002
        """Give a worker its end."""
        return FileSinkPartition(self._folder, self._acknowledge)


def cut_torn_line(path: Path) -> int:
    """Cut off what follows the last newline; give how many bytes that was."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - BLOCK)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            end = start + newline + 1 if newline >= 0 else start
            if newline >= 0:
                break
        file.truncate(end)
    return size - end
