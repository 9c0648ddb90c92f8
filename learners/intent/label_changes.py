"""Decisions about labels of intent, carried out: a label is named, merged, promoted, retired."""

from __future__ import annotations

import numpy as np

from learners.intent.decisions import Control, ControlError
from learners.intent.keywords import words_of
from learners.intent.state import IntentState

_MOST_DECISIONS = 1_000
"""How many old names are remembered, and how many labels that are learnt no more."""


def carry_out(intents: IntentState, control: Control) -> None:
    """Carry out a decision about labels. Raises `ControlError` where that cannot be."""
    try:
        if control.do == "promote":
            _promote(intents, control)
        elif control.do == "retire":
            _retire(intents, control.intent)
        else:
            _call(intents, control)
    except (KeyError, ValueError) as error:
        reason = error.args[0] if error.args else error
        raise ControlError(f"{control.do} {control.intent!r}: {reason}") from error


def _promote(intents: IntentState, control: Control) -> None:
    """Teach the events of a cluster under the name of a label."""
    cluster = intents.discovery.clusters.get(control.cluster or 0)
    if cluster is None:
        raise ValueError(f"there is no cluster {control.cluster}")
    if not control.intent:
        raise ValueError("a label needs a name")
    intents.discovery.drop(cluster.number)
    intents.retired.pop(control.intent, None)
    intents.aliases.pop(control.intent, None)
    for vector in cluster.vectors:
        intents.learn_label(vector.astype(np.float32), control.intent, 1.0)
    for example in cluster.examples:
        intents.typical.learn(control.intent, words_of(example.text))
        if (kept := intents.buffer.find(example.event_id)) is not None:
            intents.labelled.add(control.intent, kept.position, kept.encoded, 1.0)


def _call(intents: IntentState, control: Control) -> None:
    """Rename a label, or merge it into another; later labels of that name follow."""
    old, new, stated = control.intent, control.into or "", intents.stated
    slot = stated.labels.index(old) if old in stated.labels else 0
    if control.do == "name":
        stated.rename(old, new)
        intents.retired.pop(new, None)
    else:
        stated.merge(old, new)
        intents.drop_slot(slot)
    intents.typical.rename(old, new)
    intents.labelled.rename(old, new)
    intents.names = list(stated.labels)
    aliases = intents.aliases
    for alias in [alias for alias, name in aliases.items() if name == old]:
        aliases[alias] = new
    aliases.pop(new, None)
    aliases[old] = new
    if len(aliases) > _MOST_DECISIONS:
        del aliases[next(iter(aliases))]


def _retire(intents: IntentState, label: str) -> None:
    """Forget a label, and learn it no more."""
    stated = intents.stated
    slot = stated.labels.index(label) if label in stated.labels else 0
    stated.retire(label)
    intents.drop_slot(slot)
    intents.typical.keep(stated.labels)
    intents.labelled.retire(label)
    intents.names = list(intents.reported.labels)
    intents.retired[label] = None
    if len(intents.retired) > _MOST_DECISIONS:
        del intents.retired[next(iter(intents.retired))]
