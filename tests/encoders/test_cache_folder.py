"""Where copies lie that can be made again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from encoders.hub import cache_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the places of Linux")


def test_it_lies_in_the_home_or_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "penchant"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere" / "penchant"


def test_who_has_no_home_is_given_no_folder_named_tilde(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987_654_321)  # in no file of accounts
    assert cache_folder() == Path("/.cache/penchant")
