"""The version of the model, as it stands in every message."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from learners.settings import LearnerSettings

MODEL_FORMAT = 1
"""Raise it where equal events and settings give other lists than before."""


def model_version(settings: LearnerSettings) -> str:
    """Return format and fingerprint of the settings, such as `1-9f3a01bc`."""
    encoded = msgspec.json.encode(settings, order="deterministic")
    return f"{MODEL_FORMAT}-{blake2b(encoded, digest_size=4).hexdigest()}"
