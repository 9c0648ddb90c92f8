"""From the configuration to its registry."""

from __future__ import annotations

from pathlib import Path

from dataflows.config.config import Config
from dataflows.registry.registry import Registry


def open_registry(config: Config) -> Registry:
    """Open the registry of this configuration; an empty one where there is none yet.

    Raises ModelError where its root cannot be opened.
    """
    root = config.models.root or str(Path(config.state.path) / "models")
    cache = config.models.cache
    return Registry(root, None if cache is None else Path(cache))
