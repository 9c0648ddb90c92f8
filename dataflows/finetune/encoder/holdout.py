"""Items that no round of the encoder is ever trained on, so that there is something to tell by.

Most items of a short log are soon met by some training, and those that are not are the seldom
ones. A few drawn by their id are therefore set apart, the same in every round: what the encoder
does to their vectors is what it will do to an item that comes tomorrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from dataflows.finetune.encoder.pairs import item_texts
from dataflows.finetune.window.window import Split, WindowEvent

SHARE = 0.05
"""The part of all items that is set apart."""


def is_apart(item_id: str) -> bool:
    """Return whether an item is never trained on; its id alone decides."""
    digest = blake2b(item_id.encode("utf-8", "replace"), digest_size=4, person=b"apart").digest()
    return int.from_bytes(digest, "big") < SHARE * 2**32


def may_train(events: Sequence[WindowEvent]) -> list[WindowEvent]:
    """Leave out the events of items set apart."""
    return [event for event in events if event.item_id is None or not is_apart(event.item_id)]


def texts_to_keep(parted: Split) -> list[str]:
    """Return the texts that vectors are tied by: those of the catalogue, without items apart."""
    texts = item_texts(parted.items)
    return list(dict.fromkeys(text for item, text in texts.items() if not is_apart(item)))


def trained_texts(parted: Split) -> set[str]:
    """Return the texts that may have been in a pair; every other text is unseen in training."""
    texts = item_texts(parted.items)
    met = {event.item_id for event in may_train(parted.train) if event.weight > 0}
    return {text for item, text in texts.items() if item in met}
