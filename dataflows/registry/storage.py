"""Where the registry keeps its files: any store that fsspec knows, such as `s3://bucket/models`.

Records are made once and never overwritten. A store has no rename of whole folders, so a
version's manifest is written last: without it there is no version. `local_shelf` does better
where the store is a folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dataflows.registry.verify import MANIFEST


class Shelf:
    """Files under one root; paths are relative to it, with `/` between their parts."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")

    def read(self, path: str) -> bytes:
        """Read a whole file. Raises FileNotFoundError."""
        content: bytes = self._fs.cat_file(self._at(path))
        return content

    def read_all(self, paths: Sequence[str]) -> list[bytes]:
        """Read whole files, at once where the store can. Raises FileNotFoundError."""
        found = self._fs.cat([self._at(path) for path in paths]) if paths else {}
        return [found[self._at(path)] for path in paths]

    def names(self, folder: str) -> list[str]:
        """List what lies directly in a folder, sorted; nothing where there is no such folder."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(self._at(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(str(path).rstrip("/").rpartition("/")[2] for path in found)

    def create(self, path: str, content: bytes) -> None:
        """Write a new file, whole or not at all. Raises FileExistsError where there is one."""
        self._fs.pipe_file(self._at(path), content, mode="create")

    def publish(self, folder: Path, files: Iterable[str], manifest: bytes, path: str) -> None:
        """Copy these files of a local folder to `path`, the manifest last."""
        for name in files:
            self._fs.put_file(str(folder / name), self._at(f"{path}/{name}"))
        self.create(f"{path}/{MANIFEST}", manifest)

    def take(self, path: str, files: Iterable[str], folder: Path) -> None:
        """Copy these files of `path` into a local folder. Raises FileNotFoundError."""
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            self._fs.get_file(self._at(f"{path}/{name}"), str(folder / name))

    def discard(self, path: str) -> None:
        """Remove a version's folder, the manifest first, so that half of it is no version."""
        if self._fs.exists(self._at(f"{path}/{MANIFEST}")):
            self._fs.rm_file(self._at(f"{path}/{MANIFEST}"))
        self._fs.rm(self._at(path), recursive=True)

    def age(self, path: str) -> float:
        """Return for how many seconds no file in a folder has changed; infinite for no file."""
        files = self._fs.find(self._at(path))
        stamps = (self._fs.modified(file).timestamp() for file in files)
        return time.time() - max(stamps, default=float("-inf"))

    def here(self, path: str) -> Path | None:
        """Return the local path of what lies at `path`; None where it must be fetched first."""
        del path
        return None

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"
