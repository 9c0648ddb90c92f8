"""The types of events that have a meaning of their own; all others are the user's to choose."""

from __future__ import annotations

LABEL = "label"
INTENTS = "intents"
RETRACT = "retract"
OUR_OWN = (LABEL, INTENTS, RETRACT)
