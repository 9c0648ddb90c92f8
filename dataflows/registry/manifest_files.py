"""Where a version lies on the shelf, and its manifest there."""

from __future__ import annotations

import logging

import msgspec

from dataflows.errors import ModelError
from dataflows.registry.manifest import KINDS, Kind, Manifest, kind_of, number_of
from dataflows.registry.storage import Shelf
from dataflows.registry.verify import MANIFEST, damaged

FORMAT = 1

_log = logging.getLogger(__name__)


def place(version: str) -> str:
    """Return the folder of a version, by its id."""
    return f"versions/{kind_of(version)}/{version}"


def read_manifest(shelf: Shelf, version: str) -> Manifest | None:
    """Read the manifest of an id; None where there is none. Raises ModelError if damaged."""
    if kind_of(version) is None:
        return None
    try:
        content = shelf.read(f"{place(version)}/{MANIFEST}")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, RecursionError) as error:
        raise damaged(version, f"its {MANIFEST} cannot be read ({error})") from error
    if manifest.id != version or manifest.format != FORMAT:
        raise damaged(version, f"its {MANIFEST} is of {manifest.id}, in format {manifest.format}")
    return manifest


def list_manifests(shelf: Shelf, kind: Kind | None) -> list[Manifest]:
    """List the versions by kind and number. A damaged manifest is left out and logged."""
    found = []
    for one in KINDS if kind is None else (kind,):
        names = [name for name in shelf.names(f"versions/{one}") if kind_of(name) == one]
        for name in sorted(names, key=number_of):
            try:
                manifest = read_manifest(shelf, name)
            except ModelError as error:
                _log.warning("%s", error)
                continue
            if manifest is not None:
                found.append(manifest)
    return found


def half_written(shelf: Shelf) -> list[str]:
    """List the folders of versions that have no manifest: being written, or left behind."""
    return [
        f"versions/{kind}/{name}"
        for kind in KINDS
        for name in shelf.names(f"versions/{kind}")
        if MANIFEST not in shelf.names(f"versions/{kind}/{name}")
    ]
