"""A list that gets a narrative, and the narrative."""

from __future__ import annotations

from typing import Literal, NamedTuple

from dataflows.messages.outgoing import Position, Versions


class SentList(NamedTuple):
    """A list that was sent: its items in order, and the likeliest need, "" where none is known."""

    user_id: str
    item_ids: tuple[str, ...]
    need: str
    sequence: int
    position: Position
    versions: Versions


class Sentence(NamedTuple):
    """A line of a narrative, and who wrote it."""

    text: str
    by: Literal["model", "template"]


class NarrativeText(NamedTuple):
    """A list in words: `reasons` in the order of its items, whose titles are `titles`."""

    headline: Sentence
    reasons: tuple[Sentence, ...]
    titles: tuple[str, ...]


class GeneratedNarrative(NamedTuple):
    """The words for a list; `version` is the fingerprint of the language model."""

    listed: SentList
    words: NarrativeText
    version: str
