"""The state of every release, opened and gone on with by the code of today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataflows.cli.state_check import look
from tests.dataflows.state.releases import make

MOST_BYTES = 200_000


@pytest.fixture(params=make.releases(), ids=lambda release: release.name)
def release(request, tmp_path, monkeypatch) -> Path:
    """The folder of a release; its state is unpacked into the working directory."""
    pytest.importorskip("model2vec")
    make.unpack(request.param, tmp_path)
    monkeypatch.chdir(tmp_path)
    return request.param


def test_the_state_of_this_version_is_kept() -> None:
    assert make.version() in [release.name for release in make.releases()], (
        "run `python -m tests.dataflows.state.releases.make` (docs/explanation/state.md)"
    )


def test_what_is_kept_is_small() -> None:
    sizes = {release.name: (release / make.STATE).stat().st_size for release in make.releases()}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def test_a_state_of_a_release_is_whole(release, tmp_path) -> None:
    found = look(tmp_path / "state")
    assert [looked.damages for looked in found] == [[]]
    kinds = set(found[0].kinds)
    assert {"position", "decision", "learner:user", "learner:labelled", "item", "ended"} <= kinds


def test_lists_of_a_release_go_on(release, tmp_path) -> None:
    found = json.loads(json.dumps(make.go_on(tmp_path)))
    assert found == json.loads((release / make.OUTCOME).read_text())
    told = found["ledger"]
    assert told["in"] == sum(told[name] for name in ("learnt", "observed", "skipped")) + sum(
        told[name] for name in ("duplicate", "dead_letter")
    )
