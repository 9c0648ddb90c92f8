"""What a person decides about intents: names, merges, promotions, retirements."""

from __future__ import annotations

from typing import Literal

import msgspec

Do = Literal["name", "merge", "promote", "retire"]


class ControlError(ValueError):
    """A decision cannot be carried out; the message says what, why and what else to do."""


class Control(msgspec.Struct, frozen=True):
    """One decision about the labels of intent.

    `name`: call `intent` by the name `into`. `merge`: let `intent` count for `into`, and go.
    `promote`: make the cluster of number `cluster` a label called `intent`. `retire`: forget
    `intent`, and do not learn it again until it is promoted or another is named so.
    """

    do: Do
    intent: str
    into: str | None = None
    cluster: int | None = None
