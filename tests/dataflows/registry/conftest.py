"""Registries to put tiny models in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dataflows.registry.registry import Registry
from tests.dataflows.registry.tiny import about, write_sentence


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture(params=["folder", "memory"])
def any_registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    """A registry in a folder, and one in a store that has no rename."""
    if request.param == "folder":
        return Registry(tmp_path / "models")
    return Registry(f"memory://models-{uuid4().hex}", cache=tmp_path / "cache")


@pytest.fixture
def adds(tmp_path: Path) -> Callable[..., str]:
    """Add one more tiny encoder, and give its id."""
    count = iter(range(1000))

    def add(registry: Registry, **more: Any) -> str:
        number = next(count)
        folder = write_sentence(tmp_path / f"made-{number}", seed=number)
        return registry.add("encoder", folder, about(**more)).id

    return add
