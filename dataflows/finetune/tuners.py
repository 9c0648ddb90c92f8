"""From the configuration to what tunes a model of a kind."""

from __future__ import annotations

from dataflows.config import Config
from dataflows.tuning.settings import Kind
from dataflows.tuning.tunable import check_libraries
from dataflows.tuning.tuner import Tuner


def tuner_for(config: Config, kind: Kind) -> Tuner:
    """Make the tuner of a kind. Raises InputError where its libraries are missing."""
    check_libraries()
    if kind == "encoder":
        from dataflows.tuning.tuner_encoder import EncoderTuner

        return EncoderTuner(config)
    from dataflows.tuning.tuner_language import LanguageTuner

    return LanguageTuner(config)
