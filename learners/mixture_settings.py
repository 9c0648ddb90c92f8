"""Settings of the mixture of experts on intent."""

from __future__ import annotations

import math

import msgspec

from learners.scope import OUT_OF_SCOPE
from learners.softmax import IntentSettings


class MixtureSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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

    rate: float = 0.5
    half_life: float | None = 20_000.0
    max_labels: int = 256
    memory: int = 32
    looked_at: int = 16
    replays: int = 2
    skip: float = 2e-3
    sharpness: float = 15.0
    span: float = 200.0
    blend_rate: float = 0.05
    alarm: float | None = 10.0
    outside: str = OUT_OF_SCOPE

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        self.softmax()
        limits = (("memory", 1), ("looked_at", 2), ("replays", 0), ("span", 1))
        for name, least in limits:
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("skip", "sharpness", "blend_rate"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; keep it from 0, and finite")
        if self.alarm is not None and not self.alarm > 0:
            raise ValueError(f"alarm is {self.alarm}; it must be above 0, or None")

    def softmax(self) -> IntentSettings:
        """Give the settings of the softmax part."""
        return IntentSettings(rate=self.rate, half_life=self.half_life, max_labels=self.max_labels)
