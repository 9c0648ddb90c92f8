"""Test, then learn; and what a logistic regression fitted on all of the past would have said."""

from __future__ import annotations

import warnings

import numpy as np

STRENGTHS = (3.0, 10.0, 30.0, 100.0)
REFIT_EVERY = 500


def play(learner, data, novelty=False):
    """Predict, then learn, each in turn: hits (n,), and how new each looked (n,) if asked."""
    hits, new = np.zeros(len(data), bool), np.zeros(len(data))
    for number, (x, label) in enumerate(zip(data.vectors, data.labels.tolist(), strict=True)):
        chances = learner.predict(x)
        hits[number] = bool(len(chances)) and learner.labels[int(chances.argmax())] == label
        if novelty:
            new[number] = learner.out_of_scope(x)
        learner.learn(x, label)
    return hits, new


def score(learner, data):
    """Predict without learning: hits (n,)."""
    best = [learner.labels[int(learner.predict(x).argmax())] for x in data.vectors]
    return np.array(best) == data.labels


def fit(data, strength, before=None):
    """Fit a logistic regression on all of these, from where another one ended if given."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=300, tol=1e-3, warm_start=True)
    if before is not None and len(before.classes_) == len(set(data.labels)):
        model.coef_, model.intercept_ = before.coef_.copy(), before.intercept_.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so where 300 iterations were not enough
        return model.fit(data.vectors, data.labels)


def batch_on_test(train, test, of):
    """Full-batch accuracy on `of` the test rows, with the strength that serves it best there."""
    return max(
        float(np.mean(fit(train, c).predict(test.vectors)[of] == test.labels[of]))
        for c in STRENGTHS
    )


def batch_on_past(data, of):
    """Accuracy over `of` the last fifth's rows, fitted anew every 500 events on all before.

    With the strength that serves it best on the whole last fifth.
    """
    start = len(data) - len(data) // 5
    last = slice(start, None)
    models = [fit(part(data, 0, start), c) for c in STRENGTHS]
    found = [model.predict(data.vectors[last]) == data.labels[last] for model in models]
    best = int(np.argmax([hits[of[last]].mean() for hits in found]))
    model, hits = models[best], []
    for begin in range(start, len(data), REFIT_EVERY):
        if begin > start:
            model = fit(part(data, 0, begin), STRENGTHS[best], model)
        piece = part(data, begin, begin + REFIT_EVERY)
        hits.append(model.predict(piece.vectors) == piece.labels)
    return float(np.mean(np.concatenate(hits)[of[last]]))


def part(data, begin, end):
    """Return a stretch of the stream."""
    span = slice(begin, end)
    return type(data)(data.vectors[span], data.labels[span], data.splits[span])


def first_of_each(data, count):
    """Return the events that are among the first `count` of their label, in order."""
    seen: dict[str, int] = {}
    rows = []
    for row, label in enumerate(data.labels.tolist()):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] <= count:
            rows.append(row)
    return type(data)(data.vectors[rows], data.labels[rows], data.splits[rows])


def play_river(model, data):
    """As `play`, for a River classifier over dicts."""
    hits = []
    for x, label in zip(data.vectors, data.labels.tolist(), strict=True):
        row = dict(enumerate(x.tolist()))
        hits.append(model.predict_one(row) == label)
        model.learn_one(row, label)
    return np.array(hits)
