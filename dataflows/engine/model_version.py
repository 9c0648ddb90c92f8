"""The version of the model, as it stands in every message."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from learners.settings import LearnerSettings

MODEL_FORMAT = 2
"""Raise it where equal events and settings give other lists than before."""


def model_version(settings: LearnerSettings) -> str:
    """Return format and fingerprint of the settings, such as `2-9f3a01bc`, without the prior.

    What ranking began with is a matter of the state, not of the settings of now.
    """
    plain = msgspec.structs.asdict(settings)
    del plain["prior"]
    if not plain["signals"]:
        del plain["signals"]  # so that a model without has the version that it always had
    encoded = msgspec.json.encode(plain, order="deterministic")
    return f"{MODEL_FORMAT}-{blake2b(encoded, digest_size=4).hexdigest()}"


def with_prior(version: str, began_with: str | None) -> str:
    """Return the version of a model that began with these prior weights: `2-9f3a01bc-5c0ffee1`.

    It is as it was for one that began from chance (None).
    """
    return version if began_with is None else f"{version}-{began_with}"
