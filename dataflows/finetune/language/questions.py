"""What an old and a new language model are both asked, so that they can be compared.

On the newest slice: what came next, and what people were after. And a check set: the same
of a fixed part of all users, chosen by their ids alone, of whom no event is ever trained on
(`trained_on`), from before the newest slice. What is learnt of new events and lost of
everything else shows there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import numpy as np

from dataflows.finetune.window.sequences import Visit, prompt_lines, sequences
from dataflows.finetune.window.window import Split, WindowEvent, WindowItem
from dataflows.generation.prompts import (
    MOST_SHOWN,
    intent_prompt,
    item_line,
    label_words,
    next_prompt,
    plain,
)
from encoders.text import render_event

ONE_IN = 20
"""One user in so many is a check user."""
MOST_OF_USER = 3
"""Questions about one user at most: many users tell more than many questions."""
POOL = 300
"""Items that stand beside the true ones, drawn from the live catalogue once for all questions."""
CANDIDATES = 50

T = TypeVar("T", "NextQuestion", "IntentQuestion")


class NextQuestion(NamedTuple):
    """What did a user choose next? `target` names the true item as a line, `item_id` is its id.

    `candidates` are such lines, the true one first; the others are of items that the user had
    not met. `met` are the items they had.
    """

    user: str
    prompt: str
    target: str
    item_id: str
    candidates: tuple[str, ...]
    met: frozenset[str]


class IntentQuestion(NamedTuple):
    """What was a user after? `target` is the true label in words, the first of `candidates`."""

    user: str
    prompt: str
    target: str
    candidates: tuple[str, ...]


def is_check_user(user_id: str) -> bool:
    """Return whether a user belongs to the check set: the same answer for ever."""
    digest = blake2b(user_id.encode(errors="replace"), digest_size=8, person=b"check").digest()
    return int.from_bytes(digest) % ONE_IN == 0


def trained_on(events: Iterable[WindowEvent]) -> list[WindowEvent]:
    """Leave out the events of check users."""
    return [event for event in events if not is_check_user(event.user_id)]


def newest_questions(parted: Split, most: int, seed: int) -> list[NextQuestion]:
    """Ask about steps of the newest slice, on items that their users had not met."""
    if not parted.newest:
        return []
    events = [*parted.train, *parted.newest]
    steps = sequences(events, parted.items, searches=True)
    begin = parted.newest[0].ts
    found = [
        (own, place)
        for own in steps.values()
        for place in _new_places(own)
        if own[place].ts >= begin
    ]
    return _next_questions(found, parted.items, most, seed)


def check_questions(parted: Split, most: int, seed: int) -> list[NextQuestion]:
    """Ask about steps of check users before the newest slice."""
    events = [event for event in parted.train if is_check_user(event.user_id)]
    steps = sequences(events, parted.items, searches=True)
    found = [(own, place) for own in steps.values() for place in _new_places(own)]
    return _next_questions(found, parted.items, most, seed)


def intent_questions(
    events: Sequence[WindowEvent],
    items: Mapping[str, WindowItem],
    labels: Sequence[str],
    most: int,
    seed: int,
) -> list[IntentQuestion]:
    """Ask what is behind those `events` that say it themselves and have words.

    `labels` are all that may be answered, in words; more than `CANDIDATES` are cut down to a
    draw with the true one in it. None are asked where there is nothing to choose from.
    """
    if len(labels) < 2:
        return []
    found = []
    for event in events:
        item = items.get(event.item_id or "")
        text = render_event(event.type, item.title if item else None, event.text)
        label = label_words(event.intent or "")
        if text is not None and label in labels and plain(text):
            found.append(IntentQuestion(event.user_id, intent_prompt(text), label, (label,)))
    rng = np.random.default_rng([seed, 3])
    return [
        question._replace(candidates=_with_others(question.target, labels, rng))
        for question in _drawn(found, most, rng)
    ]


def labels_of(events: Iterable[WindowEvent]) -> list[str]:
    """Return the intents that events name, in words, each once, in the order of the alphabet."""
    return sorted({label_words(event.intent) for event in events if event.intent} - {""})


def _new_places(steps: list[Visit]) -> list[int]:
    """Return the places of a history at which a user comes to an item for the first time."""
    met: set[str] = set()
    places = []
    for place, step in enumerate(steps):
        if place and step.item_id and step.item_id not in met:
            places.append(place)
        met.add(step.item_id)
    return places


def _next_questions(
    found: list[tuple[list[Visit], int]], items: Mapping[str, WindowItem], most: int, seed: int
) -> list[NextQuestion]:
    rng = np.random.default_rng([seed, 4])
    live = {
        item_id: line
        for item_id, item in items.items()
        if item.available and (line := item_line(item.title, item.categories))
    }
    ids = sorted(live)
    pool = [ids[place] for place in rng.permutation(len(ids))[:POOL]]
    asked = [
        NextQuestion(
            own[place].user_id,
            next_prompt(prompt_lines(own[:place], MOST_SHOWN)),
            own[place].line,
            own[place].item_id,
            (),
            frozenset(step.item_id for step in own[:place]),
        )
        for own, place in found
    ]
    return [
        question._replace(candidates=_with_titles(question, live, pool, rng))
        for question in _drawn(asked, most, rng)
    ]


def _with_titles(
    question: NextQuestion, live: Mapping[str, str], pool: list[str], rng: np.random.Generator
) -> tuple[str, ...]:
    """Set items that the user had not met beside the true one."""
    others = {live[item_id] for item_id in pool if item_id not in question.met}
    return _with_others(question.target, sorted(others), rng)


def _with_others(target: str, others: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    free = [other for other in others if other != target]
    chosen = rng.permutation(len(free))[: CANDIDATES - 1]
    return (target, *(free[place] for place in chosen))


def _drawn(questions: list[T], most: int, rng: np.random.Generator) -> list[T]:
    """Draw at most `most`, few of each user, in a random order."""
    asked: dict[str, int] = {}
    chosen: list[T] = []
    for place in rng.permutation(len(questions)):
        question = questions[place]
        if len(chosen) == most:
            break
        if asked.get(question.user, 0) < MOST_OF_USER:
            asked[question.user] = asked.get(question.user, 0) + 1
            chosen.append(question)
    return chosen
