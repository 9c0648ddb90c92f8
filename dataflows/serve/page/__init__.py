"""The page: static files that every server of penchant hands out, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

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
    found: dict[str, StaticFile] = {}
    for file in sorted(files(__package__).joinpath("static").iterdir(), key=lambda one: one.name):
        suffix = file.name.rpartition(".")[2]
        if suffix in _TYPES:
            path = "/" if file.name == "index.html" else f"/page/{file.name}"
            found[path] = StaticFile(file.read_bytes(), _TYPES[suffix])
    return found
