"""Where the registry keeps its files: any store that fsspec knows, such as `s3://bucket/models`.

Records are made once and never overwritten. A store has no rename of whole folders, so a
version's manifest is written last: without it there is no version. `LocalShelf` does better
where the store is a folder: what is written aside and flushed to the disk is put in place by one
rename.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from dataflows.errors import ModelError
from dataflows.lifecycle.redaction import masked
from dataflows.registry.verify import MANIFEST
from dataflows.state.private_files import sync_folder

ASIDE = "aside"
"""The folder of what is half-written, or about to be removed."""


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


class LocalShelf(Shelf):
    """A Shelf whose root is a folder. A reader sees a file or a version whole, or not at all."""

    def create(self, path: str, content: bytes) -> None:
        """Write a new file aside, then link it to its name, which only one process can do."""
        target, draft = Path(self._at(path)), self._aside()
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(draft, content)
        try:
            os.link(draft, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without links: exclusive still, not whole at once
            with target.open("xb") as file:
                file.write(content)
        finally:
            draft.unlink()
        sync_folder(target.parent)

    def publish(self, folder: Path, files: Iterable[str], manifest: bytes, path: str) -> None:
        """Copy the files aside, flush them, and rename the whole folder to `path`."""
        target, draft = Path(self._at(path)), self._aside()
        for name in files:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, draft / name)
            _seal(draft / name)
        _write(draft / MANIFEST, manifest)
        _seal(draft / MANIFEST)
        for parent in {(draft / name).parent for name in (*files, MANIFEST)}:
            sync_folder(parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(target)
        sync_folder(target.parent)

    def discard(self, path: str) -> None:
        """Rename the folder aside, so that nobody finds half of it, then remove it."""
        draft = self._aside()
        Path(self._at(path)).rename(draft)
        if draft.is_dir():
            shutil.rmtree(draft)
        else:
            draft.unlink()

    def age(self, path: str) -> float:
        """Return for how many seconds nothing has changed; folders count too."""
        top = Path(self._at(path))
        return time.time() - max(one.stat().st_mtime for one in (top, *top.rglob("*")))

    def here(self, path: str) -> Path | None:
        """Return the local path."""
        return Path(self._at(path))

    def _aside(self) -> Path:
        folder = Path(self._at(ASIDE))
        folder.mkdir(parents=True, exist_ok=True)
        return folder / uuid4().hex


def open_shelf(root: str | Path) -> Shelf:
    """Open the store at a folder or URL. Raises ModelError where fsspec does not know it."""
    from fsspec.core import url_to_fs

    try:
        filesystem, path = url_to_fs(str(root))
    except (ValueError, ImportError) as error:
        reason = masked(" ".join(str(error).split()))
        raise ModelError(
            f"models.root is {masked(str(root))!r}, which cannot be opened: {reason}; give a "
            "folder, or a URL of a store whose fsspec package is installed"
        ) from error
    if "file" in filesystem.protocol:
        return LocalShelf(filesystem, path)
    return Shelf(filesystem, path)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _seal(path: Path) -> None:
    """Flush a file to the disk, and let nobody write to it by accident."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.chmod(0o444)
