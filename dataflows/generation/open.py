"""From the configuration to the responder of the language model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.config.generate import GenerateSettings
from dataflows.errors import InputError
from dataflows.generation.responder import LlmResponder
from dataflows.generation.worker import Worker
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.registry.registry import Registry, open_registry
from encoders.llm.errors import LanguageError
from encoders.llm.load import load_language_model
from encoders.llm.model import LanguageModel
from encoders.llm.packaged import packaged_file
from learners.settings import LearnerSettings

_log = logging.getLogger(__name__)


def learner_with(settings: LearnerSettings, generate: GenerateSettings) -> LearnerSettings:
    """Return the learner's settings with room for what is generated, if anything is."""
    if not generate.candidates:
        return settings
    return msgspec.structs.replace(settings, generated=generate.items)


def open_worker(config: Config, stop: Callable[[], bool]) -> Worker | None:
    """Return the thread that answers, not yet started; None where nothing is to be generated.

    The model is loaded in that thread. Raises InputError where it is clear already that there
    is none.
    """
    generate = config.generate
    if not generate.is_on:
        return None
    check_model(generate.model)
    return Worker(
        lambda: open_responder(config), generate.batch, generate.waiting, generate.nice, stop
    )


def check_model(name: str) -> None:
    """Raise InputError, with the remedy, where it is clear that there is no such model."""
    if name == "packaged":
        try:
            packaged_file()
        except LanguageError as error:
            raise InputError(f"generate.model: {error}") from error


def open_responder(config: Config) -> LlmResponder:
    """Load the model, with the adapter that is in force. Raises LanguageError, InputError."""
    generate = config.generate
    base = load_language_model(generate.model, threads=generate.threads, revision=generate.revision)
    renewal = Renewal(open_registry(config), base, config.models.poll_seconds)
    return LlmResponder(renewal(base) or base, generate, renewal)


class Renewal:
    """The language model with the adapter that the registry has in force.

    It looks there every `seconds`. A version that cannot be used is logged, and the model in
    use stays.
    """

    def __init__(
        self,
        registry: Registry,
        base: LanguageModel,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._base = base
        self._seconds = seconds
        self._clock = clock
        self._next = clock()
        self._seldom = RareWarnings(_log, clock=clock)
        self._in_use = ""

    def __call__(self, model: LanguageModel) -> LanguageModel | None:
        """Return the model to go on with, None where `model` may stay."""
        now = self._clock()
        if now < self._next:
            return None
        self._next = now + self._seconds
        try:
            current = self._registry.current("language")
            wanted = "" if current is None else current.id
            if wanted == self._in_use:
                return None
            newer = self._base
            if current is not None:
                newer = self._base.with_adapter(self._adapter(current.id), current.id)
        # Registry, files and adapter have errors of their own; none of them stops the stream.
        except Exception as error:  # noqa: BLE001
            line = "the language model stays %s: %s"
            self._seldom.warn("stays", line, model.version, error)
            return None
        self._in_use = wanted
        _log.info("the language model is now %s", newer.version)
        return newer

    def _adapter(self, version: str) -> Path:
        return self._registry.fetch(version)
