"""What a store of lists cannot answer: only the model that made them knows it."""
# ruff: noqa: ARG002 - `AnswerSource` says what the arguments are, and none of them helps here

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.api_types import ListRequest, RankRequest


class LiveOnly:
    """The questions of `AnswerSource` that raise NotAnsweredHereError here, with the remedy."""

    def together(self, item_id: str, k: int, categories: Sequence[str]) -> NoReturn:
        """Refuse: lists do not tell what is taken together."""
        raise not_here("what is taken together with an item")

    def next(self, item_id: str, k: int, categories: Sequence[str]) -> NoReturn:
        """Refuse: lists do not tell what is taken next."""
        raise not_here("what is taken next after an item")

    def leaderboard(self, name: str, k: int, categories: Sequence[str]) -> NoReturn:
        """Refuse: what is counted of items is not sent."""
        raise not_here("a leaderboard")

    def neighbours(self, user_id: str, k: int) -> NoReturn:
        """Refuse: who is like whom is not sent."""
        raise not_here("who is like a user")

    def history(self, user_id: str, k: int) -> NoReturn:
        """Refuse: what users did is not sent."""
        raise not_here("what a user had lately")

    def why(self, user_id: str, item_id: str) -> NoReturn:
        """Refuse: how items outside the list stand is not sent."""
        raise not_here("where an item stands for a user")

    def recommend_anonymous(self, asked: ListRequest) -> NoReturn:
        """Refuse: a list for a context is made by the model."""
        raise not_here("a list for somebody of whom nothing but a context is known")

    def rank(self, asked: RankRequest) -> NoReturn:
        """Refuse: lists do not tell how other items rank."""
        raise not_here("an order of given items")

    def wait_for(self, user_id: str, position: tuple[str, int], seconds: float) -> NoReturn:
        """Refuse: an event that changes no list sends nothing that could be waited for."""
        raise not_here("waiting for the list after an event")


def not_here(what: str) -> NotAnsweredHereError:
    """Return the error for what only the live model knows."""
    return NotAnsweredHereError(
        f"{what} needs the live model, and a store of what was sent answers here; ask a "
        "`penchant run` with serve.enabled, or name one in serve.run_url: it is then passed on"
    )
