"""The page: static files that every server of penchant hands out, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from dataflows.serve.http.static import StaticFile

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@cache
def page_files() -> Mapping[str, StaticFile]:
    """Return the files by the path that they are served at: the page itself at `/`."""
    return dict(_files(files(__package__).joinpath("static"), "/page"))


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, StaticFile]]:
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        suffix = file.name.rpartition(".")[2]
        if file.is_dir():
            yield from _files(file, f"{path}/{file.name}")
        elif suffix in _TYPES:
            served_at = "/" if file.name == "index.html" else f"{path}/{file.name}"
            yield served_at, StaticFile(file.read_bytes(), _TYPES[suffix])
