"""Labelled sentences as vectors, for the benchmark of intent: read, encoded once, shuffled."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

DATA = Path(os.environ.get("PENCHANT_INTENTS") or "../shared/data/intents")
CACHE = Path(".cache/intent-vectors.sqlite")
FORMATS = {"banking77": "packaged", "clinc150": "packaged", "cais-zh": "multilingual"}


@dataclass
class Sentences:
    """Vectors (n, dim) float32, labels and splits (n,) as text."""

    vectors: np.ndarray
    labels: np.ndarray
    splits: np.ndarray

    def pick(self, splits, seed=None):
        """Return those of some splits, in a seeded random order where a seed is given."""
        rows = np.flatnonzero(np.isin(self.splits, splits))
        if seed is not None:
            rows = np.random.default_rng(seed).permutation(rows)
        return Sentences(self.vectors[rows], self.labels[rows], self.splits[rows])

    def __len__(self):
        return len(self.labels)


def is_there(name):
    """Tell whether a data set lies where it is looked for."""
    return (DATA / name).is_dir()


@cache
def read(name):
    """Read a data set as `penchant convert` does, and encode its texts once for all runs."""
    from dataflows.datasets.convert import convert
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder

    with tempfile.TemporaryDirectory() as folder:
        convert(name, DATA / name, Path(folder))
        with (Path(folder) / "events.jsonl").open(encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
    texts = [event["text"] for event in events]
    by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    encoder = load_encoder(FORMATS[name])
    vectors = np.empty((len(texts), encoder.dim), np.float32)
    with closing(CachedEncoder(encoder, 1024, CACHE, disk_capacity=200_000)) as cached:
        for start in range(0, len(texts), 256):
            rows = by_length[start : start + 256]
            vectors[rows] = cached.encode([texts[row] for row in rows])
    labels = np.array([event["intent"] for event in events])
    return Sentences(vectors, labels, np.array([event["context"]["split"] for event in events]))
