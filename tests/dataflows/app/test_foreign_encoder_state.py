"""A state is bound to the release of the package that brought its encoder."""

from __future__ import annotations

import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError

HALF = """
from encoders.backends.hashing import HashingEncoder

class Half(HashingEncoder):
    def __init__(self):
        super().__init__(32)
"""


def test_another_release_does_not_go_on_with_the_vectors_of_the_first(foreign, tmp_path) -> None:
    Shop(seed=1, items=60, users=20).write(tmp_path, 60)
    given = {
        "files.events": str(tmp_path / "events.jsonl"),
        "files.items": str(tmp_path / "items.jsonl"),
        "files.output": str(tmp_path / "output"),
        "state.path": str(tmp_path / "state"),
        "encoder.name": "half",
    }
    config = load_config(None, given, {})
    foreign({"penchant.encoders:half": "Half"}, HALF)
    run(config)
    lists = (tmp_path / "output" / "recommendations.jsonl").read_bytes()
    assert lists
    run(config)
    assert (tmp_path / "output" / "recommendations.jsonl").read_bytes() == lists
    foreign({"penchant.encoders:half": "Half"}, HALF, version="1.1")
    with pytest.raises(InputError, match=r"made with encoder half-32-\w+, the configuration says"):
        run(config)
