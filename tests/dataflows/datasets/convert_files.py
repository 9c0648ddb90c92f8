"""Published logs written for a test, and what `convert` made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from dataflows.config.events import EventSettings
from dataflows.datasets.convert import convert
from dataflows.datasets.output.report import ConvertReport, render
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, decode_item
from dataflows.messages.raw import Raw


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def read(out: Path, name: str = "events") -> list[dict[str, Any]]:
    """Read a file back, by the engine's own decoder too: it must take every line."""
    lines = (out / f"{name}.jsonl").read_bytes().splitlines()
    settings = EventSettings(min_time=0.0)
    for line in lines:
        raw = Raw(name, name, 0, 0, None, line)
        if name == "events":
            assert isinstance(decode_event(raw, settings), EventRecord)
        else:
            assert isinstance(decode_item(raw, settings), ItemRecord)
    return [msgspec.json.decode(line) for line in lines]


def told(report: ConvertReport) -> str:
    console = Console(width=160, force_terminal=False)
    with console.capture() as captured:
        render(report, console)
    return captured.get()


def becomes(report: ConvertReport) -> dict[str, str]:
    return {column.name: column.becomes for column in report.columns}


def unreadable(report: ConvertReport) -> dict[str, int]:
    return {column.name: column.unreadable for column in report.columns if column.unreadable}


RATED = "userId,movieId,rating,timestamp\n"
FILMS = "movieId,title,genres\n"


def movielens(tmp_path: Path, files: dict[str, str | bytes], **options: Any) -> ConvertReport:
    return convert("movielens", put(tmp_path / "in", files), tmp_path / "out", **options)
