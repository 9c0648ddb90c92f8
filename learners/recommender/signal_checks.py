"""What every signal must hold, as checks that a package can run over its own.

Each check takes what makes the signal, and raises AssertionError where the signal does not keep
its word. They play one stream of purchases with values, drawn by a seed, through a small model.

    @pytest.mark.parametrize("check", SIGNAL_CHECKS, ids=lambda check: check.__name__)
    def test_it_is_a_signal(check):
        check(PriceRange)
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from learners.codec import pack
from learners.online_model import OnlineModel
from learners.ranking.columns import TAKEN
from learners.recommender.record_table import RecordTable
from learners.settings import LearnerSettings
from learners.signals.signal import Signal, SignalMaker
from learners.types import Interaction, Item, Retraction, Vector

ITEMS, USERS, EVENTS, DIM = 40, 12, 200, 12
SETTINGS = LearnerSettings(dim=DIM, hidden=8, candidates=80, recent=8, window=8)

SignalCheck = Callable[[SignalMaker], None]


def stream(events: int = EVENTS, seed: int = 0) -> list[Interaction]:
    """Return purchases with values, some at one time, some without a value."""
    draw = np.random.default_rng(seed)
    made = []
    for at in range(events):
        user, item = int(draw.integers(USERS)), int(draw.random() ** 2 * ITEMS)
        value = float(2.0 ** (item % 7)) if at % 5 else None
        ts = 1.7e9 + 60.0 * (at // 2)
        made.append(Interaction(at, f"e{at}", f"u{user}", f"i{item}", "buy", ts, value=value))
    return made


def played(maker: SignalMaker, events: Collection[Interaction]) -> OnlineModel:
    """Return a small model with the signal that has learnt these events."""
    model = _with_items(OnlineModel(SETTINGS, signals=[maker]))
    for event in events:
        model.learn(event)
    return model


def known(model: OnlineModel) -> dict[str, Any]:
    """Return what the signal of a model knows of each item, by id; nothing is left out."""
    signal, items = _signal(model), model.signals.items
    states = {item_id: signal.item_state(number) for item_id, number in items.index.items()}
    return {item_id: state for item_id, state in states.items() if state is not None}


def check_names(maker: SignalMaker) -> None:
    """Check that its names are names, and nobody else's."""
    played(maker, ()).signals.added.check(TAKEN)


def check_says_a_finite_number_of_each_candidate(maker: SignalMaker) -> None:
    """Check that each candidate has a finite number in each column, whoever is asked about."""
    model = played(maker, stream())
    for user in range(USERS + 1):
        model.rank(f"u{user}")
    assert not model.signals.added.mended, "some of its numbers are not finite"


def check_asking_changes_nothing(maker: SignalMaker) -> None:
    """Check that lists and reasons leave no trace in it."""
    model = played(maker, stream())
    before = _packed(model)
    for user in range(USERS):
        assert model.recommend(f"u{user}").entries == model.recommend(f"u{user}").entries
    assert _packed(model) == before, "a list changed what it knows"


def check_goes_on_from_what_was_stored(maker: SignalMaker) -> None:
    """Check that what is restored goes on bit for bit as if it had never stopped."""
    events, table = stream(), RecordTable()
    half = played(maker, events[: EVENTS // 2])
    table.keep(half.changed())
    model = OnlineModel(SETTINGS, table.get, signals=[maker])
    model.restore(table.scan)
    _with_items(model)
    for event in events[EVENTS // 2 :]:
        model.learn(event)
        half.learn(event)
    first, second = (
        pack("check", 1, [known(one), dict(_signal(one).state())]) for one in (model, half)
    )
    assert first == second, "what was restored went on to something else"
    for user in range(USERS):
        assert model.recommend(f"u{user}").entries == half.recommend(f"u{user}").entries


def check_takes_back_what_it_counted(maker: SignalMaker) -> None:
    """Check that what is taken back at once was never counted, but for the last digits."""
    model = played(maker, stream())
    before = known(model)
    for at in range(3):
        event = Interaction(EVENTS + at, f"x{at}", "u1", f"i{at}", "buy", 1.8e9 + at, value=8.0)
        model.learn(event)
    for at in range(3):
        assert model.retract(Retraction("u1", f"x{at}")) == "all"
    _assert_near(before, known(model))


def check_forgets_a_removed_item(maker: SignalMaker) -> None:
    """Check that nothing is known of a removed item, nor taken back from it again."""
    model = played(maker, stream())
    model.remove_item("i3")
    assert "i3" not in known(model), "it knows something of an item that was removed"
    for event in stream()[-20:]:
        model.retract(Retraction(event.user_id, event.event_id))
    assert "i3" not in known(model), "what was counted before a removal was taken back after it"


def check_moves_to_another_encoder(maker: SignalMaker) -> None:
    """Check that lists are made in another encoder's space, and that what it stores can be read."""
    model, table = played(maker, stream()), RecordTable()
    reencoding = model.reencoding()
    for item in range(ITEMS):
        reencoding.put_item(f"i{item}", _unit(1_000 + item))
    while reencoding.step(lambda texts: [None] * len(texts), ITEMS):
        pass
    model.switch(reencoding)
    table.keep(model.changed())
    after = OnlineModel(SETTINGS, table.get, signals=[maker])
    after.restore(table.scan)
    assert pack("check", 1, known(model)) == pack("check", 1, known(after))
    assert model.recommend("u1").entries


SIGNAL_CHECKS: tuple[SignalCheck, ...] = (
    check_names,
    check_says_a_finite_number_of_each_candidate,
    check_asking_changes_nothing,
    check_goes_on_from_what_was_stored,
    check_takes_back_what_it_counted,
    check_forgets_a_removed_item,
    check_moves_to_another_encoder,
)


def _unit(seed: int) -> Vector:
    vector = np.random.default_rng(seed).normal(size=DIM)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _signal(model: OnlineModel) -> Signal:
    (signal,) = model.signals.added.signals
    return signal


def _packed(model: OnlineModel) -> bytes:
    """Return all that the signal of a model knows, bit for bit."""
    return pack("check", 1, [known(model), dict(_signal(model).state())])


def _with_items(model: OnlineModel) -> OnlineModel:
    for item in range(ITEMS):
        vector, category = _unit(item), f"category {item % 3}"
        model.put_item(Item(f"i{item}", f"thing {item}", (category,), True, vector))
    return model


def _assert_near(one: Any, other: Any) -> None:
    """Raise AssertionError where two states differ by more than rounding."""
    if isinstance(one, dict):
        assert list(one) == list(other), f"there is something of {one.keys() ^ other.keys()}"
        for key in one:
            _assert_near(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), f"{len(other)} numbers are left, {len(one)} there were"
        for mine, theirs in zip(one, other, strict=True):
            _assert_near(mine, theirs)
    elif isinstance(one, str | bytes | bool | None):
        assert one == other, f"{other!r} is left, {one!r} it was"
    else:
        np.testing.assert_allclose(np.asarray(other, float), np.asarray(one, float), rtol=1e-6)
