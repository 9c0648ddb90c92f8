"""Tunes the language model on examples in words, as an adapter of the configured model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.config.finetune import Kind
from dataflows.finetune.language.evaluate import QuestionBudget, language_evidence
from dataflows.finetune.language.examples import intent_examples, next_item_examples
from dataflows.finetune.language.questions import trained_on
from dataflows.finetune.training import health_after, step_reporter
from dataflows.finetune.tuner import Base, RoundStopped, StageProgress, Stop, Tell, Trained
from dataflows.finetune.window.window import Split
from dataflows.registry.decisions import Evidence
from encoders.llm.load import load_language_model
from encoders.llm.model import LanguageModel
from encoders.llm.training.finetune import TextExample, tune_language

INTENT_SHARE = 0.2
"""The part of all examples that intents may take, where there are many."""


class LanguageTuner:
    """A round of the language model. `load` loads it: the configured name, with an adapter.

    `asked` bounds what the gate asks; None: the usual.
    """

    kind: Kind = "language"

    def __init__(
        self,
        config: Config,
        load: Callable[[Path | None], LanguageModel] | None = None,
        asked: QuestionBudget | None = None,
    ) -> None:
        self.base_name = config.generate.model
        self._config = config
        self._load = load or self._load_configured
        self._asked = asked

    def train(self, parted: Split, base: Base, into: Path, tell: Tell, stop: Stop) -> Trained:
        """See `Tuner.train`: an adapter goes on from the one in force."""
        settings = msgspec.structs.replace(
            self._config.language, threads=self._config.finetune.threads
        )
        tell(StageProgress("loading the language model"))
        model = self._load(base.folder)
        tell(StageProgress("making examples"))
        examples = self.examples(parted)

        done = tune_language(model, examples, settings, step_reporter(tell), stop)
        if stop():
            raise RoundStopped
        done.save(into)
        return Trained(
            health_after(done),
            "adapter",
            model.base.with_adapter(into).version,
            int(model.model.config.hidden_size),
            msgspec.to_builtins(settings),
            needs=self.base_name,
        )

    def measure(
        self, parted: Split, base: Base, folder: Path, trained: Trained, tell: Tell, stop: Stop
    ) -> Evidence:
        """See `Tuner.measure`."""
        tell(StageProgress("loading the language models"))
        old = self._load(base.folder)
        new = old.base.with_adapter(folder)
        seed = self._config.learner.seed
        return language_evidence(old, new, parted, trained.health, self._asked, tell, stop, seed)

    def examples(self, parted: Split) -> list[TextExample]:
        """Return what a round trains on: what comes next, and intents up to a part of it.

        Users of the check set are left out.
        """
        settings, seed = self._config.examples, self._config.learner.seed
        events = trained_on(parted.train)
        following = next_item_examples(events, parted.items, settings, seed)
        intents = intent_examples(events, parted.items, settings, seed)
        most = round(INTENT_SHARE / (1 - INTENT_SHARE) * len(following)) if following else None
        return following + intents[:most]

    def _load_configured(self, adapter: Path | None) -> LanguageModel:
        threads = self._config.finetune.threads
        revision = self._config.generate.revision
        return load_language_model(
            self.base_name, adapter=adapter, threads=threads, revision=revision
        )
