"""What a version holds, and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Any

from dataflows.errors import ModelError
from dataflows.registry.manifest import FileFacts, Manifest

Shapes = dict[str, tuple[int, ...]]

MANIFEST = "manifest.json"

_UNSAFE = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}
"""Endings of files that run code when they are loaded."""
_A, _B = "lora_A", "lora_B"
_NEEDS: dict[str, tuple[str, ...]] = {
    "sentence-transformers": ("modules.json",),
    "int8": ("int8.json", "model.onnx"),
    "static": ("model.safetensors",),
    "adapter": ("adapter_config.json", "adapter_model.safetensors"),
}
"""The files without which a form cannot be loaded."""


def read_shapes(path: Path, version: str) -> Shapes:
    """Read the header of a safetensors file: name to shape. Raises ModelError if not whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise _unfit(version, f"{path.name} is not a whole safetensors file ({error})") from error


def check_shapes(folder: Path, manifest: Manifest, shapes: Mapping[str, Shapes]) -> None:
    """Hold the weights of a version against its form and size. Raises ModelError."""
    version = manifest.id
    for name in _NEEDS[manifest.form]:
        if name not in manifest.files:
            raise _unfit(version, f"it has no {name}, which the form {manifest.form} needs")
    if manifest.form == "int8":
        _check_dim(manifest, _read_json(folder / "int8.json", version).get("dim"))
        return
    if not any(shapes.values()):
        raise _unfit(version, "it is empty: there is no tensor in its weights")
    if manifest.form == "adapter":
        config = _read_json(folder / "adapter_config.json", version)
        _check_adapter(manifest, config, shapes["adapter_model.safetensors"])
    elif manifest.form == "static":
        table = shapes["model.safetensors"].get("embeddings", ())
        _check_dim(manifest, table[1] if len(table) == 2 else None)
    else:
        _check_dim(manifest, _dim_of_modules(folder, version))


def _check_dim(manifest: Manifest, found: object) -> None:
    if manifest.dim != found and None not in {manifest.dim, found}:
        raise _unfit(
            manifest.id, f"wrong size: its vectors have {found} numbers, not {manifest.dim}"
        )


def _dim_of_modules(folder: Path, version: str) -> object:
    """Return the size that the last module to name one gives; None where none does."""
    found: object = None
    modules: Any = _read_json(folder / "modules.json", version)
    for module in modules:
        at = folder / module["path"] / "config.json"
        if module["path"] and at.is_file():
            config = _read_json(at, version)
            names = ("out_features", "embedding_dimension", "word_embedding_dimension")
            found = next((config[name] for name in names if name in config), found)
    return found


def _check_adapter(manifest: Manifest, config: dict[str, Any], shapes: Shapes) -> None:
    """Check that low-rank pairs fit together, the configured rank, and the base's size."""
    version = manifest.id
    ranks = {config.get("r"), *config.get("rank_pattern", {}).values()}
    pairs = {name: name.replace(_A, _B) for name in shapes if _A in name}
    if not pairs or not set(pairs.values()) <= shapes.keys():
        raise _unfit(version, "it is not whole: a low-rank matrix has no partner")
    for first, second in pairs.items():
        (rank, inner), (outer, rank_again) = shapes[first][:2], shapes[second][:2]
        if rank != rank_again or rank not in ranks:
            raise _unfit(
                version,
                f"wrong size: {first} is {shapes[first]}, {second} is {shapes[second]}, "
                f"the rank in adapter_config.json is {config.get('r')}",
            )
        if manifest.dim is not None and manifest.dim not in {inner, outer}:
            raise _unfit(
                version,
                f"wrong size: {first} takes {inner} numbers and gives {outer}, its base "
                f"{manifest.base} has {manifest.dim}",
            )


def _read_json(path: Path, version: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unfit(version, f"{path.name} cannot be read ({error})") from error


def _unfit(version: str, reason: str) -> ModelError:
    return ModelError(f"{version} is refused: {reason}; make it anew")


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
