"""An answer source whose answers are known: what reaches it, and what it is asked, can be seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from dataflows.messages.outgoing import Versions
from dataflows.serve.answers import UnknownError
from dataflows.serve.api_types import (
    HistoryAnswer,
    IntentAnswer,
    ItemAnswer,
    ItemsAnswer,
    ListAnswer,
    ListedItem,
    ListRequest,
    NeighboursAnswer,
    ProfileAnswer,
    RankAnswer,
    RankRequest,
    Readiness,
    ScoredItem,
    WhyAnswer,
)
from dataflows.serve.user_types import ActiveUser, BeliefsAnswer, UsersAnswer

AS_OF = {"events-0": 7}
BOARDS = ("new",)
VERSIONS = Versions("hashing", "m1")


class FakeSource:
    """Answers from nothing; `asked` is what it was asked, `fails` what it raises instead."""

    def __init__(self, waits: bool = False) -> None:
        self.waits = waits
        self.asked: list[tuple[Any, ...]] = []
        self.threads: list[str] = []
        self.fails: Exception | None = None
        self.hold: Callable[[], object] = lambda: None
        self.stored: dict[str, bytes] = {}
        self.is_ready = True
        self.items = {"i1": ItemAnswer(item_id="i1", title="One", text="First", as_of=AS_OF)}

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        self.threads.append(threading.current_thread().name)
        self.hold()
        if self.fails is not None:
            raise self.fails

    def list(self, user_id: str | None, k: int = 2) -> ListAnswer:
        return ListAnswer(
            user_id=user_id,
            list_id="3.abc",
            items=tuple(ListedItem(f"i{n}", f"Item {n}", 1 / n, n) for n in range(1, k + 1)),
            source="live",
            is_known=user_id == "u1",
            as_of=AS_OF,
            versions=VERSIONS,
            time="2026-01-31T23:59:00.000Z",
        )

    def recommend(self, user_id: str, asked: ListRequest) -> ListAnswer:
        self._note("recommend", user_id, asked)
        return self.list(user_id, asked.k or 2)

    def recommend_stored(self, user_id: str) -> bytes | None:
        self.asked.append(("recommend_stored", user_id))
        return self.stored.get(user_id)

    def recommend_anonymous(self, asked: ListRequest) -> ListAnswer:
        self._note("recommend_anonymous", asked)
        return self.list(None)

    def rank(self, asked: RankRequest) -> RankAnswer:
        self._note("rank", asked)
        items = tuple(
            ListedItem(item_id, "", 1.0, place) for place, item_id in enumerate(asked.item_ids, 1)
        )
        return RankAnswer(
            user_id=asked.user_id,
            items=items,
            unknown=(),
            is_known=False,
            as_of=AS_OF,
            versions=VERSIONS,
        )

    def wait_for(self, user_id: str, position: tuple[str, int], seconds: float) -> ListAnswer:
        self._note("wait_for", user_id, position, seconds)
        return self.list(user_id)

    def readiness(self) -> Readiness:
        return Readiness(
            is_ready=self.is_ready, checks={"input": "read"}, age_seconds=0.5, as_of=AS_OF
        )

    def status(self) -> Mapping[str, object]:
        self._note("status")
        letter = {
            "time": 1.0,
            "partition": "events-0",
            "offset": 3,
            "reason": "bad_json",
            "detail": "it is empty",
            "raw": "c2VjcmV0",
        }
        return {
            "time": 2.0,
            "source": "live",
            "up_seconds": 1.0,
            "about": "a test",
            "as_of": AS_OF,
            "dead_letters": [letter],
        }

    def item(self, item_id: str) -> ItemAnswer:
        self._note("item", item_id)
        if item_id not in self.items:
            raise UnknownError(f"there is no item {item_id!r}; put it in first")
        return self.items[item_id]

    def _items(self, *asked: Any) -> ItemsAnswer:
        self._note(*asked)
        return ItemsAnswer(items=(ScoredItem("i1", "One", 0.5, ("a",)),), as_of=AS_OF)

    def similar(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        return self._items("similar", item_id, k, tuple(categories))

    def together(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        return self._items("together", item_id, k, tuple(categories))

    def next(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        return self._items("next", item_id, k, tuple(categories))

    def popular(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        return self._items("popular", k, tuple(categories))

    def trending(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        return self._items("trending", k, tuple(categories))

    def falling(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        return self._items("falling", k, tuple(categories))

    def leaderboard(self, name: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        if name not in BOARDS:
            raise UnknownError(f"no leaderboard {name!a} is configured")
        return self._items("leaderboard", name, k, tuple(categories))

    def latest(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        return self._items("latest", k, tuple(categories))

    def search(
        self, text: str, user_id: str | None, k: int, categories: Sequence[str]
    ) -> ItemsAnswer:
        return self._items("search", text, user_id, k, tuple(categories))

    def active_users(self, k: int) -> UsersAnswer:
        self._note("active_users", k)
        return UsersAnswer(users=(ActiveUser("u1", 1.0, "i1", "One"),), as_of=AS_OF)

    def beliefs(self, user_id: str) -> BeliefsAnswer:
        self._note("beliefs", user_id)
        return BeliefsAnswer(user_id=user_id, beliefs=(), as_of=AS_OF)

    def neighbours(self, user_id: str, k: int) -> NeighboursAnswer:
        self._note("neighbours", user_id, k)
        return NeighboursAnswer(users=(), as_of=AS_OF)

    def intent(self, user_id: str) -> IntentAnswer:
        self._note("intent", user_id)
        return IntentAnswer(
            user_id=user_id,
            is_known=False,
            intent={},
            belief={},
            novelty=None,
            reasons=(),
            as_of=AS_OF,
        )

    def profile(self, user_id: str) -> ProfileAnswer:
        self._note("profile", user_id)
        return ProfileAnswer(user_id=user_id, is_known=False, profile=(), as_of=AS_OF)

    def history(self, user_id: str, k: int) -> HistoryAnswer:
        self._note("history", user_id, k)
        return HistoryAnswer(user_id=user_id, is_known=False, events=(), as_of=AS_OF)

    def why(self, user_id: str, item_id: str) -> WhyAnswer:
        self._note("why", user_id, item_id)
        return WhyAnswer(
            user_id=user_id, item_id=item_id, title="One", standing="listed", as_of=AS_OF
        )


STORED = msgspec.json.encode({"user_id": "u1", "items": []})
