"""Examples in words for a language model: what comes next, and what a person is after.

Cleaned and balanced (`window.sequences`) and varied: other wordings of the question, parts
of the history dropped or shuffled, so that neither a wording nor one exact history is learnt
by heart. The same window, settings and seed give the same examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dataflows.config.examples import ExampleSettings
from dataflows.finetune.window.sequences import (
    Visit,
    by_rarity,
    capped,
    drawn,
    prompt_lines,
    sequences,
)
from dataflows.finetune.window.window import WindowEvent, WindowItem
from dataflows.generation.prompts import (
    INTENT,
    MOST_SHOWN,
    NEXT,
    intent_prompt,
    label_words,
    next_prompt,
    plain,
)
from encoders.llm.training.finetune import TextExample
from encoders.text import render_event

_MOST_LINES = MOST_SHOWN + 3
_LOOK_BACK = 3 * MOST_SHOWN  # a person may search often


class _Next(NamedTuple):
    step: Visit
    history: list[str]


def next_item_examples(
    events: Sequence[WindowEvent],
    items: Mapping[str, WindowItem],
    settings: ExampleSettings,
    seed: int,
) -> list[TextExample]:
    """Ask after each history which item came next; `events` in the order of time.

    An item that the user has met before in the window is no target.
    """
    rng = np.random.default_rng([seed, 1])
    places: list[_Next] = []
    for steps in sequences(events, items, searches=True).values():
        places += _targets(steps)
    places = capped(places, lambda place: place.step.user_id, settings.most_of_user, rng)
    weights = by_rarity([place.step.item_id for place in places], settings.popular_power)
    chosen = [places[place] for place in drawn(places, weights, settings.most, rng)]
    return [_asked(place, settings, rng) for place in chosen]


def intent_examples(
    events: Sequence[WindowEvent],
    items: Mapping[str, WindowItem],
    settings: ExampleSettings,
    seed: int,
) -> list[TextExample]:
    """Ask what is behind each event that says so itself and has words; each text once a label."""
    rng = np.random.default_rng([seed, 2])
    said: dict[tuple[str, str], None] = {}
    for event in events:
        item = items.get(event.item_id or "")
        text = render_event(event.type, item.title if item else None, event.text)
        label = label_words(event.intent or "")
        if text is not None and label and plain(text):
            said[text, label] = None
    kept = capped(list(said), lambda pair: pair[1], settings.most_of_label, rng)
    weights = np.ones(len(kept))
    chosen = [kept[place] for place in drawn(kept, weights, settings.most, rng)]
    return [
        TextExample(intent_prompt(text, int(rng.integers(len(INTENT)))), label, "intent")
        for text, label in chosen
    ]


def _targets(steps: list[Visit]) -> list[_Next]:
    met: set[str] = set()
    found: list[_Next] = []
    for place, step in enumerate(steps):
        if place and step.item_id and step.item_id not in met:
            # A few more than are shown, so that there are enough where some are dropped.
            found.append(
                _Next(step, prompt_lines(steps[max(0, place - _LOOK_BACK) : place], _MOST_LINES))
            )
        met.add(step.item_id)
    return found


def _asked(place: _Next, settings: ExampleSettings, rng: np.random.Generator) -> TextExample:
    history = varied(place.history, settings, rng)
    return TextExample(next_prompt(history, int(rng.integers(len(NEXT)))), place.step.line, "next")


def varied(history: list[str], settings: ExampleSettings, rng: np.random.Generator) -> list[str]:
    """Drop and shuffle parts of a history; its last line stays in its place."""
    *older, last = history
    kept = [title for title in older if rng.random() >= settings.drop]
    if len(kept) > 2 and rng.random() < settings.shuffle:
        order = rng.permutation(len(kept) - 1)
        kept = [kept[place] for place in order] + kept[-1:]
    return [*kept, last]
