"""What items named by a language model give the lists: one log, replayed with and without.

python -m benchmarks.generated LOG ITEMS [--limit N] [--warmup SHARE] [--adapter FOLDER]

Both replays are equal but for the named items; their ranks of the same events are compared,
paired, whole users drawn anew for the interval. What was named is told by itself too: how
often the next item was among it, beside its place in a list of the same length.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import msgspec
import numpy as np

from dataflows.config.config import load_config
from dataflows.evaluation.metrics.bootstrap import bootstrap
from dataflows.evaluation.metrics.rank_metrics import gains
from dataflows.evaluation.replay import ReplaySettings, replay
from dataflows.generation.item_generator import NamedItems
from dataflows.generation.responder import LlmResponder
from encoders.llm.load import load_language_model


class Silent:
    """Names nothing, and notes who was asked about: what is asked depends on events alone."""

    def __init__(self):
        self.records, self.wishes = {}, {}

    def put_item(self, record):
        self.records[record.item_id] = record

    def remove_item(self, item_id):
        del self.records[item_id]

    def answer(self, kind, what, is_live):  # noqa: ARG002 - there is one kind here
        self.wishes |= {key_of(wish): wish for wish in what}
        return [None] * len(what)


class Reader(Silent):
    """Gives the answers that were made before."""

    def __init__(self, answers, version):
        super().__init__()
        self.answers, self.version = answers, version

    def answer(self, kind, what, is_live):  # noqa: ARG002 - there is one kind here
        return [
            None
            if key_of(wish) not in self.answers
            else NamedItems(
                wish.user_id,
                *self.answers[key_of(wish)],
                (wish.taken.length, wish.taken.ts),
                self.version,
            )
            for wish in what
        ]


def key_of(wish):
    return f"{wish.user_id} {wish.taken.length}"


def answered(responder, wishes, path):
    """Answer all wishes in batches; answers are kept in a file, and read from it again."""
    answers = {}
    if path.exists():
        for line in path.read_text().splitlines():
            key, item_ids, lifts = json.loads(line)
            answers[key] = item_ids, lifts
    missing = [wish for key, wish in wishes.items() if key not in answers]
    started = time.process_time()
    for start in range(0, len(missing), 16):
        with path.open("a") as file:
            for one in responder.answer("names", missing[start : start + 16], None):
                key = f"{one.user_id} {one.asked[0]}"
                answers[key] = one.item_ids, one.lifts
                print(json.dumps([key, one.item_ids, one.lifts]), file=file)
    spent = time.process_time() - started
    return {key: answers[key] for key in wishes}, spent / max(1, len(missing))


def hits(log, answers):
    """Return how often the user's next item, or one of the next ten, was named."""
    taken = {}
    with log.open() as file:
        for event in map(json.loads, file):
            taken.setdefault(str(event["user_id"]), []).append(str(event["item_id"]))
    found = []
    for key, (item_ids, _) in answers.items():
        user, length = key.rsplit(" ", 1)
        after = taken[user][int(length) : int(length) + 10]
        if after:
            found.append((after[0] in item_ids, bool(set(after) & set(item_ids))))
    return dict(zip(("next", "next ten"), np.mean(found, axis=0).tolist(), strict=True))


def compare(without, having, k):
    """Return the paired differences of two replays over the same events."""
    users = without.scored.column("user")
    earned = [gains(each.scored.column("tie_safe"), k) for each in (without, having)]
    ranks = [each.scored.column("tie_safe").astype(float) for each in (without, having)]
    worst = without.scored.column("candidates") + 1
    logs = [-np.log2(np.where(rank > 0, rank, worst)) for rank in ranks]
    columns = {
        f"hr@{k}": (earned[0][:, 0], earned[1][:, 0]),
        "mrr": (earned[0][:, -1], earned[1][:, -1]),
        "-log2(rank)": (logs[0], logs[1]),
    }
    apart = np.stack([after - before for before, after in columns.values()], axis=1)
    limits = bootstrap(apart, users)
    return {
        name: {
            "without": float(before.mean()),
            "with": float(after.mean()),
            "gain": float((after - before).mean()),
            "low": float(low),
            "high": float(high),
        }
        for (name, (before, after)), (low, high) in zip(columns.items(), limits, strict=True)
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("items", type=Path)
    parser.add_argument("--limit", type=int, default=24_000)
    parser.add_argument("--warmup", type=float, default=5 / 6)
    parser.add_argument("--begin", type=int, default=1_400, help="requests that are not answered")
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--encoder", default="packaged")
    parser.add_argument("--model", default="packaged")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--answers", type=Path, default=Path(".cache/generated.jsonl"))
    asked = parser.parse_args()
    config = load_config(None, {"encoder.name": asked.encoder, "generate.every": asked.every})
    model = load_language_model(asked.model, adapter=asked.adapter)
    settings = ReplaySettings(warmup=asked.warmup, limit=asked.limit, against=())
    silent = Silent()
    generate = msgspec.structs.replace(settings, generate=True)

    def run(responder, seed):
        learner = msgspec.structs.replace(config.learner, seed=seed)
        seeded = msgspec.structs.replace(config, learner=learner)
        return replay(seeded, asked.log, asked.items, generate, responder=responder)

    placebos = [run(silent, seed) for seed in range(asked.seeds)]
    responder = LlmResponder(model, msgspec.structs.replace(config.generate, candidates=True))
    for record in silent.records.values():
        responder.put_item(record)
    wishes = dict(list(silent.wishes.items())[asked.begin :])
    answers, seconds = answered(responder, wishes, asked.answers)
    having = [run(Reader(answers, model.version), seed) for seed in range(asked.seeds)]
    named = {item_id for item_ids, _ in answers.values() for item_id in item_ids}
    figures = {
        "model": model.version,
        "events": asked.limit,
        "scored": len(placebos[0].scored),
        "asked": len(wishes),
        "items named": len(named),
        "named": hits(asked.log, answers),
        "cpu seconds a user": seconds,
        "lists": [compare(*pair, config.learner.k) for pair in zip(placebos, having, strict=True)],
        "weights": [each.report["contributions"]["mean"].get("generated") for each in having],
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
