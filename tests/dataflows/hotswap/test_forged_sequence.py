"""A state that took a number too high goes on, and hears of what the registry promotes next."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dataflows.config.clean import CleanSettings
from dataflows.config.config import load_config
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encoder_in_force import KIND_VERSIONS, InForce
from dataflows.engine.shard import Engine
from dataflows.hotswap.startup import identity_of, open_encoder
from dataflows.registry.promotion_watch import open_watch
from dataflows.registry.registry import open_registry
from dataflows.state.store import Store
from encoders.backends.hashing import HashingEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from tests.dataflows.registry.tiny import about, write_sentence


@pytest.mark.parametrize("sequence", [7, 2**63, 2**64 - 1])
def test_a_number_that_the_registry_never_gave_is_lowered_at_the_start(
    tmp_path: Path, sequence: int, caplog: pytest.LogCaptureFixture
) -> None:
    config = load_config(None, {"state.path": str(tmp_path), "encoder.name": "hashing-16"}, {})
    encoder, learner = HashingEncoder(16), LearnerSettings()
    registry = open_registry(config)
    made = registry.add("encoder", write_sentence(tmp_path / "m", 1), about())
    first = registry.promote(made.id, "won", 1.0)
    stored = InForce(encoder.version, "1", sequence=sequence)
    with_state = Store.open(tmp_path, 1, 0, identity_of(encoder.version, 16, learner))
    with_state.commit([(KIND_VERSIONS, "", msgspec.msgpack.encode(stored))])
    with_state.close()
    serving, _ = open_encoder(config, tmp_path)
    assert serving.in_force.sequence == first.sequence
    assert f"the state knows of promotion {sequence}" in caplog.text
    store = Store.open(tmp_path, 1, 0, {})
    model = OnlineModel(msgspec.structs.replace(learner, dim=16), store.get)
    engine = Engine(store, model, Cleaner(CleanSettings()), serving.in_force)
    assert engine.space.in_force.sequence == first.sequence
    engine.close()
    watch = open_watch(config, serving.in_force.sequence)
    later = registry.rollback("encoder", "worse", 1.0)
    watch._next = 0.0
    assert watch.poll() == [later]
    watch.close()
