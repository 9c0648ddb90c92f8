"""Settings of the mixture of experts on intent."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from learners.classifiers.out_of_scope import OUT_OF_SCOPE
from learners.classifiers.softmax import IntentSettings
from learners.limited_settings import (
    AboveZero,
    Count,
    FiniteAboveZero,
    FiniteFromZero,
    FromOne,
    LimitedSettings,
)


class MixtureSettings(LimitedSettings, frozen=True):
    """Settings of the mixture. Raises ValueError with the value, the limit and the remedy.

    `rate`, `half_life` and `max_labels` are as in `IntentSettings`; the steps are AdaGrad's.
    `memory` is how many examples of each label are kept (a byte a number); those of the
    `looked_at` likeliest labels are compared with. `replays` kept examples are learnt once
    more beside each new one. `skip`: errors up to this are
    not learnt from. `sharpness` is that of cosines, on vectors whose cosines spread from 0
    to 1; it adapts to others. `span` is the number of examples a prototype is the mean of.
    `alarm` is the evidence, in nats, at which a label counts as changed (None: never).
    `outside` is the label that says that no other one fits.
    """

    rate: FiniteAboveZero = 0.5
    half_life: AboveZero | None = 20_000.0
    max_labels: Count = 256
    memory: Count = 32
    looked_at: Annotated[int, Meta(ge=2)] = 16
    replays: Annotated[int, Meta(ge=0)] = 2
    skip: FiniteFromZero = 2e-3
    sharpness: FiniteFromZero = 15.0
    span: FromOne = 200.0
    blend_rate: FiniteFromZero = 0.05
    alarm: AboveZero | None = 10.0
    outside: str = OUT_OF_SCOPE

    def softmax(self) -> IntentSettings:
        """Return the settings of the softmax part."""
        return IntentSettings(rate=self.rate, half_life=self.half_life, max_labels=self.max_labels)
