"""What is seen of a shard while events go through: hits, lists, needs, and how long it takes.

It is told by the shard and changes nothing there. Where metrics are off there is none of it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dataflows.engine.batch import Batch
from dataflows.engine.status.histogram import SecondsHistogram
from dataflows.engine.status.shard_follower import ShardFollower
from dataflows.messages.outgoing import Versions
from dataflows.messages.raw import Raw
from dataflows.serve.metrics.popular_hits import PopularItems
from dataflows.serve.status import NEWEST
from dataflows.state.outbox import DEAD_LETTERS, RECOMMENDATIONS, Out
from learners.intent.event_buffer import LateLabel
from learners.online_model import OnlineModel
from learners.types import Interaction, RecommendationList

WINDOW = 2_000
"""The newest judged events that running hit rates are of."""


class NoticedList(NamedTuple):
    """A list that was sent, and when (seconds since 1970)."""

    time: float
    offered: RecommendationList


class ShardWatch(ShardFollower):
    """Counts what one shard does; called by the shard alone, under its lock, and read by anybody.

    `judged` counts the events whose item could have been listed, `served` those of them whose
    item was in the list last sent, and `popular` those where it was among the `k` items that are
    taken most and that the user has not. `recent` holds both of the newest. `needs` counts lists
    by the likeliest need since it was taken away, `listed` holds the items in lists that were
    sent and have not left, `changes` and `refused` the newest lists and dead letters. `delay` is
    from the arrival of a micro-batch to its lists, `age` from the time of an event at the broker.
    """

    def __init__(
        self,
        k: int,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.judged = self.served = self.popular = 0
        self.recent: deque[tuple[bool, bool]] = deque(maxlen=WINDOW)
        self.needs: Counter[str] = Counter()
        self.listed: set[str] = set()
        self.changes: deque[NoticedList] = deque(maxlen=NEWEST)
        self.refused: deque[bytes] = deque(maxlen=NEWEST)
        self.delay = SecondsHistogram()
        self.age = SecondsHistogram()
        self._best = PopularItems(k)
        self._times: list[float] = []
        self._clock = clock
        self._timer = timer

    def before_learn(
        self,
        recommender: OnlineModel,
        interaction: Interaction,
        last_sent: Sequence[str] | None,
        *,
        is_refreshed: bool,  # noqa: ARG002 - it is the list that the user has
    ) -> None:
        """Judge an interaction that is about to be learnt."""
        item_id = interaction.item_id
        if item_id is None or interaction.weight <= 0:
            return
        number = recommender.signals.items.index.get(item_id)
        is_served = is_popular = False
        if number is not None:
            user = recommender.users.get(interaction.user_id, interaction.position)
            is_first = not recommender.repeats_on
            if is_first and user.column(number) >= 0:
                return  # what they have is in no list
            is_served = last_sent is not None and item_id in last_sent
            is_popular = self._best.holds(recommender, number, user if is_first else None)
        self.judged += 1
        self.served += is_served
        self.popular += is_popular
        self.recent.append((is_served, is_popular))

    def before_label(self, recommender: OnlineModel, late: LateLabel) -> None:
        """Do nothing: a late label is of an event that was judged."""

    def after_batch(self, recommender: OnlineModel, outs: Sequence[Out]) -> None:
        """Do nothing: `left` is told of what goes out."""

    def offered(
        self,
        learner: object,  # noqa: ARG002 - of the protocol
        offered: RecommendationList,
        outs: Sequence[Out],
        raw: Raw,
        versions: Versions,  # noqa: ARG002 - of the protocol
    ) -> None:
        """Note a list that was made, and sent if `outs` hold it."""
        need = next(iter(offered.belief or offered.intent), None)
        if need is not None:
            self.needs[need] += 1
        if outs and outs[0].topic == RECOMMENDATIONS:
            self.listed.update([entry.item_id for entry in offered.entries])
            self.changes.append(NoticedList(self._clock(), offered))
            if raw.timestamp is not None:
                self._times.append(raw.timestamp)

    def remove_item(self, item_id: str) -> None:
        """Note that an item left the catalogue: it is covered no longer."""
        self.listed.discard(item_id)

    def left(self, batch: Batch | None, outs: Sequence[Out]) -> None:
        """Note what leaves the shard, and how long it took."""
        lists = 0
        for out in outs:
            if out.topic == RECOMMENDATIONS:
                lists += 1
            elif out.topic == DEAD_LETTERS and out.value is not None:
                self.refused.append(out.value)
        if lists and batch is not None and batch.arrived:
            self.delay.add(self._timer() - batch.arrived, lists)
        if self._times:
            now = self._clock()
            for at in self._times:
                self.age.add(max(0.0, now - at))
            self._times.clear()

    def take_needs(self) -> Counter[str]:
        """Return how many lists were made by likeliest need since the last call."""
        needs, self.needs = self.needs, Counter()
        return needs

    def rates(self) -> tuple[int, float | None, float | None]:
        """Return how many events are in `recent`, and the hit rates there, served and popular."""
        recent = list(self.recent.copy())
        count = len(recent)
        if not count:
            return 0, None, None
        return count, sum(s for s, _ in recent) / count, sum(p for _, p in recent) / count
