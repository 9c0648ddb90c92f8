"""Folders of a tiny language model, and adapters for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from encoders.llm.load import load_language_model
from encoders.llm.model import LanguageModel
from tests.encoders.llm.tiny_folder import write_adapter, write_tiny


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny") / "model", seed=0)


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LanguageModel:
    return load_language_model(str(tiny_folder), device="cpu", dtype="float32")


@pytest.fixture
def adapter(tiny: LanguageModel, tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, seed: int = 1, rank: int = 4) -> Path:
        return write_adapter(tiny, tmp_path / name, seed, rank)

    return make
