"""What a report was made with: the command, the time, the machine, the libraries."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataflows.lifecycle.versions import installed

LIBRARIES = ("penchant", "bytewax", "river", "numpy", "numba", "sentence-transformers", "torch")


def made_by(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the command line, the time in UTC, and what it ran on."""
    return {
        "command": shlex.join(["penchant", *arguments]),
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "libraries": {name: found for name in LIBRARIES if (found := installed(name))},
    }


def title_of(log: Path) -> str:
    """Name a log by its folder too: most are called events.jsonl."""
    return f"{log.resolve().parent.name}/{log.name}".lstrip("/")
