"""Whether weights are whole, and of the size that their manifest says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataflows.errors import ModelError
from dataflows.registry.manifest import Manifest

Shapes = dict[str, tuple[int, ...]]

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
