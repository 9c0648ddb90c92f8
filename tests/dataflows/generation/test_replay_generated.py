from __future__ import annotations

import json

import pytest

from dataflows.config.config import load_config
from dataflows.config.generate import GenerateSettings
from dataflows.datasets.shop.shop import Shop
from dataflows.evaluation.replay import ReplaySettings, replay
from dataflows.generation.responder import LlmResponder
from tests.encoders.llm.tiny_model import tiny_model

MODEL = tiny_model()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder, shop = tmp_path_factory.mktemp("shop"), Shop(seed=1, items=60, users=20)
    for name, lines in (("items", shop.items()), ("events", shop.events(120))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    return folder


def played(log, generate, batch_size=32):
    config = load_config(None, {"encoder.name": "hashing-32", "generate.every": 5}, {})
    responder = LlmResponder(MODEL, GenerateSettings(candidates=True)) if generate else None
    return replay(
        config,
        log / "events.jsonl",
        log / "items.jsonl",
        ReplaySettings(generate=generate, against=(), batch_size=batch_size),
        responder=responder,
    )


def ranks(done):
    return done.scored.column("tie_safe").tolist()


def test_a_replay_with_it_repeats_itself_whatever_the_batches(log):
    one, two = played(log, generate=True), played(log, generate=True, batch_size=7)
    assert one.report["counts"]["generate_items"] > 0
    assert ranks(one) == ranks(two)
    assert "generated" in one.report["contributions"]["mean"]


def test_without_it_nothing_is_generated(log):
    done = played(log, generate=False)
    assert not any(name.startswith("generate") for name in done.report["counts"])
    assert "generated" not in done.report["contributions"]["mean"]
    assert (
        done.report["versions"]["model"] != played(log, generate=True).report["versions"]["model"]
    )
