"""The files that a configuration reads from, as a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataflows.config import Config
from dataflows.files import FileSource
from dataflows.progress import Progress


def file_source(config: Config, progress: Progress, stop: Callable[[], bool]) -> FileSource:
    """Give the source that section `[files]` describes, from where `progress` says it is."""
    files = config.files
    return FileSource(
        Path(files.events),
        Path(files.items) if files.items else None,
        progress=progress,
        stop=stop,
        batch_size=files.batch_size,
        follow=files.follow,
        max_bytes=config.events.max_record_bytes,
    )
