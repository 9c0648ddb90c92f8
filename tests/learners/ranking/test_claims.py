"""What is said of all places of a list at once is what the plain rules say of each by itself."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.online_model import OnlineModel
from learners.online_model.stages import context_of
from learners.ranking.claims import Claims
from learners.ranking.columns import GROUPS
from learners.ranking.reason_words import WORDS, Claim
from learners.testing import DIM, Feed, small, unit
from learners.types import Item, Retraction
from tests.learners.ranking.plain_claims import PlainClaims

ITEMS, USERS, SEEDS = 60, 14, range(2)
WORDS_OF_TITLES = ["red", "blue", "green", "old", "new", "small", "great", "round"]


@pytest.fixture(scope="module")
def shops() -> list[OnlineModel]:
    return [shop(seed) for seed in SEEDS]


def shop(seed: int) -> OnlineModel:
    """A model of a small shop that has seen whatever claims are made of.

    Titles that are equal, and of which some hold quotation marks or nothing; dislikes, searches,
    baskets, retractions, removals, names that a language model gave.
    """
    draw = Random(seed)
    model = OnlineModel(small(dim=DIM, repeats="on" if seed % 2 else "off", generated=6))
    for number in range(ITEMS):
        title = f"“{draw.choice(WORDS_OF_TITLES)}” {draw.choice(WORDS_OF_TITLES)}"
        kinds = tuple(f"kind {draw.randrange(5)}" for _ in range(draw.randrange(4)))
        vector = unit(number, unit(1_000 + number % 4)) if draw.random() < 0.8 else None
        model.put_item(
            Item(f"i{number}", title if draw.random() < 0.8 else "", kinds, True, vector)
        )
    feed = Feed(model)
    for step in range(700):
        user, item = f"u{draw.randrange(USERS)}", f"i{min(int(draw.expovariate(0.06)), ITEMS + 9)}"
        ts, kind = float(step // draw.choice([1, 1, 4])), draw.random()
        if kind < 0.7:
            feed(user, item, ts=ts, vector=unit(1_000 + step % 4), weight=draw.choice([0.3, 1, 8]))
        elif kind < 0.8:
            feed(user, item, ts=ts, weight=-1.0)
        elif kind < 0.95:
            is_known = draw.random() < 0.5
            text = " ".join(draw.sample(WORDS_OF_TITLES, draw.randint(1, 3))) * is_known or "thing"
            vector = None if draw.random() < 0.2 else unit(step % 4, unit(1_000 + step % 4))
            feed(user, None, ts=ts, vector=vector, text=text, encoded=text)
            feed(user, item, ts=ts + 1.0)
        else:
            feed(user, f"once{step}", ts=ts)
            model.retract(Retraction(user, f"e{feed.position - 1}"))
        if step % 150 == 149:
            model.remove_item(f"i{draw.randrange(20)}")
    model.signals.items.streamed[model.signals.number("faded", 0)] = True
    for number in range(0, USERS, 2):
        user = f"u{number}"
        asked = model.generation.length(user), 1e6
        named = [f"i{draw.randrange(ITEMS)}" for _ in range(4)]
        model.generation.put(user, named, [1.0] * 4, asked)
    return model


def said(
    model: OnlineModel, user_id: str, items: list[int], groups: list[list[str]]
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """What the claims say of some items, and what the plain rules do."""
    user = model.users.get(user_id, model.position)
    context = context_of(model, user_id, user, None)
    intent = context.intent.copy()
    intent[user.length % len(intent)] += 0.5  # so that some need is likely
    context = context._replace(intent=intent)
    _, rows = model.pipeline.batch(user_id, context, None, negatives=False)
    found = Claims(model.signals, context, user, rows, np.array(items, np.int32)).reasons(groups)
    return found, [
        PlainClaims(model, context, user, rows, item).reasons(raised)
        for item, raised in zip(items, groups, strict=True)
    ]


@given(seed=st.sampled_from(SEEDS), number=st.integers(0, USERS), data=st.data())
def test_claims_are_those_of_the_plain_rules(
    shops: list[OnlineModel], seed: int, number: int, data: st.DataObject
) -> None:
    model = shops[seed]
    known = st.integers(0, len(model.signals.items) - 1)
    items = data.draw(st.lists(known, min_size=1, max_size=12, unique=True))
    order = st.permutations(list(GROUPS)).flatmap(
        lambda names: st.integers(0, len(names)).map(lambda most: names[:most])
    )
    groups = data.draw(st.lists(order, min_size=len(items), max_size=len(items)))
    found, plain = said(model, f"u{number}", items, groups)
    assert found == plain


def test_every_claim_comes_up(shops: list[OnlineModel]) -> None:
    """Of all items to all users by each group alone: no claim goes untested."""
    made = set()
    for model in shops:
        items = list(range(len(model.signals.items)))
        for number in range(0, USERS + 1, 2):
            for group in GROUPS:
                found, plain = said(model, f"u{number}", items, [[group]] * len(items))
                assert found == plain
                made.update(sentence for reasons in found for sentence in reasons)
    forms = {claim: words.split("{name}")[0] for claim, words in WORDS.items()}
    missing = [claim for claim in Claim if not any(s.startswith(forms[claim]) for s in made)]
    assert missing == [], missing


def test_a_model_that_knows_nothing_claims_nothing() -> None:
    model = OnlineModel(small())
    model.put_item(Item("a", "A"))
    found, plain = said(model, "ann", [0], [list(GROUPS)])
    assert found == plain == [("new here",)]
