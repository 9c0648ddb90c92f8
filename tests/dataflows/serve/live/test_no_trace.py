"""Whatever is asked in between: records, lists and ranks are those of a run that nobody asks."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.config.events import EventSettings
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from encoders.cache.cached import CachedEncoder
from learners.online_model.queries.lists import make_list
from tests.dataflows.engine.test_engine import (
    ENCODER,
    EVENTS,
    USERS,
    Run,
    event,
    item,
    raw,
    real,
    stream,
)
from tests.dataflows.serve.live.questions import QUESTIONS, answers_of

SEARCHED = st.tuples(st.integers(0, USERS - 1), st.integers(0, 5), st.just("search"))


def with_searches(drawn):
    """As `stream`, and searches are events without an item, with words."""
    raws = []
    for one in stream(drawn, group=3):
        if one.topic == "events" and b'"search"' in (one.value or b""):
            number = int(json.loads(one.value)["event_id"][1:])
            user, thing, _ = drawn[number]
            more = {"item_id": None, "text": f"thing {thing}", "ts": 1.7e9 + number // 3}
            raws.append(raw(one.offset, event(number, user, thing, "search", **more)))
        else:
            raws.append(one)
    return raws


def ranks(run, user):
    """What an evaluation would see: all candidates with their scores, to the bit."""
    found = run.engine.model.rank(user, before=None)
    return found.ids, found.scores.tobytes()


@given(drawn=st.lists(st.one_of(EVENTS, EVENTS, SEARCHED), min_size=5, max_size=50), data=st.data())
@settings(max_examples=15, deadline=None)
def test_questions_leave_no_trace(drawn, data):
    """Users are unloaded and forgotten all the time; each run commits at the same records."""
    raws = with_searches(drawn)
    silent, asked = Run(model=real), Run(model=real)
    door = answers_of(asked)
    answers_of(silent)
    rest = list(raws)
    while rest:
        cut = data.draw(st.integers(1, 5), "batch")
        batch, rest = rest[:cut], rest[cut:]
        for run in (silent, asked):
            run.process(batch)
        for name in data.draw(st.lists(st.sampled_from(sorted(QUESTIONS)), max_size=4), "asked"):
            if asked.engine.model.is_known("i1"):
                QUESTIONS[name](door, f"u{data.draw(st.integers(0, USERS), 'whom')}")
        if data.draw(st.booleans(), "commit"):
            in_memory = len(asked.engine.model.users), len(silent.engine.model.users)
            assert in_memory[0] == in_memory[1]
            for run in (silent, asked):
                run.engine.commit()
            assert asked.state() == silent.state()
        user = f"u{data.draw(st.integers(0, USERS - 1), 'ranked')}"
        assert ranks(asked, user) == ranks(silent, user)
    for run in (silent, asked):
        run.end()
    assert asked.state() == silent.state()
    assert asked.received == silent.received


def test_a_list_that_is_asked_is_the_one_that_is_made_bit_for_bit():
    drawn = [(n % USERS, n * 5 % 6, "view") for n in range(40)]
    run = Run(model=real)
    run.process(stream(drawn))
    model = run.engine.model
    for user in ("u0", "u1", "u2", "u3", "nobody"):
        known = model.users.get(user, model.position)
        made, own = make_list(model, user, known, 3), model.recommend(user)
        assert made.entries == own.entries
        assert made.intent == own.intent
        plain = make_list(model, user, known, 3, explain=False).entries
        assert [(one.item_id, one.score, one.title) for one in plain] == [
            (one.item_id, one.score, one.title) for one in own.entries
        ]


def test_what_is_asked_in_words_is_not_put_beside_the_texts_of_the_stream():
    """Else an event of the same words could come by another last digit than without a question."""
    run = Run(model=real)
    cached = CachedEncoder(ENCODER, 100)
    run.encode = EncodeStep(cached, EventSettings(), Catalogue(run.store, ENCODER.version))
    door = answers_of(run)
    run.engine.space.encoder = cached
    run.process([item(0, 0, "a red lamp")])
    before = cached.counts
    assert door.search("a red lamp", None, 1, ()).items[0].item_id == "i0"
    assert cached.counts == before
