"""How often the teacher's label is the true one: sentences of two public sets, a seeded sample.

python -m benchmarks.teacher [--sets banking77,clinc150] [--sample N] [--adapter FOLDER]

All labels of a set are the choice, and none of its sentences was learnt from. Told too: how
many labels pass the margin that is asked for, and how many of those are true.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.intent_data import DATA, is_there
from dataflows.datasets.convert import convert
from dataflows.generation.labeller import LabelQuestion, Teacher
from encoders.llm.load import load_language_model
from encoders.text import render_event

OUTSIDE = "out_of_scope"
MARGINS = (0.0, 0.1, 0.2, 0.5, 0.8)
BATCH = 16


def sentences(name):
    """Read a set as `penchant convert` does, without what is outside of all its labels."""
    with tempfile.TemporaryDirectory() as folder:
        convert(name, DATA / name, Path(folder))
        with (Path(folder) / "events.jsonl").open(encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
    return [event for event in events if event["intent"] != OUTSIDE]


def agreement(model, events, sample, seed=0):
    """Return how often the teacher agrees with the labels of a seeded sample of events."""
    labels = tuple(sorted({event["intent"] for event in events}))
    rows = np.random.default_rng(seed).permutation(len(events))[:sample]
    questions = [
        LabelQuestion(
            "u", str(row), render_event(events[row]["type"], None, events[row]["text"]), labels
        )
        for row in rows
    ]
    teacher, lessons, started = Teacher(), [], time.process_time()
    for start in range(0, len(questions), BATCH):
        lessons += teacher.tell(model, questions[start : start + BATCH])
    seconds = time.process_time() - started
    right = np.array(
        [lesson.label == events[row]["intent"] for lesson, row in zip(lessons, rows, strict=True)]
    )
    margins = np.array([lesson.margin for lesson in lessons])
    return {
        "labels": len(labels),
        "sample": len(rows),
        "agreement": float(right.mean()),
        "standard error": float((right.mean() * (1 - right.mean()) / len(right)) ** 0.5),
        "chance": 1 / len(labels),
        "by margin": {
            str(margin): {
                "told": float((margins >= margin).mean()),
                "right": float(right[margins >= margin].mean())
                if (margins >= margin).any()
                else None,
            }
            for margin in MARGINS
        },
        "cpu seconds an event": seconds / len(rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="banking77,clinc150")
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--model", default="packaged")
    parser.add_argument("--adapter", type=Path)
    asked = parser.parse_args()
    model = load_language_model(asked.model, adapter=asked.adapter)
    found = {
        name: agreement(model, sentences(name), asked.sample)
        for name in asked.sets.split(",")
        if is_there(name)
    }
    print(json.dumps({"model": model.version, **found}, indent=1))


if __name__ == "__main__":
    main()
