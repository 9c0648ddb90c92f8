from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from dataflows.config.config import load_config
from dataflows.engine.encoder_in_force import model_version, with_prior
from dataflows.engine.prior_weights import open_prior
from dataflows.errors import InputError
from dataflows.evaluation.offline_flow import open_engine
from dataflows.evaluation.replay import ReplaySettings, replay
from encoders.backends.hashing import HashingEncoder
from learners.codec import pack
from learners.ranking.prior import Prior, packaged_prior
from learners.settings import LearnerSettings

HASHING = HashingEncoder(32)


def other_prior() -> Prior:
    mine = packaged_prior()
    state = mine.start(mine.columns, mine.hidden)
    assert state is not None
    state["averaged"] = state["averaged"] * 0.5
    return Prior(mine.columns, mine.hidden, state, {"streams": 1})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "own.msgpack"
    path.write_bytes(other_prior().packed())
    return path


def test_the_setting_names_what_ranking_starts_from(written: Path) -> None:
    assert open_prior(LearnerSettings()) is packaged_prior()
    assert open_prior(LearnerSettings(prior="none")) is None
    own = open_prior(LearnerSettings(prior=str(written)))
    assert own is not None
    assert own.fingerprint == other_prior().fingerprint != packaged_prior().fingerprint


def test_a_file_that_is_missing_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        open_prior(LearnerSettings(prior=str(tmp_path / "gone.msgpack")))
    assert str(told.value) == (
        f"learner.prior: {tmp_path / 'gone.msgpack'} cannot be read (No such file or directory); "
        "make it again with `make prior`, or leave learner.prior out (docs/explanation/prior.md)"
    )


@pytest.mark.parametrize(
    ("blob", "what"),
    [
        (b"\x00\x01", "2 bytes are not a stored state"),
        (pack("learner:shared", 6, {}), "'learner:shared' was found where 'prior' was expected"),
        (pack("prior", 99, {}), "has version 99; this release reads 1"),
        (other_prior().packed()[:-50], "bytes are not a stored state"),
    ],
)
def test_a_file_that_is_damaged_is_told(tmp_path: Path, blob: bytes, what: str) -> None:
    path = tmp_path / "p.msgpack"
    path.write_bytes(blob)
    with pytest.raises(InputError) as told:
        open_prior(LearnerSettings(prior=str(path)))
    message = str(told.value)
    assert what.partition(";")[0] in message
    assert message.startswith(f"learner.prior: {path} is no file of prior weights: ")
    assert message.endswith("or leave learner.prior out (docs/explanation/prior.md)")
    assert "\n" not in message


def test_a_home_is_read_as_one(monkeypatch: pytest.MonkeyPatch, written: Path) -> None:
    monkeypatch.setenv("HOME", str(written.parent))
    config = load_config(None, {"learner.prior": f"~/{written.name}"}, {})
    assert config.learner.prior == str(written)


def test_another_hidden_layer_is_said_to_start_from_chance(caplog) -> None:
    assert open_prior(LearnerSettings(hidden=24)) is packaged_prior()
    assert "learner.hidden = 48, it is 24: a model that starts anew ranks from chance" in (
        caplog.text
    )


def test_versions_tell_priors_apart_and_not_where_they_lie(written: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.msgpack"
    copy.write_bytes(written.read_bytes())

    def version(prior: str) -> str:
        config = load_config(None, {"learner.prior": prior}, {})
        return open_engine(config, HASHING).space.in_force.model

    plain = model_version(msgspec.structs.replace(LearnerSettings(), dim=32))
    assert version("none") == plain
    assert version("packaged") == with_prior(plain, packaged_prior().fingerprint)
    assert version(str(written)) == version(str(copy)) == f"{plain}-{other_prior().fingerprint}"


def test_a_report_says_what_it_began_with(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    rows = [
        {"event_id": n, "user_id": f"u{n % 7}", "item_id": f"i{n % 5}", "type": "view", "ts": n}
        for n in range(1_700_000_000, 1_700_000_060)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = {}
    for prior in ("packaged", "none"):
        config = load_config(None, {"learner.prior": prior}, {})
        report = replay(config, log, None, ReplaySettings(against=()), HASHING).report
        found[prior] = report["versions"]
    assert found["packaged"]["prior"] == packaged_prior().fingerprint
    assert found["none"]["prior"] is None
    assert found["packaged"]["model"] == f"{found['none']['model']}-{packaged_prior().fingerprint}"
