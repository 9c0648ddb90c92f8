"""From the configuration to what tunes a model of a kind."""

from __future__ import annotations

from importlib.util import find_spec

from dataflows.config import Config
from dataflows.errors import InputError
from dataflows.tuning.evidence import Kind
from dataflows.tuning.tuner import Tuner

NEEDED = ("accelerate", "datasets", "peft")
"""Libraries of the extra `llm` without which nothing can be tuned."""


def check_libraries() -> None:
    """Raise InputError, with the remedy, where libraries for fine-tuning are missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"fine-tuning needs {', '.join(missing)}; install it with `pip install 'penchant[llm]'`"
        )


def tuner_for(config: Config, kind: Kind) -> Tuner:
    """Make the tuner of a kind. Raises InputError where its libraries are missing."""
    check_libraries()
    if kind == "encoder":
        from dataflows.tuning.tuner_encoder import EncoderTuner

        return EncoderTuner(config)
    from dataflows.tuning.tuner_language import LanguageTuner

    return LanguageTuner(config)
