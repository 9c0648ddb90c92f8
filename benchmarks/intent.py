"""Intent: how accurate one pass is, how few examples it takes, how fast it is, what it notices.

Prequential: one pass in a seeded random order, predict, then learn. Every row has its goal
beside it. "Full batch" is a logistic regression (scikit-learn) on the same vectors with the
best of four strengths of regularisation; over a stream's last fifth it is fitted anew
every 500 events on all that came before. Our learner has one set of defaults for all rows.

The sentences lie in ../shared/data/intents (or PENCHANT_INTENTS); their vectors are kept in
.cache, so that only the first run encodes them (three minutes of one core).

    python -m benchmarks.intent [--seed 0] [--rows NAME ...] [--json OUT]
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from benchmarks.intent_data import is_there, read
from benchmarks.intent_judges import (
    batch_on_past,
    batch_on_test,
    first_of_each,
    part,
    play,
    play_river,
    score,
)
from benchmarks.intent_sessions import rows as goals_of_sessions

OUTSIDE = "out_of_scope"


def learner():
    from learners.classifiers.mixture import MixtureLearner

    return MixtureLearner(384)


def row(data, what, goal, value, met, **figures):
    """Make one row of the table; `figures` are the numbers behind it."""
    return {"data": data, "what": what, "goal": goal, "value": value, "met": met, **figures}


def against(data, what, ours, batch, points):
    """Compare with full batch: `points` is how many points below it are allowed."""
    goal = f"at most {points} points below full batch"
    value = f"{ours:.4f}, full batch {batch:.4f}"
    return row(data, what, goal, value, bool(ours >= batch - points / 100), ours=ours, batch=batch)


def accuracy(name, seed, points, train, test):
    """One pass over the train stream, against full batch, in and after the stream."""
    sentences = read(name)
    stream, held = sentences.pick(train, seed), sentences.pick(test)
    ours = learner()
    hits, _ = play(ours, stream)
    of, of_test = stream.labels != OUTSIDE, held.labels != OUTSIDE
    last = slice(len(stream) - len(stream) // 5, None)
    yield against(
        name, "last fifth of the stream", float(hits[last][of[last]].mean()),
        batch_on_past(stream, of), points,
    )  # fmt: skip
    yield against(
        name, "test split", float(score(ours, held)[of_test].mean()),
        batch_on_test(stream, held, of_test), points,
    )  # fmt: skip
    if not of_test.all():
        new = np.array([ours.out_of_scope(x) for x in held.vectors])
        yield out_of_scope(name, "out of scope, test split", new, held)


def out_of_scope(data, what, new, questions):
    from dataflows.evaluation.judging.intent import auroc

    found = auroc(new, questions.labels == OUTSIDE)
    return row(data, what, "AUROC at least 0.93", f"{found:.4f}", found >= 0.93, auroc=found)


def banking77(seed):
    return accuracy("banking77", seed, 2, ["train"], ["test"])


def clinc150(seed):
    yield from accuracy("clinc150", seed, 2, ["train", "oos_train"], ["test", "oos_test"])
    everything = read("clinc150")
    everything = everything.pick(sorted(set(everything.splits)), seed)
    _, new = play(learner(), everything, novelty=True)
    yield out_of_scope("clinc150", "out of scope, all splits in one stream", new, everything)


def cais_zh(seed):
    return accuracy("cais-zh", seed, 3, ["train"], ["test"])


def first_ten(seed):
    """The first ten examples of each label alone, as a stream, against River's."""
    from river import linear_model, naive_bayes, optim

    stream = first_of_each(read("banking77").pick(["train"], seed), 10)
    ours = float(play(learner(), stream)[0].mean())
    softmax = max(
        float(play_river(linear_model.SoftmaxRegression(optim.SGD(rate)), stream).mean())
        for rate in (5.0, 10.0)
    )
    bayes = float(play_river(naive_bayes.GaussianNB(), stream).mean())
    ahead = 100 * (ours - max(softmax, bayes))
    yield row(
        "banking77", "first 10 of each label", "10 points ahead of River's",
        f"{ours:.4f}, River's softmax {softmax:.4f}, Gaussian NB {bayes:.4f}", ahead >= 10,
        ours=ours, softmax=softmax, bayes=bayes,
    )  # fmt: skip


def speed(seed):
    """Events a CPU second, learn and predict; the plain softmax beside River's, same maths."""
    from river import linear_model, optim

    from learners.classifiers.softmax import IntentLearner, IntentSettings

    stream = read("banking77").pick(["train"], seed)
    theirs = linear_model.SoftmaxRegression(optim.SGD(1.0))
    same = {"optimizer": "sgd", "rate": 1.0, "half_life": None, "bias": False}
    ours = IntentLearner(384, IntentSettings(**same))
    exact = IntentLearner(384, IntentSettings(**same, dtype="float64"))
    warm = first_of_each(stream, 1)
    for model in (ours, exact):
        play(model, warm)
    play_river(theirs, warm)
    few, many = part(stream, 0, 60), part(stream, 0, 3_000)
    river = cpu_seconds(lambda: play_river(theirs, few)) / len(few)
    play(exact, few)
    probe = dict(enumerate(stream.vectors[100].tolist()))
    expected = theirs.predict_proba_one(probe)
    apart = max(
        abs(share - expected[label])
        for label, share in exact.distribution(stream.vectors[100]).items()
    )
    plain = min(cpu_seconds(lambda: play(ours, many)) / len(many) for _ in range(3))
    yield row(
        "banking77", "plain SGD softmax, 384-d, 77 labels", "100 times River's, same maths",
        f"{1e6 * plain:.0f} us an event, River's {1e6 * river:,.0f}: {river / plain:.0f} times; "
        f"float64 differs by {apart:.0e}", river / plain >= 100 and apart < 1e-6,
        ours=plain, river=river, apart=apart,
    )  # fmt: skip
    mixture = learner()
    play(mixture, part(stream, 3_000, 6_000))
    blocks = [part(stream, begin, begin + 500) for begin in range(6_000, 10_000, 500)]
    taken = min(cpu_seconds(lambda block=block: play(mixture, block)) / 500 for block in blocks)
    yield row(
        "banking77", "default learner, 384-d, 77 labels", "at least 5,000 events/s",
        f"{1 / taken:,.0f} events/s of CPU", 1 / taken >= 5_000, events_per_cpu_second=1 / taken,
    )  # fmt: skip


def cpu_seconds(work):
    started = time.process_time()
    work()
    return time.process_time() - started


def swap(seed):
    """Two labels exchange meaning half way: when is accuracy back, when was there an alarm."""
    train = read("banking77").pick(["train"], seed)
    for count, turns in ((10, 5), (77, 1)):
        found = [swapped_once(train, count, seed + turn) for turn in range(turns)]
        worst = min(after - before for before, after, *_ in found)
        alarms, false = [one[2] for one in found], sum(one[3] for one in found)
        both = np.concatenate([one[4] for one in found]).mean()
        both_before = np.concatenate([one[5] for one in found]).mean()
        yield row(
            "banking77", f"two of {count} labels swapped ({turns} times)",
            "within 5 points inside 500 events, alarm",
            f"events 400 to 500 after: {100 * worst:+.1f} points at worst, the two labels alone "
            f"{both_before:.3f} before and {both:.3f} then; first alarm after "
            f"{', '.join(map(str, alarms))} events, {false} false ones before",
            bool(worst >= -0.05 and min(alarms) >= 0 and max(alarms) < 500), worst=float(worst),
            alarms=alarms, false=false, both_before=float(both_before), both=float(both),
        )  # fmt: skip


def swapped_once(train, count, seed):
    """Accuracy before and after, the first alarm, false ones, hits of the two after and before."""
    names, sizes = np.unique(train.labels, return_counts=True)
    chosen = np.random.default_rng(seed).choice(names, count, replace=False)
    rows = np.flatnonzero(np.isin(train.labels, chosen))
    stream = type(train)(train.vectors[rows], train.labels[rows], train.splits[rows])
    both = sorted(chosen, key=lambda name: -sizes[names == name][0])[:2]
    cut = len(stream) // 2
    ours = learner()
    hits, _ = play(ours, exchanged(stream, *both, cut))
    of_two = np.isin(stream.labels, both)
    before, after = slice(cut - 500, cut), slice(cut + 400, cut + 500)
    since = [alarm.position - cut for alarm in ours.alarms]
    return (
        hits[before].mean(), hits[after].mean(),
        min((place for place in since if place >= 0), default=-1),
        sum(place < 0 for place in since),
        hits[after][of_two[after]], hits[before][of_two[before]],
    )  # fmt: skip


def exchanged(stream, one, other, cut):
    """Let two labels exchange their names from event `cut` on."""
    labels = stream.labels.copy()
    late = np.arange(len(labels)) >= cut
    labels[late & (stream.labels == one)] = other
    labels[late & (stream.labels == other)] = one
    return type(stream)(stream.vectors, labels, stream.splits)


ROWS = {
    "banking77": (banking77, ["banking77"]),
    "clinc150": (clinc150, ["clinc150"]),
    "cais-zh": (cais_zh, ["cais-zh"]),
    "wikispeedia": (goals_of_sessions, ["../wikispeedia"]),
    "first-ten": (first_ten, ["banking77"]),
    "speed": (speed, ["banking77"]),
    "swap": (swap, ["banking77"]),
}


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--seed", type=int, default=0, help="of the order of the stream")
    options.add_argument("--rows", nargs="+", choices=ROWS, default=[*ROWS])
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    print(f"Python {platform.python_version()}, one thread, seed {given.seed}\n")
    found = []
    for name in given.rows:
        work, needed = ROWS[name]
        if not all(map(is_there, needed)):
            print(f"{name}: left out, {', '.join(needed)} is not there")
            continue
        for made in work(given.seed):
            found.append(made)
            verdict = "met" if made["met"] else "MISSED"
            print(f"{made['data']:<10} {made['what']}\n{'':11}goal: {made['goal']}: {verdict}")
            print(f"{'':11}{made['value']}", flush=True)
    missed = sum(not made["met"] for made in found)
    print(f"\n{len(found) - missed} of {len(found)} goals met")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
