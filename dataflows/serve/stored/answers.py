"""Answers from a store that follows what a `penchant run` sends."""

from __future__ import annotations

import time

import msgspec

from dataflows.rules.in_force import RulesWatch
from dataflows.serve.api_types import Readiness
from dataflows.serve.metrics.families import Families
from dataflows.serve.status import Status
from dataflows.serve.stored.input.follow_thread import FollowThread
from dataflows.serve.stored.item_answers import StoredItems
from dataflows.serve.stored.list_requests import StoredLists
from dataflows.serve.stored.live_only import LiveOnly
from dataflows.serve.stored.meaning import StoredMeaning
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.user_answers import StoredUsers


class StoredAnswers(StoredItems, StoredUsers, LiveOnly):
    """An `AnswerSource` over a store. What it cannot tell raises NotAnsweredHereError.

    `start` it before, `close` it after; answers come from any thread, and none waits for others.
    """

    def __init__(
        self,
        store: AnswerStore,
        following: FollowThread,
        meaning: StoredMeaning,
        lists: StoredLists,
        rules: RulesWatch,
    ) -> None:
        super().__init__(store)
        self.following = following
        self.rules = rules
        self._began = time.monotonic()
        self._meaning = meaning
        self.similar = meaning.similar
        self.search = meaning.search
        self.recommend_stored = lists.plain
        self.recommend = lists.make

    @property
    def waits(self) -> bool:
        """Whether an answer may wait for others: none does."""
        return False

    def start(self) -> None:
        """Begin to follow the input, and the file of rules."""
        self.following.start()
        self.rules.begin()

    def close(self) -> None:
        """Stop following, and close the store. No answer may be asked for any more."""
        self.rules.close()
        self.following.close()
        self._meaning.close()
        self._store.close()

    def readiness(self) -> Readiness:
        """Return whether all was taken in that was there at the start, and how old it is."""
        found = self.following.readiness()
        checks = found.checks | {"meaning": self._meaning.check()}
        return msgspec.structs.replace(found, checks=checks)

    def counts(self) -> dict[str, int]:
        """Return what became of records since the store was made: taken by topic, `older`, ..."""
        return self._store.counts()

    def gather(self, into: Families) -> None:
        """Add what is stored to the metrics of a scrape."""
        readiness, sizes = self.following.readiness(), self._store.sizes()
        into.add("penchant_store_ready", float(readiness.is_ready))
        if readiness.age_seconds is not None:
            into.add("penchant_store_age_seconds", readiness.age_seconds)
        for what, count in self._store.counts().items():
            into.add("penchant_store_records_total", count, what)
        into.add("penchant_store_damaged_rows_total", self._store.damaged_rows)
        into.add("penchant_store_lists", sizes["users"])
        into.add("penchant_store_items", sizes["items"])
        for one in self.following.lag():
            into.add(f"penchant_lag_{one.unit}", one.unread, one.partition)

    def status(self) -> Status:
        """Return what is stored, for the page."""
        sizes, lag = self._store.sizes(), self.following.lag()
        return Status(
            time=time.time(),
            source="stored",
            up_seconds=time.monotonic() - self._began,
            about=f"penchant serve, following what was sent, with a store in {self._store.path}",
            as_of=self._store.as_of(),
            versions=self._store.versions(),
            users=sizes["users"],
            items=sizes["items"],
            available=sizes["available"],
            covered=sizes["listed"],
            lists=self.following.lists,
            lag=lag,
        )
