"""The figures of intent in a replay: thought of before the label is seen, judged after."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.config import load_config
from dataflows.evaluation.judging.intent import auroc
from dataflows.evaluation.replay import replay
from encoders.load import load_encoder
from encoders.text import render_event
from learners.intent.calibration import ChanceCalibrator
from learners.intent.tracker import IntentTracker

ENCODER = "hashing-64"
WORDS = {
    "card": ["card", "swallowed", "machine", "stuck"],
    "rate": ["rate", "exchange", "currency", "euro"],
    "fee": ["fee", "charged", "why", "extra"],
}
Lines = list[dict[str, Any]]


def sentences(events: int = 120, out_of_scope: bool = False) -> Lines:
    draw = random.Random(4)
    lines = []
    for number in range(events):
        intent = draw.choice(list(WORDS))
        words = draw.sample(WORDS[intent], 3)
        if out_of_scope and draw.random() < 0.2:
            intent, words = "out_of_scope", [f"word{draw.randrange(5_000)}" for _ in range(3)]
        lines.append(
            {"event_id": f"e{number}", "user_id": f"u{number}", "type": "query",
             "text": " ".join(words), "intent": intent, "ts": 1.7e9 + number}
        )  # fmt: skip
    return lines


def report(folder: Path, lines: Lines) -> dict[str, Any]:
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = load_config(None, {"encoder.name": ENCODER}, {})
    return replay(config, path).report


def test_figures_equal_predict_then_learn_written_out(tmp_path: Path) -> None:
    lines = sentences()
    learner, encoder = IntentTracker(64).stated, load_encoder(ENCODER)
    hits, top3, losses, calibrator = [], [], [], ChanceCalibrator()
    for line in lines:
        vector = encoder.encode([render_event("query", None, line["text"])])[0]
        told = calibrator.tell(learner.predict(vector), learner.counts, 1)
        shares = dict(zip(learner.labels, told.tolist(), strict=True))
        share = shares.get(line["intent"], 1.0 / (len(shares) + 1))
        rank = sum(other >= share for other in shares.values())
        hits.append(line["intent"] in shares and rank == 1)
        top3.append(line["intent"] in shares and rank <= 3)
        losses.append(-math.log(share))
        if line["intent"] in learner.labels:
            slot = learner.labels.index(line["intent"])
            calibrator.learn(learner.predict(vector), learner.counts, 1, slot)
        learner.learn(vector, line["intent"])
    told = report(tmp_path, lines)
    found = told["intent"]
    assert found["events"] == len(lines)
    assert found["labels"] == 3
    assert found["accuracy"] == found["accuracy_in_scope"] == pytest.approx(np.mean(hits))
    assert found["accuracy_last_fifth"] == pytest.approx(np.mean(hits[-24:])) == 1.0
    assert found["top3"] == pytest.approx(np.mean(top3))
    assert found["log_loss"] == pytest.approx(np.mean(losses), abs=1e-5)
    assert found["belief"]["accuracy"] > 0.9
    assert found["oos_auroc"] is None
    assert found["events_per_cpu_second"] > 0
    assert told["scored"] == 0  # there are no items
    assert told["unscored"]["no_item"] + told["unscored"]["warmup"] == len(lines)


def test_labels_that_are_drawn_at_random_score_at_chance(tmp_path: Path) -> None:
    lines, draw = sentences(600), random.Random(1)
    for line in lines:
        line["intent"] = f"need {draw.randrange(4)}"
    found = report(tmp_path, lines)["intent"]
    assert found["accuracy"] == pytest.approx(0.25, abs=0.06)


def test_the_label_itself_is_not_seen(tmp_path: Path) -> None:
    lines = sentences(60)
    for line in lines[:-1]:
        line["intent"] = "card"
    lines[-1]["intent"] = "rate"  # never met before
    found = report(tmp_path, lines)["intent"]
    assert found["accuracy"] == pytest.approx(58 / 60)


def test_labels_that_come_later_are_judged_by_what_was_thought_then(tmp_path: Path) -> None:
    lines = sentences()
    at_once = report(tmp_path, lines)["intent"]
    late = []
    for line in lines:
        label = {"event_id": f"l-{line['event_id']}", "user_id": line["user_id"], "type": "label",
                 "ts": line["ts"] + 0.5, "intent": line["intent"],
                 "context": {"event_id": line["event_id"]}}  # fmt: skip
        late += [{**line, "intent": None}, label]
    told = report(tmp_path, late)
    found = told["intent"]
    for name in ("events", "labels", "accuracy", "accuracy_last_fifth", "top3"):
        assert found[name] == at_once[name]
    assert found["log_loss"] == pytest.approx(at_once["log_loss"], abs=1e-3)  # vectors are halves
    assert told["counts"]["labels_late"] == len(lines)
    assert told["events"]["reasons"]["learnt"] == {"late_label": len(lines)}
    assert told["events"]["learnt"] == told["events"]["in"] == 2 * len(lines)


def test_a_label_of_a_session_is_judged_at_each_of_its_events(tmp_path: Path) -> None:
    lines = []
    for session, line in enumerate(sentences(80)):
        words = line["text"].split()
        for click, word in enumerate(words):
            lines.append(
                {**line, "event_id": f"e{session}-{click}", "text": word, "intent": None,
                 "session_id": f"s{session}", "ts": 1.7e9 + session * 10 + click}
            )  # fmt: skip
        lines.append(
            {"event_id": f"l{session}", "user_id": line["user_id"], "type": "label",
             "session_id": f"s{session}", "intent": line["intent"],
             "ts": 1.7e9 + session * 10 + 5}
        )  # fmt: skip
    found = report(tmp_path, lines)["intent"]
    assert found["events"] == 3 * 80
    assert found["belief"]["accuracy"] >= found["accuracy"] - 0.05
    assert found["accuracy_last_fifth"] > 0.95


def test_what_is_out_of_scope_looks_new(tmp_path: Path) -> None:
    found = report(tmp_path, sentences(500, out_of_scope=True))["intent"]
    assert found["oos_auroc_last_fifth"] > 0.9
    assert 0.5 < found["oos_auroc"] < 1.0
    assert found["labels"] == 4
    assert found["accuracy_in_scope"] > found["accuracy"]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40))
def test_auroc_counts_pairs(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in rows], float)
    positive = np.array([flag for _, flag in rows], bool)
    pairs = [
        (one > other) + 0.5 * (one == other)
        for one, is_one in rows if is_one
        for other, is_other in rows if not is_other
    ]  # fmt: skip
    expected = float(np.mean(pairs)) if pairs else None
    assert auroc(scores, positive) == (None if expected is None else pytest.approx(expected))
