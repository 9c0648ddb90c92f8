"""Whether anything could come of fine-tuning here: libraries that are there, weights to train."""

from __future__ import annotations

import re
from importlib.util import find_spec

from dataflows.config.config import Config
from dataflows.errors import InputError
from encoders.load import is_brought

NEEDED = ("accelerate", "datasets", "peft")
"""Libraries of the extra `llm` without which nothing can be tuned."""

UNTRAINABLE = re.compile(r"hashing(-\d+)?|multilingual|static:.*")
"""Encoders without weights that could be trained."""


def check_libraries() -> None:
    """Raise InputError, with the remedy, where libraries for fine-tuning are missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"fine-tuning needs {', '.join(missing)}; install it with `pip install 'penchant[llm]'`"
        )


def is_trainable(name: str) -> bool:
    """Return whether an encoder is a sentence-transformer, which can be trained and compressed."""
    return not (UNTRAINABLE.fullmatch(name) or is_brought(name))


def check_encoder(name: str) -> None:
    """Raise InputError, with the remedy, for an encoder that has no weights to train."""
    if not is_trainable(name):
        raise InputError(
            f"the encoder {name!r} cannot be tuned: set encoder.name to packaged, a folder or a "
            'hub name, or finetune.models to "language"'
        )


def check_tunable(config: Config) -> None:
    """Raise InputError where nothing could come of fine-tuning with this configuration."""
    check_libraries()
    if "encoder" in config.finetune.kinds():
        check_encoder(config.encoder.name)
