"""Replay one log with the packages that are on the path, whichever checkout they are of.

What it writes is one .npz: of each scored event its id, the number of its user and its rank
(0: a miss), and as JSON which model and prior weights made them. benchmarks/paired_ranks.py runs
it in a process of its own, with the path of one checkout or another.

    python -P benchmarks/replay_ranks.py EVENTS OUT [--items ITEMS] [--limit N]
        [--vectors FILE] [--set learner.repeats=on ...]
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

KEPT_TEXTS = 60_000
NO_SETTING = "none (no such setting)"


def read_setting(text: str) -> tuple[str, object]:
    """Return name and value of `section.name=value`; what is no JSON is a word."""
    name, is_given, value = text.partition("=")
    if not is_given or "." not in name:
        raise argparse.ArgumentTypeError(f"{text!r}: give section.name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _prior(setting: str | None, fingerprint: str | None) -> str:
    """Say which prior weights a ranking began with."""
    if setting is None:
        return NO_SETTING
    return f"{setting} ({fingerprint})" if fingerprint else f"{setting} (from chance)"


def replay_ranks(given: argparse.Namespace) -> None:
    """Replay with no warm-up, so that the first events of a log are scored too."""
    import numpy as np

    from dataflows.config.config import load_config
    from dataflows.evaluation.replay import ReplaySettings, replay
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder

    config = load_config(None, dict(given.set), {})
    cached = CachedEncoder(load_encoder(config.encoder.name), KEPT_TEXTS, given.vectors)
    settings = ReplaySettings(limit=given.limit, against=(), warmup=0.0)
    done = replay(config, given.events, given.items, settings, cached)
    versions = done.report["versions"]
    made_by = {
        **versions,
        "prior": _prior(getattr(config.learner, "prior", None), versions.get("prior")),
        "repeats": config.learner.repeats,
    }
    np.savez_compressed(
        given.out,
        ids=np.array(done.scored.event_ids),
        users=done.scored.column("user"),
        ranks=done.scored.column("tie_safe"),
        made_by=json.dumps(made_by),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--set", type=read_setting, action="append", default=[])
    logging.disable(logging.WARNING)  # drift is told in a report, not here
    replay_ranks(parser.parse_args())


if __name__ == "__main__":
    main()
