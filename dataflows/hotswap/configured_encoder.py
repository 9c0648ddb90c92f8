"""The encoder that section `[encoder]` names."""

from __future__ import annotations

from dataflows.config.config import EncoderSettings
from encoders.base import Encoder
from encoders.load import load_encoder


def load_configured(settings: EncoderSettings) -> Encoder:
    """Load it. Raises EncoderError."""
    return load_encoder(settings.name, revision=settings.revision)


def named(settings: EncoderSettings) -> str:
    """Return the name, and of a hub model the revision where one is set."""
    return settings.name if settings.revision is None else f"{settings.name}@{settings.revision}"
