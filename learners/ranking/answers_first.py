"""Answers first: right after a search, what answers it leads the list.

Who has searched expects to see what they searched for, whatever else the network thinks of. An
answer holds most of the words of the search in its title; where there is none, it is near to the
search in meaning. The best three lead until their user interacts with an item.

In some logs a search is no wish to be shown its answer: a player is told a page to reach by links,
and clicks towards it. So the log decides: whenever something is taken right after a search, the
gain of the list with the answers first and of the one without are compared, each kind of answers by
itself, and a kind that lost more than it was trusted with in advance leads no longer, until it
would have won as much again. Losses fade: one of a fiftieth of a hit a search is what it may cost
for ever to show people what they searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.ranking.columns import SEARCH

Scores = NDArray[np.float32]
Rows = NDArray[np.float32]

PLACES = 3
"""So many answers lead."""
MOST_WORDS = 0.5
"""An answer holds more than this of a search, by how rare its words are."""
NEAR = 0.3
"""An answer in meaning is at least so near, as a cosine."""
WORDS, MEANING = KINDS = range(2)
TRUST = (10.0, 1.0)
"""What each kind of answers may lose, and at most have won, in hits at the first place."""
_FADES = 1.0 / 500.0  # of what is lost, with each search
_STEP = 0.01  # between the scores of two answers
_NEAR, _AGE, _WORDS = (
    SEARCH.index(name) - len(SEARCH) for name in ("search", "search_age", "search_words")
)
_AT_ONCE = [-1, -2]  # the columns that fade: 0 for who never searched


class Leading(NamedTuple):
    """The places (n,) of the answers among candidates, best first, and of which kind they are."""

    kind: int
    places: NDArray[np.intp]


class AnswersFirst:
    """Puts answers first, and learns whether it should: `trust` is what each kind may yet lose."""

    def __init__(self, trust: Sequence[float] = TRUST) -> None:
        self.trust = list(trust)

    def put_first(self, scores: Scores, rows: Rows) -> Scores:
        """Return the scores (n,) of candidates with these raw feature rows, answers raised.

        The last columns of `rows` are those of searches.
        """
        found = answers(scores, rows)
        if found is None or self.trust[found.kind] < 0.0:
            return scores
        return raised(scores, found.places)

    def learn(self, scores: Scores, rows: Rows, taken: int, k: int) -> None:
        """Learn that the candidate at place `taken` was taken; `scores` are not raised.

        A list holds `k`.
        """
        found = answers(scores, rows)
        if found is None:
            return
        gain = _gain(raised(scores, found.places), taken, k) - _gain(scores, taken, k)
        trust, most = self.trust[found.kind], TRUST[found.kind]
        self.trust[found.kind] = min(trust + _FADES * (most - trust) + gain, most)


def is_asked(rows: Rows) -> bool:
    """Return whether a user with these rows of candidates searched, and took nothing since."""
    return len(rows) > 0 and rows[0, _AGE] == 0.0 and bool((rows[:, _AT_ONCE] != 0.0).any())


def answers(scores: Scores, rows: Rows) -> Leading | None:
    """Return the best answers to a search that nothing was taken after yet, None where none is."""
    return leading(scores, rows[:, _WORDS], rows[:, _NEAR])


def leading(scores: Scores, held: Scores, near: Scores) -> Leading | None:
    """Return as `answers` does, of candidates that hold so much of its words, and are so near."""
    for kind, answered, good in ((WORDS, held, held > MOST_WORDS), (MEANING, near, near >= NEAR)):
        if (places := np.flatnonzero(good)).size:
            order = np.lexsort((places, -scores[places], -answered[places]))
            return Leading(kind, places[order[:PLACES]])
    return None


def led(scores: Scores, learnt: Scores) -> list[int]:
    """Return the places whose scores (n,) are above those `learnt`: of what was put first."""
    places: list[int] = np.flatnonzero(scores > learnt + _STEP / 2).tolist()
    return places


def raised(scores: Scores, places: NDArray[np.intp]) -> Scores:
    """Return scores (n,) of which those at `places`, best first, are above all others."""
    raised = scores.copy()
    steps = np.arange(len(places), 0, -1, dtype=np.float32)
    raised[places] = scores.max() + np.float32(_STEP) * steps
    return raised


def _gain(scores: Scores, taken: int, k: int) -> float:
    """Return the gain of a list, discounted by its place: 1 for the first, 0 beyond `k`."""
    rank = int(np.count_nonzero(scores >= scores[taken]))
    return 1.0 / float(np.log2(1.0 + rank)) if rank <= k else 0.0
