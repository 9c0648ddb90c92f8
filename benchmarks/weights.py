"""What weights of event types give: the same log replayed without them and with them, paired.

By default on simulated marketplaces (benchmarks/marketplace.py), where a purchase tells ten times
as much of taste as a view does; or on a log of one's own.

    python -m benchmarks.weights [--seeds 2] [--events 20000] [--weights '{"buy": 10}']
    python -m benchmarks.weights --log events.jsonl --items items.jsonl --weights '{"like": 3}'

Printed are HR@10 and NDCG@10 without and with, over each type of event and over all, the mean of
the differences and its 95 % interval by a bootstrap over users, of each log and of all together.
"heaviest" is the type of the largest weight: what the lists are for. The exit status is 1 where its
HR@10 does not gain for certain over all logs (the interval holds 0).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.marketplace import Marketplace
from dataflows.config.config import load_config
from dataflows.evaluation.metrics.bootstrap import bootstrap
from dataflows.evaluation.metrics.rank_metrics import gains
from dataflows.evaluation.replay import ReplaySettings, replay

WARMUP = 0.1
ALL = "all"


def ranked(log, items, weights, encoder, events):
    """Replay a log; return the ids of the scored events, their users and what each earns."""
    config = load_config(None, {"encoder.name": encoder, "clean.weights": weights}, {})
    settings = ReplaySettings(warmup=WARMUP, limit=events, against=())
    scored = replay(config, log, items, settings).scored
    return scored.event_ids, scored.column("user"), gains(scored.column("tie_safe"), 10)[:, :2]


def compared(log, items, weights, encoder, events):
    """Return users, types and what events earn (n, 4), without weights and with them.

    Of events that both have scored: a type of weight 0 or below is not.
    """
    without = ranked(log, items, {}, encoder, events)
    having = ranked(log, items, weights, encoder, events)
    _, mine, theirs = np.intersect1d(without[0], having[0], return_indices=True)
    with log.open(encoding="utf-8") as file:
        types = {str(event["event_id"]): event["type"] for event in map(json.loads, file)}
    kinds = np.array([types[without[0][place]] for place in mine])
    return without[1][mine], kinds, np.hstack((without[2][mine], having[2][theirs]))


def told(name, users, kinds, earned):
    """Print the figures of each type; return the lower bound of HR@10's gain by type."""
    least = {}
    for kind in [*sorted(set(kinds)), ALL]:
        of = np.ones(len(kinds), bool) if kind == ALL else kinds == kind
        apart = earned[of, 2:] - earned[of, :2]
        bounds = bootstrap(apart, users[of])
        least[kind] = bounds[0, 0]
        figures = [
            f"{label} {before:.4f} -> {after:.4f} {gain:+.4f} [{low:+.4f}, {high:+.4f}]"
            for label, before, after, gain, (low, high) in zip(
                ("HR@10", "NDCG@10"),
                earned[of, :2].mean(axis=0),
                earned[of, 2:].mean(axis=0),
                apart.mean(axis=0),
                bounds,
                strict=True,
            )
        ]
        print(f"{name:14s} {kind:10s} {of.sum():6d}  {'  '.join(figures)}", flush=True)
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--weights", type=json.loads, default={"buy": 10})
    parser.add_argument("--log", type=Path)
    parser.add_argument("--items", type=Path)
    parser.add_argument("--encoder", default="hashing")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    parts = []
    with tempfile.TemporaryDirectory() as held:
        logs = {} if asked.log is None else {asked.log.stem: (asked.log, asked.items)}
        for seed in range(0 if logs else asked.seeds):
            folder = Path(held) / str(seed)
            folder.mkdir()
            logs[f"marketplace {seed}"] = Marketplace(seed).write(folder, asked.events)
        for name, (log, items) in logs.items():
            users, kinds, earned = compared(log, items, asked.weights, asked.encoder, asked.events)
            told(name, users, kinds, earned)
            first = max((part[0].max() + 1 for part in parts), default=0)
            parts.append((users + first, kinds, earned))
    users, kinds, earned = (np.concatenate(each) for each in zip(*parts, strict=True))
    least = told("together", users, kinds, earned) if len(parts) > 1 else told("", *parts[0])
    heaviest = max(asked.weights, key=asked.weights.__getitem__)
    return int(not least.get(heaviest, 0.0) > 0.0)


if __name__ == "__main__":
    sys.exit(main())
