"""Questions of the newest slice, against a naive reading of the same rules."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.finetune.encoder import questions as encoder_slice
from dataflows.finetune.encoder.questions import answer, questions
from dataflows.finetune.window.window import Split, WindowEvent, WindowItem

ITEMS = {
    **{f"i{n}": WindowItem(f"i{n}", f"title {n}") for n in range(8)},
    "gone": WindowItem("gone", "sold out", available=False),
    "mute": WindowItem("mute", " "),
}
NAMES = [*ITEMS, "unheard of"]


def event(n: int, user: str, item: str | None, ts: float, weight: float = 1.0) -> WindowEvent:
    return WindowEvent(f"e{n}", user, "view", ts, item, weight)


@st.composite
def windows(draw: st.DrawFn) -> Split:
    told = draw(
        st.lists(
            st.tuples(
                st.sampled_from("uvw"),
                st.sampled_from([*NAMES, None]),
                st.integers(0, 2),
                st.sampled_from([1.0, 1.0, 0.0]),
            ),
            max_size=40,
        )
    )
    ts, events = 0.0, []
    for n, (user, item, gap, weight) in enumerate(told):
        ts += gap
        events.append(event(n, user, item, ts, weight))
    cut = draw(st.integers(0, 40))
    begin = events[cut].ts if cut < len(events) else ts + 1
    return Split(
        [each for each in events if each.ts < begin],
        [each for each in events if each.ts >= begin],
        ITEMS,
    )


def naive(parted: Split, recent: int, vectors: dict[str, np.ndarray]) -> list[int]:
    """The ranks by the words of the docstring, one event after another."""
    events = [
        each
        for each in [*parted.train, *parted.newest]
        if each.weight > 0 and each.item_id in vectors
    ]
    ranks = []
    for at, now in enumerate(events):
        past = [each.item_id for each in events if each.user_id == now.user_id and each.ts < now.ts]
        beside = [
            each.item_id
            for each in events[:at]
            if each.user_id == now.user_id and each.ts == now.ts
        ]
        if now.ts < (parted.newest or [event(0, "", None, np.inf)])[0].ts:
            continue
        if not past or now.item_id in past or now.item_id in beside:
            continue
        newest = list(dict.fromkeys(reversed(past)))[:recent]
        profile = sum(np.exp(-step / 3.0) * vectors[item] for step, item in enumerate(newest))
        wanted = vectors[now.item_id] @ profile
        rivals = [
            vectors[item] @ profile
            for item in vectors
            if item not in past and item != now.item_id and ITEMS[item].available
        ]
        ranks.append(1 + sum(score >= wanted - 1e-9 for score in rivals))
    return ranks


@given(windows(), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_ranks_are_those_of_a_naive_reading(parted: Split, recent: int, seed: int):
    asked = questions(parted, recent)
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(len(asked.texts), 3)).astype(np.float32)
    names = {item.title: item_id for item_id, item in ITEMS.items()}
    by_name = {
        names[text]: row.astype(np.float64) for text, row in zip(asked.texts, rows, strict=True)
    }
    assert "mute" not in by_name
    assert answer(asked, rows).ranks.tolist() == naive(parted, recent, by_name)


def test_equal_scores_lose_and_broken_ones_are_last():
    parted = Split([event(0, "u", "i0", 1.0)], [event(1, "u", "i1", 2.0)], ITEMS)
    asked = questions(parted, 20)
    dim = np.ones((len(asked.texts), 2), np.float32)
    # 8 items with a text are on sale; the user has one.
    assert answer(asked, dim).ranks.tolist() == [7]
    assert answer(asked, dim * np.nan).ranks.tolist() == [7]


def test_what_comes_at_one_time_is_not_seen_by_what_comes_with_it():
    parted = Split(
        [event(0, "u", "i0", 1.0)],
        [event(1, "u", "i1", 2.0), event(2, "v", "i4", 2.0), event(3, "u", "i2", 2.0)],
        ITEMS,
    )
    asked = questions(parted, 20)
    texts = [[asked.texts[place] for place in row if place >= 0] for row in asked.recent.tolist()]
    assert texts == [["title 0"], ["title 0"]]


def test_many_questions_and_items_are_drawn_from(monkeypatch):
    monkeypatch.setattr(encoder_slice, "MOST_QUESTIONS", 5)
    monkeypatch.setattr(encoder_slice, "MOST_ITEMS", 4)
    items = {f"x{n}": WindowItem(f"x{n}", f"thing {n}") for n in range(50)}
    train = [event(n, f"u{n}", "x0", 1.0) for n in range(20)]
    newest = [event(n, f"u{n}", f"x{n % 3 + 1}", 2.0 + n) for n in range(20)]
    asked = questions(Split(train, newest, items), 20)
    assert len(asked.taken) == 5
    assert 4 <= len(asked.texts) <= 5
    again = questions(Split(train, newest, items), 20)
    assert again.texts == asked.texts
    assert again.taken.tolist() == asked.taken.tolist()


def test_listed_items_are_counted_once():
    parted = Split(
        [event(n, f"u{n}", "i0", 1.0) for n in range(3)],
        [event(9 + n, f"u{n}", "i1", 2.0) for n in range(3)],
        ITEMS,
    )
    asked = questions(parted, 20)
    rows = np.random.default_rng(0).normal(size=(len(asked.texts), 3)).astype(np.float32)
    assert 1 <= answer(asked, rows).listed <= 8
