"""Labels of intent told by a language model: which label's words it finds likeliest after a text.

Each label is scored whole, its end included. Some labels are likely after anything, and some
swing more than others from text to text; so each is held against what it scores anyway: at first
after no text, then more and more over the texts that were asked about (Holtzman et al., 2021,
"Surface form competition"; Zhou et al., 2024, "Batch calibration"). That is learnt from the
texts themselves, without labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.generation.prompts import intent_prompt, label_words
from encoders.llm.decoding.constrained import beam_search
from encoders.llm.decoding.trie import Trie
from encoders.llm.model import LanguageModel

Floats = NDArray[np.float64]

BLANK_SHARE = 0.75
"""How much of a label's score after no text at all is taken off at first."""
BLANK_COUNTS = 16.0
"""As how many texts that counts."""
EVEN_COUNTS = 8.0
"""As how many texts it counts that all labels swing alike."""
_MOST = 500.0  # texts that are remembered; older ones fade


class ScoreCalibration:
    """Mean and spread of each label's score (labels,), less what all have in common.

    `blank` are the scores after no text. Labels that can never be found have -inf.
    """

    def __init__(self, blank: Floats) -> None:
        self._can = np.isfinite(blank)
        self._start = BLANK_SHARE * self._level(blank)
        self._count = 0.0
        self._mean = np.zeros(len(blank))
        self._squares = np.zeros(len(blank))

    def add(self, scores: Floats) -> None:
        """Add the scores (n, labels) of some texts."""
        level = self._level(scores)
        n, mean = len(level), level.mean(axis=0)
        count, apart = self._count + n, mean - self._mean
        # Chan, Golub and LeVeque, 1979: how means and sums of squares of two parts join.
        self._squares += ((level - mean) ** 2).sum(axis=0) + apart**2 * self._count * n / count
        self._mean += apart * n / count
        self._count = min(count, _MOST)
        self._squares *= self._count / count

    def chances(self, scores: Floats) -> Floats:
        """Return P(label | text), (n, labels), of texts with these scores."""
        middle = (BLANK_COUNTS * self._start + self._count * self._mean) / (
            BLANK_COUNTS + self._count
        )
        apart = np.where(self._can, (self._level(scores) - middle) / self._spread(), -np.inf)
        shares = np.exp(apart - apart.max(axis=1, keepdims=True))
        chances: Floats = shares / shares.sum(axis=1, keepdims=True)
        return chances

    def _spread(self) -> Floats:
        """Return how far each label swings, 1 on the average."""
        if not self._count:
            return np.ones(len(self._mean))
        each = self._squares / self._count
        even = max(float(each[self._can].mean()), 1e-12)
        spread: Floats = (EVEN_COUNTS * even + self._count * each) / (EVEN_COUNTS + self._count)
        return np.maximum(np.sqrt(spread / even), 1e-3)

    def _level(self, scores: Floats) -> Floats:
        """Return scores less their mean: a text that makes all labels unlikely says nothing."""
        mean = scores.mean(axis=-1, keepdims=True, where=self._can)
        return np.where(self._can, scores - mean, 0.0)


class LabelQuestion(NamedTuple):
    """What is behind an event? `text` is as the encoder reads it, `labels` are the choice."""

    user_id: str
    event_id: str
    text: str
    labels: tuple[str, ...]


class Lesson(NamedTuple):
    """The likeliest label of an event, and by how much it beats the second, from 0 to 1."""

    question: LabelQuestion
    label: str
    margin: float


class LabelScorer:
    """The labels of one choice as one model scores them, and what they score anyway."""

    def __init__(self, model: LanguageModel, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self._model = model
        self._trie = Trie(model.end_id)
        for label in labels:
            self._trie.put(label, model.target_ids(label_words(label)))
        self._usual = ScoreCalibration(self.scores([""])[0])

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return log-likelihoods (n, labels) of labels after texts; -inf for one without words."""
        place = {label: column for column, label in enumerate(self.labels)}
        scores = np.full((len(texts), len(self.labels)), -np.inf)
        prompts = [intent_prompt(text) for text in texts]
        found = beam_search(self._model, self._trie, prompts, len(self.labels))
        for row, each in enumerate(found):
            for label, score in each:
                scores[row, place[label]] = score
        return scores

    def judge(self, texts: Sequence[str]) -> Floats:
        """Return P(label | text), (n, labels), counting the texts into what is usual."""
        scores = self.scores(texts)
        self._usual.add(scores)
        return self._usual.chances(scores)


class Teacher:
    """Tells labels; for one thread at a time. One choice of labels is kept ready."""

    def __init__(self) -> None:
        self._choice: LabelScorer | None = None
        self._version = ""

    def tell(self, model: LanguageModel, questions: Sequence[LabelQuestion]) -> list[Lesson]:
        """Return the likeliest label of each event, in order."""
        lessons: list[Lesson] = []
        for labels in dict.fromkeys(question.labels for question in questions):
            asked = [question for question in questions if question.labels == labels]
            chances = self._ready(model, labels).judge([question.text for question in asked])
            for question, row in zip(asked, chances, strict=True):
                best = np.argsort(-row, kind="stable")[:2]
                margin = float(row[best[0]] - row[best[-1]]) if len(best) > 1 else 0.0
                lessons.append(Lesson(question, labels[best[0]], margin))
        order = {id(question): place for place, question in enumerate(questions)}
        return sorted(lessons, key=lambda lesson: order[id(lesson.question)])

    def _ready(self, model: LanguageModel, labels: tuple[str, ...]) -> LabelScorer:
        kept = self._choice
        if kept is None or kept.labels != labels or self._version != model.version:
            kept = self._choice = LabelScorer(model, labels)
            self._version = model.version
        return kept
