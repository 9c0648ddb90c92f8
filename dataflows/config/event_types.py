"""The types of events that have a meaning of their own; all others are the user's to choose."""

from __future__ import annotations

LABEL = "label"
INTENTS = "intents"
RETRACT = "retract"
NEGATIVE = "negative"
"""Its user was shown the item and did not take it: nothing is learnt from it, unless it weighs."""

EXPOSED = "exposed"
"""Its user was shown a list, or one item of it: it is joined to the list, and nothing is learnt."""

OUR_OWN = (LABEL, INTENTS, RETRACT)
