"""Files that are looked at without waiting."""

from __future__ import annotations

import pytest

from dataflows.serve.stored.input import files as files_module
from tests.dataflows.serve.stored.sent import Files


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch):
    monkeypatch.setattr(files_module, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(files_module, "POLL_SECONDS", 0.0)


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)
