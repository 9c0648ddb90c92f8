"""What a compressed encoder weighs, how fast it is, what it keeps: for docs/how-to/models.md.

    python -m benchmarks.compression [FOLDER]

compresses a sentence-transformers folder (default: the packaged MiniLM) to int8 and to static
tables, and measures each against it, on one thread:

* size of the folder's weights; texts a CPU second, short ones (sentences of banking77, about
  12 tokens) and long ones (five of them together, about 60), the best of five parts; the CPU
  time of one short text alone, median and 99th percentile of 500;
* neighbours kept: of the ten titles of ml-100k nearest to each title, the share that are the
  same; and the same over the sentences of banking77's test set;
* banking77 probe: a logistic regression over the vectors of the train split, accuracy on test.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.intent_data import DATA

ML100K = Path(".cache/ml-100k/ml-100k.item")
STATIC_SIZES = (384, 256)
ONE_BY_ONE = 500
ROUNDS = 5


def main():
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    texts, labels, tests = read_banking()
    titles = read_titles()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        whole = None
        for name, encoder, size in forms(source, Path(folder)):
            figures = measure(encoder, texts, labels, tests, titles, whole)
            whole = whole or figures
            figures |= {"form": name, "megabytes": size, "dim": encoder.dim}
            rows.append({key: value for key, value in figures.items() if not key.startswith("_")})
            print(json.dumps(rows[-1]), flush=True)
    print_table(rows)


def forms(source, folder):
    """Return (name, encoder, size of its weights in MB) of the source and what is made of it."""
    from encoders.backends.minilm import packaged_folder
    from encoders.backends.sentence import SentenceEncoder
    from encoders.compression.int8 import compress_int8
    from encoders.compression.static import distil_static

    source = source or packaged_folder()
    yield "as it is", SentenceEncoder.from_folder(source), weigh(source / "model.safetensors")
    began = time.process_time()
    made = compress_int8(source, folder / "int8")
    print(f"int8: made in {time.process_time() - began:.0f} CPU s", flush=True)
    yield "int8", made, weigh(folder / "int8" / "model.onnx")
    for dim in STATIC_SIZES:
        began = time.process_time()
        made = distil_static(folder / f"static-{dim}", source, dim)
        print(f"static {dim}: made in {time.process_time() - began:.0f} CPU s", flush=True)
        yield f"static, {dim}", made, weigh(folder / f"static-{dim}" / "model.safetensors")


def weigh(path):
    return path.stat().st_size / 1e6


def read_banking():
    """Return sentences, labels and whether each is of the test split."""
    from dataflows.datasets.convert import convert

    with tempfile.TemporaryDirectory() as folder:
        convert("banking77", DATA / "banking77", Path(folder))
        lines = (Path(folder) / "events.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    _, labels = np.unique([event["intent"] for event in events], return_inverse=True)
    tests = np.array([event["context"]["split"] == "test" for event in events])
    return [event["text"] for event in events], labels, tests


def read_titles():
    """Return the titles of ml-100k, each once."""
    rows = [line.split("\t") for line in ML100K.read_text("utf-8").splitlines()]
    place = next(n for n, name in enumerate(rows[0]) if name.startswith("movie_title"))
    return list(dict.fromkeys(row[place] for row in rows[1:]))


def measure(encoder, texts, labels, tests, titles, whole):
    """Measure one encoder; `whole` has the figures of the one it came from, None for itself."""
    short = [text for text, is_test in zip(texts, tests, strict=True) if is_test][:1000]
    long = [" ".join(short[n : n + 5]) for n in range(0, 1000, 5)]
    encoder.encode(short[:32])
    figures = {"short_per_second": rate(encoder, short), "long_per_second": rate(encoder, long)}
    figures["alone_p50_ms"], figures["alone_p99_ms"] = alone(encoder, short[:ONE_BY_ONE])
    vectors = encoder.encode(texts)
    named = encoder.encode(titles)
    figures["_titles"], figures["_sentences"] = nearest(named), nearest(vectors[tests])
    whole = whole or figures
    figures["titles_kept"] = kept(whole["_titles"], figures["_titles"])
    figures["sentences_kept"] = kept(whole["_sentences"], figures["_sentences"])
    figures["probe"] = probe(vectors, labels, tests)
    return figures


def rate(encoder, texts):
    """Return texts a CPU second, of the best of several parts: others may use the machine."""
    size = len(texts) // ROUNDS
    best = 0.0
    for start in range(0, len(texts), size):
        part = texts[start : start + size]
        began = time.process_time()
        encoder.encode(part)
        best = max(best, len(part) / (time.process_time() - began))
    return best


def alone(encoder, texts):
    took = []
    for text in texts:
        began = time.thread_time()
        encoder.encode([text])
        took.append(1000 * (time.thread_time() - began))
    return float(np.percentile(took, 50)), float(np.percentile(took, 99))


def nearest(vectors, count=10):
    """Return the rows of the `count` nearest others of each row."""
    close = vectors @ vectors.T
    np.fill_diagonal(close, -np.inf)
    return np.argsort(-close, axis=1)[:, :count]


def kept(some, others):
    shares = [len(set(a) & set(b)) / len(a) for a, b in zip(some, others, strict=True)]
    return float(np.mean(shares))


def probe(vectors, labels, tests):
    """Fit a softmax regression with a little L2, full batch; return the accuracy on test."""
    import torch

    torch.manual_seed(0)
    x, y = torch.from_numpy(vectors[~tests]), torch.from_numpy(labels[~tests])
    layer = torch.nn.Linear(x.shape[1], int(labels.max()) + 1)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        # C = 10 in the terms of scikit-learn.
        penalty = layer.weight.square().sum() / (2 * 10 * len(y))
        value = torch.nn.functional.cross_entropy(layer(x), y) + penalty
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        found = layer(torch.from_numpy(vectors[tests])).argmax(1).numpy()
    return float((found == labels[tests]).mean())


def print_table(rows):
    print(
        "\n| form | numbers | MB | texts/s short / long | one text p50 / p99 CPU ms "
        "| top-10 kept titles / sentences | banking77 probe |\n|---|---|---|---|---|---|---|"
    )
    for row in rows:
        print(
            f"| {row['form']} | {row['dim']} | {row['megabytes']:.1f} "
            f"| {row['short_per_second']:,.0f} / {row['long_per_second']:,.0f} "
            f"| {row['alone_p50_ms']:.2f} / {row['alone_p99_ms']:.2f} "
            f"| {row['titles_kept']:.3f} / {row['sentences_kept']:.3f} | {row['probe']:.4f} |"
        )


if __name__ == "__main__":
    main()
