"""How a new language model does against the one in force, for the gate.

Both are asked the same questions. The figure that must be gained is the mean of -log2(rank)
of the title that a person did choose next, among fifty that they had not met, ordered by how
likely the model finds each after this history: that is how it names items. Beside it stand
the loss of the title, the accuracy of intents by label words, what is generated, and losses on
the check set. Last, where time is left, comes the rank by *lift*, how much likelier a title is
after this history than after none: a common title is likely for anybody (Holtzman et al., 2021,
"Surface form competition"), and what a round teaches of that does not show there. Every figure
has its paired interval, clustered by user.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from dataflows.finetune.language.measures import (
    NextItemFound,
    compare,
    following,
    hits,
    is_right,
    lift,
    priors_of,
)
from dataflows.finetune.language.questions import (
    IntentQuestion,
    NextQuestion,
    check_questions,
    intent_questions,
    is_check_user,
    labels_of,
    newest_questions,
)
from dataflows.finetune.tuner import RoundStopped, StageProgress, Stop, Tell
from dataflows.finetune.window.window import Split, WindowEvent
from dataflows.registry.decisions import CHECK, LOG_RANK, Evidence, PairedMeasure, TrainingHealth
from encoders.llm.model import LanguageModel
from encoders.llm.training.loss import losses

NEXT_LOSS = "next_loss"
LIFT = "log_rank_lift"
INTENT_ACCURACY = "intent_accuracy"
INTENT_LOSS = "intent_loss"
HIT_RATE = "generation_hit_rate"

Q = TypeVar("Q", NextQuestion, IntentQuestion)


class QuestionBudget(NamedTuple):
    """How many questions of each sort are asked at most, and for how many seconds.

    When time is over no more are begun, but `least` of what came next are asked in any case.
    """

    following: int = 160
    least: int = 100
    check: int = 64
    intents: int = 64
    generated: int = 48
    seconds: float = 600.0


def language_evidence(
    old: LanguageModel,
    new: LanguageModel,
    parted: Split,
    health: TrainingHealth,
    asked: QuestionBudget | None = None,
    tell: Tell = lambda step: None,  # noqa: ARG005 - nobody listens
    stop: Stop = lambda: False,
    seed: int = 0,
) -> Evidence:
    """Measure both models on the newest slice and on the check set.

    After a training that failed by itself nothing is measured: the gate has its reason.
    Raises `RoundStopped` where `stop` said so.
    """
    judge = _Judge(old, new, parted, asked or QuestionBudget(), tell, stop, seed)
    if not (health.finite and health.targets and health.steps):
        return Evidence("language", 0, {}, health)
    for measure in (judge.following, judge.check, judge.intents, judge.generation, judge.lift):
        measure()
    return Evidence("language", judge.events, judge.figures, health)


class _Judge:
    """Asks both models, and keeps the figures."""

    def __init__(
        self,
        old: LanguageModel,
        new: LanguageModel,
        parted: Split,
        asked: QuestionBudget,
        tell: Tell,
        stop: Stop,
        seed: int,
    ) -> None:
        self._models = (old, new)
        self._parted = parted
        self._asked = asked
        self._tell = tell
        self._stop = stop
        self._seed = seed
        self._deadline = clock.monotonic() + asked.seconds
        self._found: list[tuple[NextQuestion, list[NextItemFound]]] = []
        self.figures: dict[str, PairedMeasure] = {}
        self.events = 0

    def following(self) -> None:
        """Ask what came next, among candidates."""
        questions = newest_questions(self._parted, self._asked.following, self._seed)
        for question in self._in_time(questions, "what came next", self._asked.least):
            both = [following(model, question) for model in self._models]
            self._found.append((question, both))
        self.events = len(self._found)
        if self._found:
            users = [question.user for question, _ in self._found]
            ranks = np.array([[each.likelihood for each in both] for _, both in self._found]).T
            loss = np.array([[each.loss for each in both] for _, both in self._found]).T
            self.figures[LOG_RANK] = compare(ranks[0], ranks[1], users)
            self.figures[NEXT_LOSS] = compare(loss[0], loss[1], users, is_loss=True)

    def check(self) -> None:
        """Measure losses on the check set."""
        nexts = check_questions(self._parted, self._asked.check, self._seed)
        self._losses(CHECK + NEXT_LOSS, nexts)
        events = [event for event in self._parted.train if is_check_user(event.user_id)]
        self._losses(CHECK + INTENT_LOSS, self._intents(events, self._asked.check))

    def intents(self) -> None:
        """Ask what is behind events of the newest slice, among all labels."""
        users, values = [], []
        asked = self._intents(self._parted.newest, self._asked.intents)
        for question in self._in_time(asked, "intents"):
            values.append([is_right(model, question) for model in self._models])
            users.append(question.user)
        if values:
            before, after = np.array(values).T
            self.figures[INTENT_ACCURACY] = compare(before, after, users)

    def generation(self) -> None:
        """Measure whether the true item is among those that each names, for some of the users."""
        questions = newest_questions(self._parted, self._asked.generated, self._seed)
        if not questions or clock.monotonic() > self._deadline:
            return
        named = []
        for place, model in enumerate(self._models):
            self._report("generation", place, len(self._models))
            named.append(hits(model, questions, self._parted.items.values()))
        users = [question.user for question in questions]
        self.figures[HIT_RATE] = compare(named[0], named[1], users)

    def lift(self) -> None:
        """Rank the same candidates by lift; each is read once more for it, so it comes last."""
        if not self._found or clock.monotonic() > self._deadline:
            return
        lines = sorted({line for question, _ in self._found for line in question.candidates})
        ranks = []
        for place, model in enumerate(self._models):
            self._report("lift", place, len(self._models))
            priors = priors_of(model, lines)
            ranks.append([lift(each, both[place].scores, priors) for each, both in self._found])
        users = [question.user for question, _ in self._found]
        self.figures[LIFT] = compare(ranks[0], ranks[1], users)

    def _losses(self, name: str, questions: Sequence[Q]) -> None:
        if not questions:
            return
        self._report(f"losses of {len(questions)} answers of the check set", 0, 1)
        prompts = [question.prompt for question in questions]
        targets = [question.target for question in questions]
        before, after = (losses(model, prompts, targets).nll for model in self._models)
        users = [question.user for question in questions]
        self.figures[name] = compare(before, after, users, is_loss=True)

    def _intents(self, events: Sequence[WindowEvent], most: int) -> list[IntentQuestion]:
        labels = labels_of(self._parted.train)
        return intent_questions(events, self._parted.items, labels, most, self._seed)

    def _in_time(self, questions: Sequence[Q], what: str, least: int = 0) -> Iterator[Q]:
        """Yield questions until time is over."""
        for place, question in enumerate(questions):
            if place >= least and clock.monotonic() > self._deadline:
                return
            self._report(what, place, len(questions))
            yield question

    def _report(self, what: str, done: int, total: int) -> None:
        if self._stop():
            raise RoundStopped
        self._tell(StageProgress(f"measuring: {what}", done, total))
