"""What a version holds: counted and hashed when it comes, and held against that ever after."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path, PurePosixPath

from dataflows.errors import ModelError
from dataflows.registry.manifest import FileFacts, Manifest
from dataflows.registry.verify_shapes import check_shapes, read_shapes

MANIFEST = "manifest.json"

_UNSAFE = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}
"""Endings of files that run code when they are loaded."""


def facts_of(folder: Path) -> dict[str, FileFacts]:
    """Count and hash every file of a folder. Raises ModelError where it cannot be a version."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder: name one that holds a saved model")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise ModelError(f"{folder} is empty: save a model into it first")
    for path in files:
        if path.suffix in _UNSAFE:
            raise ModelError(
                f"{path} may run code when it is loaded: save the weights as safetensors, and "
                f"leave {path.name} out"
            )
    names = {path.relative_to(folder).as_posix(): path for path in files}
    if MANIFEST in names:
        raise ModelError(f"{folder} holds a {MANIFEST}, which is for the registry to write")
    return {name: _facts(path) for name, path in names.items()}


def check_folder(folder: Path, manifest: Manifest) -> None:
    """Hold a folder against its manifest: files, sizes, hashes, weights.

    Raises ModelError with the first thing that is wrong.
    """
    for name, wanted in manifest.files.items():
        check_path(name, manifest.id)
        path = folder / name
        if not path.is_file():
            raise damaged(manifest.id, f"its file {name} is missing")
        size = path.stat().st_size
        if size != wanted.bytes:
            what = "is cut off" if size < wanted.bytes else "is too long"
            raise damaged(manifest.id, f"its file {name} {what}: {size} of {wanted.bytes} bytes")
        if _facts(path).sha256 != wanted.sha256:
            raise damaged(manifest.id, f"its file {name} was changed (another sha256)")
    check_weights(folder, manifest)


def check_weights(folder: Path, manifest: Manifest) -> None:
    """Read the headers of all weights, and hold their shapes against the manifest.

    Raises ModelError.
    """
    shapes = {
        name: read_shapes(folder / name, manifest.id)
        for name in manifest.files
        if name.endswith(".safetensors")
    }
    check_shapes(folder, manifest, shapes)


def check_path(name: str, version: str) -> None:
    """Refuse a file name that leads out of the version's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise damaged(version, f"its file {name!r} lies outside of it")


def damaged(version: str, reason: str) -> ModelError:
    """Return the one line about a version that is not what its manifest says."""
    return ModelError(
        f"version {version} cannot be used: {reason}; go back to another one "
        "(`penchant models list`), or make it anew"
    )


def _facts(path: Path) -> FileFacts:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
        return FileFacts(digest, file.tell())
