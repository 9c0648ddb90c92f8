from __future__ import annotations

import numpy as np
import pytest
from penchant_signal_price_range import PriceRange

from learners.online_model import OnlineModel
from learners.recommender.signal_checks import SIGNAL_CHECKS
from learners.signals.added import makers_of
from learners.testing import Feed, small


@pytest.mark.parametrize("check", SIGNAL_CHECKS, ids=lambda check: check.__name__)
def test_it_is_a_signal(check) -> None:
    check(PriceRange)


def test_what_costs_as_much_is_near_and_what_costs_twice_is_one_above() -> None:
    feed = Feed(OnlineModel(small(), signals=[PriceRange]))
    for item, price in enumerate((10.0, 10.0, 20.0, 80.0)):
        feed("ann", f"i{item}", value=price)
    feed("bob", "i0", value=10.0)
    feed("bob", "i1", value=10.0)
    (signal,) = feed.model.signals.added.signals
    user = feed.model.users.get("bob", feed.model.position)
    ids = np.arange(4, dtype=np.int32)
    context = type("Context", (), {})()
    context.recent, context.back, _ = user.recent_window(8)
    near, above = signal.features(ids, context)
    assert near.tolist() == pytest.approx([1.0, 1.0, np.exp(-4.0), np.exp(-12.0)])
    assert above.tolist() == pytest.approx([0.0, 0.0, 1.0, 3.0])
    assert signal.candidates(context).tolist() == [0, 1]
    assert signal.explain(1, context) == "costs about as much as recent choices"
    assert signal.explain(2, context) is None


def test_it_is_found_by_its_name() -> None:
    assert makers_of(("price_range",)) == (PriceRange,)
