"""SASRec, trained on as the stream goes: a sequence model for what a user wants next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.baselines.sasrec_network import LENGTH, MOST_ITEMS, Network
from dataflows.evaluation.judging.trace import Group

EVERY = 500
STEPS = 4
BATCH = 64
RATE = 0.002
KEPT = 500
"""The newest items of each user that are trained on."""

MOST_COMPARED = 4096
"""A step's softmax is over the items met; beyond so many, over its own and a draw of the others."""

NOTHING = -100
"""Where a sequence has no next item to learn."""

Rows = NDArray[np.int64]


class SasRec:
    """Trains `STEPS` batches each `EVERY` events; users of those events first, others at random.

    Users without a history get popularity. Items that came after the last training have the
    table's first numbers.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._histories: dict[int, deque[int]] = {}
        self._fallback = Fallback()
        self._fresh: list[int] = []
        self._all: list[int] = []
        self._trained = 0
        self._learnt = 0
        self._known = 0
        self._left_out = 0
        with _apart(seed):
            self._network = Network()
        self._optimizer = torch.optim.Adam(self._network.parameters(), RATE, betas=(0.9, 0.98))

    @property
    def notes(self) -> tuple[str, ...]:
        """How often it was trained, and what the bound on items left out."""
        trained = f"trained {self._trained} times, {STEPS} steps each"
        return (f"{trained}; {self._left_out} events were of items beyond {MOST_ITEMS}",)

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by the network; -inf for items beyond its table."""
        history = self._histories.get(user)
        if history is None or not self._trained:
            return self._fallback.fill(np.zeros(items))
        newest = torch.tensor([list(history)[-LENGTH:]])
        known = min(items, MOST_ITEMS)
        with torch.inference_mode(), _one_thread():
            logits = self._network.logits(self._network(newest)[0, -1:], slice(known))[0]
        scores = np.full(items, -np.inf)
        scores[:known] = logits.numpy()
        return scores

    def learn(self, group: Group) -> None:
        """Note each wanted item; train when it is time."""
        self._fallback.learn(group)
        for row in group.wanted.tolist():
            if row >= MOST_ITEMS:
                self._left_out += 1
                continue
            if group.user not in self._histories:
                self._histories[group.user] = deque(maxlen=KEPT)
                self._all.append(group.user)
            self._histories[group.user].append(row)
            self._fresh.append(group.user)
            self._known = max(self._known, row + 1)
            self._learnt += 1
        if len(self._fresh) >= EVERY:
            self._train()
            self._fresh.clear()

    def _train(self) -> None:
        self._trained += 1
        self._network.train()
        with _apart(self._seed + self._trained), _one_thread():
            for batch in self._batches():
                rows, following = torch.from_numpy(batch[:, :-1].copy()), batch[:, 1:]
                states = self._network(rows.clamp(min=0))[torch.from_numpy(following != NOTHING)]
                compared, wanted = self._compare(following[following != NOTHING])
                logits = self._network.logits(states, torch.from_numpy(compared))
                loss = functional.cross_entropy(logits, torch.from_numpy(wanted))
                self._optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self._optimizer.step()
        self._network.eval()

    def _compare(self, wanted: Rows) -> tuple[Rows, Rows]:
        """Return the rows that a step's softmax is over, and where in them the wanted ones are."""
        if self._known <= MOST_COMPARED:
            return np.arange(self._known), wanted
        own = np.unique(wanted)
        drawn = self._rng.choice(self._known, MOST_COMPARED, replace=False)
        others = drawn[~np.isin(drawn, own)][: max(0, MOST_COMPARED - len(own))]
        compared = np.union1d(own, others)
        return compared, np.searchsorted(compared, wanted)

    def _batches(self) -> Iterator[Rows]:
        """Yield batches `(BATCH, LENGTH + 1)`, filled up with `NOTHING`."""
        fresh = list(dict.fromkeys(self._fresh))
        for _ in range(STEPS):
            half = min(len(fresh), BATCH // 2)
            users = [fresh[n] for n in self._rng.permutation(len(fresh))[:half].tolist()]
            batch = np.full((BATCH, LENGTH + 1), NOTHING)
            for place in range(BATCH):
                late = place < half
                user = users[place] if late else self._any_user()
                history = list(self._histories[user])
                end = len(history) if late else int(self._rng.integers(len(history))) + 1
                piece = history[max(0, end - LENGTH - 1) : end]
                batch[place, : len(piece)] = piece
            yield batch

    def _any_user(self) -> int:
        return self._all[int(self._rng.integers(len(self._all)))]


@contextmanager
def _apart(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from a seed, and leave those of others alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
