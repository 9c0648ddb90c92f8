"""From the configuration to what tunes a model of a kind."""

from __future__ import annotations

from dataflows.config.config import Config
from dataflows.config.finetune import Kind
from dataflows.finetune.preconditions import check_libraries
from dataflows.finetune.tuner import Tuner


def tuner_for(config: Config, kind: Kind) -> Tuner:
    """Make the tuner of a kind. Raises InputError where its libraries are missing."""
    check_libraries()
    if kind == "encoder":
        from dataflows.finetune.encoder.tuner import EncoderTuner

        return EncoderTuner(config)
    from dataflows.finetune.language.tuner import LanguageTuner

    return LanguageTuner(config)
