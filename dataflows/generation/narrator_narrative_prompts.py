"""How a language model is asked for words, and the templates where its words do not hold.

Examples show it what a line is, since small models follow examples better than orders. Texts
of the catalogue are data: one line, no markup (`dataflows.generation.prompts.plain`), and no sign
that parts facts.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.generation.prompts import plain
from dataflows.messages.items import ItemRecord

_REASON = """\
Each reason says in a few plain words why somebody may like a thing. It uses the facts and \
nothing else.

Facts: Red Kettle; kinds: Kitchen, Tea; colour: red
Reason: A red kettle for everybody who loves tea.

Facts: The Long Walk; kinds: Drama, Nature
Reason: A drama for those who like nature.

Facts: Garden Lamp; kinds: Garden, Light; power: solar
Reason: A solar lamp that brings light to the garden.

Facts: {facts}
Reason:"""

_HEADLINE = """\
Each headline says in a few plain words what a list of things offers. It uses the facts and \
nothing else.

Facts: wanted: tea time; kinds: Kitchen, Tea, Books
Headline: Tea and books for a quiet kitchen.

Facts: kinds: Drama, Nature
Headline: Dramas from the heart of nature.

Facts: wanted: a gift; kinds: Garden, Light
Headline: A gift of light for the garden.

Facts: {facts}
Headline:"""

MOST_KINDS = 4
MOST_ATTRIBUTES = 3
_MOST_CHARS = 40


def fact_texts(record: ItemRecord) -> list[str]:
    """Return what a record says beside its title: categories, then plain attributes, a few."""
    kinds = [plain(kind, _MOST_CHARS) for kind in record.categories[:MOST_KINDS]]
    return [*filter(None, kinds), *_attributes(record).values()]


def reason_prompt(record: ItemRecord) -> str:
    """Ask why somebody may like an item."""
    kinds = ", ".join(filter(None, (_fact(kind) for kind in record.categories[:MOST_KINDS])))
    parts = [_fact(record.title, 100), f"kinds: {kinds}" if kinds else ""]
    parts += [f"{_fact(name)}: {_fact(value)}" for name, value in _attributes(record).items()]
    return _REASON.format(facts="; ".join(filter(None, parts)))


def headline_prompt(need: str, kinds: Sequence[str]) -> str:
    """Ask what a list offers, from the need that it answers ("" for none) and its categories."""
    named = ", ".join(filter(None, map(_fact, kinds)))
    parts = [f"wanted: {_fact(need)}" if need else "", f"kinds: {named}" if named else ""]
    return _HEADLINE.format(facts="; ".join(filter(None, parts)) or "kinds: all")


def plain_reason(record: ItemRecord) -> str:
    """Return the reason that needs no model."""
    kinds = ", ".join(filter(None, (plain(kind, _MOST_CHARS) for kind in record.categories[:3])))
    title = plain(record.title) or plain(record.item_id)
    return f"{title}: {kinds}" if kinds else f"{title}, picked for you"


def plain_headline(need: str) -> str:
    """Return the headline that needs no model."""
    return f"Picked for you: {plain(need, _MOST_CHARS)}" if plain(need) else "Picked for you"


def _attributes(record: ItemRecord) -> dict[str, str]:
    """Return the first attributes that are a short text or a number."""
    found: dict[str, str] = {}
    for name, value in record.attributes.items():
        if len(found) < MOST_ATTRIBUTES and isinstance(value, str | int | float):
            text = plain(str(value), _MOST_CHARS + 1)
            if text and len(text) <= _MOST_CHARS and not isinstance(value, bool):
                found[plain(name.replace("_", " "), _MOST_CHARS)] = text
    return found


def _fact(text: str, limit: int = _MOST_CHARS) -> str:
    """Keep a text from looking like two facts."""
    return plain(text, limit).replace(";", ",").replace(": ", " ")
