"""What can be asked, whoever answers: the live model, or a store that follows what it sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dataflows.serve.api_types import (
    HistoryAnswer,
    IntentAnswer,
    ItemAnswer,
    ItemsAnswer,
    ListAnswer,
    ListRequest,
    NeighboursAnswer,
    ProfileAnswer,
    RankAnswer,
    RankRequest,
    Readiness,
    WhyAnswer,
)
from dataflows.serve.status import Status
from dataflows.serve.user_types import BeliefsAnswer, UsersAnswer


class NotAnsweredHereError(Exception):
    """Nobody here can answer this: it needs the live model (501). The text names the remedy."""


class UnknownError(Exception):
    """What is asked about was never heard of, such as an item (404)."""


class BadRequestError(Exception):
    """What is asked for is not to be had as it is asked: value, limit, remedy (400)."""


class NotReadyError(Exception):
    """Nothing can be answered yet, or not now: what is waited for (503)."""


class ItemAnswers(Protocol):
    """Answers questions about items, as `AnswerSource` does."""

    def item(self, item_id: str) -> ItemAnswer:
        """Return one item."""
        ...

    def similar(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return items like an item: taken together with it, or near in meaning."""
        ...

    def together(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return items that are taken near an item, by the cosine of counts."""
        ...

    def next(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return items that are taken right after an item, by their share."""
        ...

    def popular(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what is taken most."""
        ...

    def trending(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what is taken more and more."""
        ...

    def falling(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what is taken less and less."""
        ...

    def latest(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what came into the catalogue last."""
        ...

    def leaderboard(self, name: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return the first items of a leaderboard of the configuration."""
        ...

    def search(
        self, text: str, user_id: str | None, k: int, categories: Sequence[str]
    ) -> ItemsAnswer:
        """Return items by meaning, for a user in their order where one is given."""
        ...


class UserAnswers(Protocol):
    """Answers questions about users, as `AnswerSource` does."""

    def active_users(self, k: int) -> UsersAnswer:
        """Return users who were there lately, the last of them first."""
        ...

    def neighbours(self, user_id: str, k: int) -> NeighboursAnswer:
        """Return users like a user."""
        ...

    def intent(self, user_id: str) -> IntentAnswer:
        """Return what a user is after."""
        ...

    def beliefs(self, user_id: str) -> BeliefsAnswer:
        """Return what was believed of a user after each of their newest events."""
        ...

    def profile(self, user_id: str) -> ProfileAnswer:
        """Return what a user leans towards."""
        ...

    def history(self, user_id: str, k: int) -> HistoryAnswer:
        """Return what a user had lately."""
        ...

    def why(self, user_id: str, item_id: str) -> WhyAnswer:
        """Return where an item stands for a user, and why."""
        ...


class AnswerSource(ItemAnswers, UserAnswers, Protocol):
    """Answers questions about users and items; changes nothing that is learnt.

    Every method may be called from several threads, and raises `NotAnsweredHereError`,
    `UnknownError`, `BadRequestError` and `NotReadyError`. A user who is not known gets a list too.
    Nothing that is asked leaves a trace in the model: the same events make the same state and lists
    whatever is asked in between.
    """

    @property
    def waits(self) -> bool:
        """Whether an answer may wait for others: it is then asked for in a thread of its own."""
        ...

    def recommend(self, user_id: str, asked: ListRequest) -> ListAnswer:
        """Return a list for a user."""
        ...

    def recommend_stored(self, user_id: str) -> bytes | None:
        """Return the JSON of the list for a request that asks for nothing special, if it is kept.

        None: `recommend` makes it. The shortest way, for those who answer from a store.
        """
        ...

    def recommend_anonymous(self, asked: ListRequest) -> ListAnswer:
        """Return a list for somebody of whom nothing but `asked.context` is known."""
        ...

    def rank(self, asked: RankRequest) -> RankAnswer:
        """Return the given items in the order for a user."""
        ...

    def wait_for(self, user_id: str, position: tuple[str, int], seconds: float) -> ListAnswer:
        """Return the list of a user once the record at a position (partition, offset) is learnt.

        Raises `NotReadyError` where that takes longer than `seconds`.
        """
        ...

    def readiness(self) -> Readiness:
        """Return whether answers are as new as can be."""
        ...

    def status(self) -> Status:
        """Return what the page shows of the whole: the figures of `/v1/status`."""
        ...
