"""All that the live model can be asked: `dataflows.serve.answers.AnswerSource` over its shards."""

from __future__ import annotations

import time
from collections.abc import Callable

from dataflows.engine.shards import Engines
from dataflows.serve.api_types import ListAnswer, ListRequest, RankAnswer, RankRequest
from dataflows.serve.live.handed_out import HandedOut
from dataflows.serve.live.items import LiveItems
from dataflows.serve.live.lists import LiveLists
from dataflows.serve.live.shard_look import ShardLooks
from dataflows.serve.live.users import LiveUsers
from learners.online_model import OnlineModel


class LiveAnswers(LiveItems, LiveUsers):
    """Answers questions from the shards of this process.

    Safe between threads, and leaves no trace in what is learnt, stored or kept of users: lists and
    records are those of a process that nobody asks.
    """

    waits = True
    """The flow may be at work on the shard."""

    def __init__(
        self, engines: Engines[OnlineModel], clock: Callable[[], float] = time.time
    ) -> None:
        shards = ShardLooks(engines)
        LiveItems.__init__(self, shards)
        LiveUsers.__init__(self, shards)
        self._shards = shards
        self._lists = LiveLists(shards, HandedOut(), clock=clock)

    def recommend(self, user_id: str, asked: ListRequest) -> ListAnswer:
        """Return a list for a user."""
        return self._lists.make(user_id, asked)

    def recommend_stored(self, user_id: str) -> bytes | None:  # noqa: ARG002 - of the protocol
        """Return None: what is sent is not kept here, and a list is made anew."""
        return None

    def recommend_anonymous(self, asked: ListRequest) -> ListAnswer:
        """Return a list for somebody of whom nothing but `asked.context` is known."""
        return self._lists.make(None, asked)

    def rank(self, asked: RankRequest) -> RankAnswer:
        """Return the given items in the order for a user."""
        return self._lists.rank(asked)

    def close(self) -> None:
        """Answer nothing more, but that this process is stopping."""
        self._shards.close()
