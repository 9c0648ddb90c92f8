"""Local copies of versions, verified whenever they are handed out."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from dataflows.errors import ModelError
from dataflows.registry.manifest import Manifest
from dataflows.registry.manifest_files import place
from dataflows.registry.storage import Shelf
from dataflows.registry.verify import check_folder, check_path, damaged
from encoders.hub import cache_folder


def default_cache(root: str) -> Path:
    """Return the folder for copies from this root, in the user's cache folder."""
    return cache_folder() / "models" / sha256(root.encode()).hexdigest()[:12]


def fetch(shelf: Shelf, manifest: Manifest, into: Path) -> Path:
    """Return the copy in `into`, made now if it is not there or no longer whole.

    Raises ModelError where what comes from the shelf is not what the manifest says.
    """
    target = into / manifest.id
    if target.is_dir():
        try:
            check_folder(target, manifest)
        except ModelError:
            shutil.rmtree(target)
        else:
            return target
    draft = into / f".{manifest.id}.{uuid4().hex}"
    draft.mkdir(parents=True)
    try:
        _copy(shelf, manifest, draft)
        check_folder(draft, manifest)
        draft.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster, with the same content
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _copy(shelf: Shelf, manifest: Manifest, draft: Path) -> None:
    for name in manifest.files:
        check_path(name, manifest.id)
    try:
        shelf.take(place(manifest.id), manifest.files, draft)
    except FileNotFoundError as error:
        missing = [name for name in manifest.files if not (draft / name).is_file()]
        raise damaged(manifest.id, f"its file {missing[0]} is missing") from error
