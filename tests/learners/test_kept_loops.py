"""Where compiled loops are kept, and that a run does not need such a place."""

from __future__ import annotations

import logging

import numba
import numpy as np
import pytest

from learners import arrays as module
from learners.arrays import compiled, keep_compiled_in, keeps_compiled, kept_share


@pytest.fixture
def homeless(monkeypatch):
    """No folder may be written but one that is named."""
    monkeypatch.setattr(module, "_unkept", [])
    monkeypatch.setattr(module, "_made", [])
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", "")
    for name in ("InTreeCacheLocator", "InTreeCacheLocatorFsAgnostic", "UserWideCacheLocator"):
        locator = getattr(numba.core.caching, name)
        monkeypatch.setattr(locator, "from_function", classmethod(lambda cls, *_: None))


def doubled(numbers):
    return numbers * 2.0


def test_without_a_place_it_is_compiled_and_works(homeless):
    made = compiled(doubled)
    assert made(np.ones(2)).tolist() == [2.0, 2.0]
    assert module._unkept == [made]


def test_it_is_kept_in_the_folder_that_is_named_and_loaded_from_there(homeless, tmp_path):
    folder = tmp_path / "state" / "compiled"
    made = compiled(doubled)
    assert keep_compiled_in(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made(np.ones(2)).tolist() == [2.0, 2.0]
    assert list(folder.rglob("*.nbc"))
    again = compiled(doubled)
    assert again(np.ones(2)).tolist() == [2.0, 2.0]
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_folder_that_cannot_be_made_is_told_and_ends_nothing(homeless, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    made = compiled(doubled)
    assert not keep_compiled_in(tmp_path / "file" / "compiled")
    assert "each start compiles them anew" in caplog.text
    assert made(np.ones(2)).tolist() == [2.0, 2.0]


def test_nothing_is_made_where_all_is_kept_already(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_unkept", [])
    assert keep_compiled_in(tmp_path / "compiled")
    assert not (tmp_path / "compiled").exists()


def test_a_disk_that_fills_up_meanwhile_costs_the_keeping_alone(homeless, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    made = compiled(doubled)
    assert keep_compiled_in(tmp_path / "compiled")
    full = made._cache._cache_file

    def save(*_):
        raise OSError(28, "No space left on device")

    full.save = save
    assert made(np.ones(2)).tolist() == [2.0, 2.0]
    assert "cannot be kept: [Errno 28] No space left on device" in caplog.text


def tripled(numbers):
    return numbers * 3.0


def test_what_an_earlier_process_left_compiled_is_counted(homeless, tmp_path):
    made = [compiled(doubled), compiled(tripled)]
    assert (kept_share(), keeps_compiled()) == (0.0, False)
    assert keep_compiled_in(tmp_path / "compiled")
    assert (kept_share(), keeps_compiled()) == (0.0, True)
    made[0](np.ones(2))
    assert kept_share() == 0.5
    made[1](np.ones(2))
    assert kept_share() == 1.0
    for index in (tmp_path / "compiled").rglob("*.nbi"):
        index.write_bytes(b"damaged")
    assert kept_share() == 0.0
