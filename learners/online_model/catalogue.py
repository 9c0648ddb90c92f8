"""The catalogue of a model: items that come, change and go."""

from __future__ import annotations

from learners.state.model import ModelState
from learners.types import Item, Vector


def put_item(state: ModelState, item: Item) -> None:
    """Put a catalogue record, new or changed.

    Raises ValueError for a vector that is not (dim,), finite and of about unit length.
    """
    signals, items = state.signals, state.signals.items
    if item.vector is not None:
        signals.semantic.check(item.vector)
    state.peek = None
    known = item.item_id in items.index
    number = signals.number(item.item_id, state.position)
    before = (bool(items.available[number]), items.categories[:, number].tolist())
    fingerprints = signals.semantic.fingerprints
    fingerprint = fingerprints.get(number, 0)
    signals.words.put(number, items.titles[number], item.title)
    items.put(item, state.position)
    changed = signals.semantic.put(number, item.vector)
    signals.added.put(number, item)
    if state.facts is not None:
        state.facts.put(number, item.attributes, item.categories)
    # Else a restart would take the vector for a new one.
    if fingerprints[number] != fingerprint:
        state.dirty.add(number)
    state.dirty.update(changed)
    if before[0] != item.available:
        signals.set_available(number, item.available)
    if not item.available:
        _leave_open(state, number)
    if not known:
        signals.add_fresh(number)
    if not known or changed or before != (item.available, items.categories[:, number].tolist()):
        state.dirty.add(number)


def remove_item(state: ModelState, item_id: str) -> None:
    """Remove an item from every list and signal; unknown ids are ignored."""
    number = state.signals.items.index.get(item_id)
    state.peek = None
    if number is not None:
        state.dirty.update(state.signals.remove(number, state.position))
        _leave_open(state, number)
        if state.facts is not None:
            state.facts.put(number, {})


def vector_of(state: ModelState, item_id: str) -> Vector | None:
    """Return a copy of an item's vector (dim,), None where it has no text."""
    number, semantic = state.signals.items.index.get(item_id), state.signals.semantic
    if number is None or not semantic.has[number]:
        return None
    vector: Vector = semantic.vectors[number].copy()
    return vector


def _leave_open(state: ModelState, number: int) -> None:
    """Remove an item from the candidates of the group that is being learnt."""
    if state.open is not None:
        state.open = state.open.only(state.open.ids != number)
