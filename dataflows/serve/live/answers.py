"""All that the live model can be asked: `dataflows.serve.answers.AnswerSource` over its shards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from dataflows.engine.shards import Engines
from dataflows.rules.in_force import RulesInForce
from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.api_types import ListAnswer, ListRequest, RankAnswer, RankRequest, Readiness
from dataflows.serve.live.following import Following
from dataflows.serve.live.items import NO_BOARDS, LiveItems
from dataflows.serve.live.lists import LiveLists
from dataflows.serve.live.readiness import InputLook, readiness_of
from dataflows.serve.live.shard_look import ShardLooks
from dataflows.serve.live.users import LiveUsers
from dataflows.serve.status import Status
from learners.online_model import OnlineModel
from learners.signals.leaderboards import Leaderboard


def _no_status() -> Status:
    raise NotAnsweredHereError("nobody counts figures here; ask a process with metrics")


class LiveAnswers(LiveItems, LiveUsers):
    """Answers questions from the shards of this process.

    Safe between threads, and leaves no trace in what is learnt, stored or kept of users: lists and
    records are those of a process that nobody asks.

    Arguments:
        engines: the shards; those that are open are asked.
        following: follows them, and has to be called with all that leaves them.
        look: the input, for `readiness`.
        figures: makes `status`.
        clock: stamps lists, in seconds since 1970.
        leaderboards: those of the configuration, by name.
        rules: those that lists are made by.
    """

    waits = True
    """The flow may be at work on the shard."""

    def __init__(
        self,
        engines: Engines[OnlineModel],
        following: Following,
        look: InputLook,
        figures: Callable[[], Status] = _no_status,
        clock: Callable[[], float] = time.time,
        leaderboards: Mapping[str, Leaderboard] = NO_BOARDS,
        rules: RulesInForce | None = None,
    ) -> None:
        shards = ShardLooks(engines)
        LiveItems.__init__(self, shards, lambda: following.now, leaderboards)
        LiveUsers.__init__(self, shards, following.type_of, following.beliefs.of)
        self._shards = shards
        self._wanted = engines.shards
        self._following = following
        self._look = look
        self._figures = figures
        self._clock = clock
        self._lists = LiveLists(shards, following.handed_out, lambda: following.now, clock, rules)

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

    def wait_for(self, user_id: str, position: tuple[str, int], seconds: float) -> ListAnswer:
        """Return the list of a user once the record at a position is learnt."""
        self._following.wait(self._shards.of_user(user_id), position, seconds)
        return self._lists.make(user_id, ListRequest())

    def readiness(self) -> Readiness:
        """Return whether answers are as new as can be; holds no shard still."""
        return readiness_of(self._shards, self._wanted, self._following, self._look, self._clock())

    def status(self) -> Status:
        """Return the figures of the process."""
        return self._figures()

    def close(self) -> None:
        """Answer nothing more, but that this process is stopping."""
        self._shards.close()
        self._following.close(self._shards.closed())
