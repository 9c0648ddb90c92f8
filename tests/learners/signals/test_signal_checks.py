"""The checks of signals: ours, written as one of others, pass; what breaks its word fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from penchant_signal_price_range import PriceRange

from learners.recommender.signal_checks import (
    SIGNAL_CHECKS,
    check_asking_changes_nothing,
    check_forgets_a_removed_item,
    check_goes_on_from_what_was_stored,
    check_names,
    check_says_a_finite_number_of_each_candidate,
    check_takes_back_what_it_counted,
)
from learners.signals.added import SignalError
from learners.signals.signal import Signal
from tests.learners.signals.by_protocol import Together, Trending


class Quiet(Signal):
    """It does nothing at all."""

    name = "quiet"


@pytest.mark.parametrize("check", SIGNAL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("maker", [Trending, Together, Quiet])
def test_these_pass(check: Any, maker: Any) -> None:
    check(maker)


class NeverUncounts(PriceRange):
    def uncount(self, taking: Any) -> None:
        pass


class StoresNothing(PriceRange):
    def item_state(self, item: int) -> Any:
        return None


class StoresHalf(PriceRange):
    def item_state(self, item: int) -> Any:
        return super().item_state(item) if item % 2 else None


class NeverForgets(PriceRange):
    def forget(self, item: int) -> None:
        pass


class CountsWhoAsks(PriceRange):
    asked = 0

    def features(self, ids: Any, context: Any) -> Any:
        self.asked += 1
        return super().features(ids, context)

    def state(self) -> Any:
        return {"asked": self.asked}


class DividesByNothing(PriceRange):
    def features(self, ids: Any, context: Any) -> Any:
        return super().features(ids, context) / np.float32(len(context.recent))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_takes_back_what_it_counted, NeverUncounts),
        (check_goes_on_from_what_was_stored, StoresNothing),
        (check_goes_on_from_what_was_stored, StoresHalf),
        (check_forgets_a_removed_item, NeverForgets),
        (check_asking_changes_nothing, CountsWhoAsks),
        (check_says_a_finite_number_of_each_candidate, DividesByNothing),
    ],
)
def test_what_breaks_its_word_fails(check: Any, broken: Any) -> None:
    with pytest.raises(AssertionError):
        check(broken)


def test_a_name_of_ours_fails() -> None:
    with pytest.raises(SignalError):
        check_names(type("Taken", (Quiet,), {"name": "popular"}))
