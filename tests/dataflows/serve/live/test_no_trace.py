"""Whatever is asked in between: records, lists and ranks are those of a run that nobody asks."""

from __future__ import annotations

import json
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.config.events import EventSettings
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.serve.answers import UnknownError
from dataflows.state.store import Store
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


def stored(store: Store) -> dict[str, list[tuple[str, bytes]]]:
    """All that a store holds, but for messages under way."""
    kinds = [kind for kind in store.kinds() if not kind.startswith("outbox")]
    return {kind: [(key, bytes(blob)) for key, blob in store.scan(kind)] for kind in kinds}


def test_threads_that_ask_all_the_time_leave_no_trace_in_a_store_on_disk(tmp_path):
    """Users come from SQLite all the time: in the thread of the flow, and in those that ask."""
    raws = with_searches(
        [(n % USERS, n * 5 % 6, "search" if n % 9 == 8 else "view") for n in range(300)]
    )
    kept, received = [], []
    for name in ("silent", "asked"):
        store = Store.open(tmp_path / name)
        run = Run(store=store, model=real)
        door, asked, failed = answers_of(run), [], []
        is_over = threading.Event()

        def ask(door=door, asked=asked, failed=failed, is_over=is_over) -> None:
            while not is_over.is_set():
                for number, question in enumerate(QUESTIONS.values()):
                    try:
                        asked.append(question(door, f"u{number % (USERS + 1)}"))
                    except UnknownError:
                        continue  # the first item is not there yet
                    except Exception as error:
                        failed.append(error)
                        raise

        threads = [threading.Thread(target=ask) for _ in range(2 if name == "asked" else 0)]
        for thread in threads:
            thread.start()
        for start in range(0, len(raws), 10):
            run.process(raws[start : start + 10])
            run.deliver()
            run.engine.commit()
        is_over.set()
        for thread in threads:
            thread.join(60)
        door.close()
        assert not failed
        assert bool(asked) == bool(threads)
        kept.append(stored(store))
        received.append(run.received)
        run.end()
    assert kept[0] == kept[1]
    assert received[0] == received[1]
