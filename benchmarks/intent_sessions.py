"""The goal of a session: wikispeedia's players click from page to page towards a target.

The top category of the target is predicted at every click, and learnt when the session ends,
by the code that runs live: a label of the session, joined to the clicks that wait for it. The
search that names the target is left out.
Held against it, over the same clicks and learnt at the same moments: the share of each
category among the targets so far (most frequent), and the targets' shares after a last click
in that category (last category), shrunk towards the former by as many counts as serve best.
The last click is judged in sessions of two clicks or more, as is the first.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.intent_data import CACHE, DATA

FOLDER = DATA.parent / "wikispeedia"
SHRINK = (2.0, 10.0, 50.0)
WARM_UP = 0.1


def rows(seed):  # noqa: ARG001 - the log has an order of its own
    """Return the rows of the table; each is data, what, goal, value, met, and its numbers."""
    events, pages = log()
    figures = judged(events, pages)
    ours, first, last = (figures["belief"][part] for part in ("all", "first", "last"))
    frequent = figures["most frequent"]["all"]
    names = [name for name in figures if name.startswith("last category")]
    best = min((figures[name]["all"] for name in names), key=lambda pair: pair[1])
    top = max(figures[name]["all"][0] for name in names)
    yield made(
        "goal of the session, every click", "accuracy ahead of most frequent and last category",
        f"{ours[0]:.4f}, most frequent {frequent[0]:.4f}, last category {top:.4f}",
        ours[0] > max(frequent[0], top), figures,
    )  # fmt: skip
    yield made(
        "goal of the session, every click", "log loss ahead of most frequent and last category",
        f"{ours[1]:.4f}, most frequent {frequent[1]:.4f}, last category {best[1]:.4f}",
        ours[1] < min(frequent[1], best[1]), figures,
    )  # fmt: skip
    yield made(
        "goal of the session, last click against first", "better at the last",
        f"accuracy {last[0]:.4f} against {first[0]:.4f}, log loss {last[1]:.4f} against "
        f"{first[1]:.4f}", last[0] > first[0] and last[1] < first[1], figures,
    )  # fmt: skip


def made(what, goal, value, met, figures):
    return {"data": "wikispeedia", "what": what, "goal": goal, "value": value, "met": met,
            "figures": figures}  # fmt: skip


def log():
    """Return the events in order of time, and page -> (vector, top category or None)."""
    from dataflows.datasets.convert import convert
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder
    from encoders.text import render_event

    with tempfile.TemporaryDirectory() as folder:
        convert("wikispeedia", FOLDER, Path(folder))
        events, items = (
            [json.loads(line) for line in (Path(folder) / f"{name}.jsonl").open(encoding="utf-8")]
            for name in ("events", "items")
        )
    texts = [render_event("click", item["title"], None) for item in items]
    encoder = load_encoder("packaged")
    with closing(CachedEncoder(encoder, 1024, CACHE, disk_capacity=200_000)) as cached:
        blocks = [cached.encode(texts[start : start + 256]) for start in range(0, len(texts), 256)]
    vectors = np.concatenate(blocks)
    tops = [next(iter(item.get("categories", ())), None) for item in items]
    pages = {
        item["item_id"]: (vector, top)
        for item, vector, top in zip(items, vectors, tops, strict=True)
    }
    return [event for event in events if event["type"] != "search"], pages


def judged(events, pages):
    """Play the log; return method -> part -> (accuracy, log loss) after the warm-up."""
    from learners.intent.event_buffer import LateLabel
    from learners.intent.record import IntentRecord
    from learners.intent.tracker import IntentTracker
    from learners.settings import LearnerSettings
    from learners.types import Interaction

    tracker = IntentTracker(384, LearnerSettings(dim=384, intent_next=0.0))
    users, guesses, scores = defaultdict(IntentRecord), defaultdict(list), defaultdict(list)
    targets, after = Counter(), defaultdict(Counter)
    for place, event in enumerate(events):
        vector, top = pages[event["item_id"]]
        user_id, session = event["user_id"], event["session_id"]
        click = Interaction(
            place, event["event_id"], user_id, event["item_id"], event["type"], event["ts"],
            vector=vector, session_id=session,
        )  # fmt: skip
        thought = tracker.predict_intent(users[user_id], click)
        labels = list(thought.labels)
        guesses[session].append(
            {"belief": (labels, thought.belief), "single click": (labels, thought.posterior)}
            | guessed(targets, after[top])
        )
        tracker.learn(click, users[user_id], None)
        target = event.get("intent")
        if target is None:
            continue
        if place >= WARM_UP * len(events):
            judge(guesses.pop(session), target, scores)
        tracker.label(LateLabel(user_id, target, session_id=session))
        targets[target] += 1
        after[top][target] += 1
    found = defaultdict(dict)
    for (method, part), pairs in scores.items():
        found[method][part] = tuple(np.mean(pairs, axis=0).tolist())
    return dict(found)


def guessed(targets, after):
    """Return what the references think, from the targets so far."""
    labels = list(targets)
    counts = np.array([targets[label] for label in labels], float) + 1.0
    frequent = counts / counts.sum() if labels else counts
    here = np.array([after[label] for label in labels], float)
    found = {"most frequent": (labels, frequent)}
    for shrink in SHRINK:
        mixed = here + shrink * frequent
        found[f"last category {shrink:g}"] = (labels, mixed / mixed.sum() if labels else mixed)
    return found


def judge(clicks, target, scores):
    for number, methods in enumerate(clicks):
        parts = ["all"]
        if len(clicks) > 1:
            parts += ["first"] * (number == 0) + ["last"] * (number == len(clicks) - 1)
        for method, (labels, shares) in methods.items():
            if target in labels:
                place = labels.index(target)
                pair = (float(shares.argmax() == place), -math.log(max(shares[place], 1e-15)))
            else:
                pair = (0.0, math.log(len(labels) + 1))
            for part in parts:
                scores[method, part].append(pair)


if __name__ == "__main__":
    for row in rows(0):
        print(
            f"{row['what']}: {row['goal']}: {'met' if row['met'] else 'MISSED'}\n  {row['value']}"
        )
    for method, parts in row["figures"].items():
        text = "  ".join(f"{part} {a:.4f} {b:.4f}" for part, (a, b) in parts.items())
        print(f"  {method:<18} accuracy, log loss: {text}")
