"""Test, then learn: the judge that watches the learn step and ranks before it learns.

It is the learn step's observer. The engine must call `before_learn` for every
interaction that is about to be learnt, in order, before the recommender learns
it: all figures rest on that.

Two clocks are kept side by side. *Tie-safe*: the events of one user at one
time form a group; one ranking, taken before the group's first event, serves
the whole group, and nothing of the group counts as seen until it has ended.
*Plain*: a ranking before each event, which knows the events before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from dataflows.evaluation.judging.ranks import (
    Ranker,
    ScoredCandidates,
    place_in,
    rank_among,
    rivals,
)
from dataflows.evaluation.judging.scored import NewItems, Scored, ScoredEvent, Unscored, Unwanted
from dataflows.evaluation.judging.trace import NO_ITEM, UNSCORED, Trace
from dataflows.evaluation.metrics.rank_metrics import MISS
from learners.types import Interaction


class _Past:
    """One user before the present group; `number` is by first appearance."""

    __slots__ = ("events", "items", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.events = 0
        self.items: set[str] = set()


class Prequential:
    """Ranks every interaction before it is learnt, from the `warmup`-th on.

    `ranks_from` is the first interaction of the group that straddles the end
    of the warm-up (by default none does): rankings are taken from there, so
    that the group's later members can be scored. With `repeats_on` False,
    what a user already has is neither a candidate nor scored. What has no weight above 0 was no
    wish that a list could have met, and is not scored either. `trace` is what it saw, for
    baselines to be run over.
    """

    def __init__(
        self, warmup: int, *, repeats_on: bool, k: int = 10, ranks_from: int | None = None
    ) -> None:
        self.scored = Scored()
        self.trace = Trace()
        self.unscored = Unscored()
        self.new_items = NewItems()
        self.unwanted = Unwanted()
        self.learnt = 0
        self._warmup = warmup
        self._ranks_from = warmup if ranks_from is None else ranks_from
        self.repeats_on = repeats_on
        self._k = k
        self._seen: set[str] = set()
        self._item_events: Counter[str] = Counter()
        self._rows: dict[str, int] = {}
        self._users: dict[str, _Past] = {}
        self._group: tuple[str, float] | None = None
        self._past = _Past(0)
        self._members: list[str] = []
        self._ranking: ScoredCandidates | None = None

    @property
    def items(self) -> AbstractSet[str]:
        """The different items that the stream has held so far."""
        return self._rows.keys()

    @property
    def users_seen(self) -> int:
        """How many different users the stream has held so far."""
        return len(self._users)

    def before_learn(
        self,
        recommender: Ranker,
        interaction: Interaction,
        last_sent: Sequence[str] | None,
        *,
        is_refreshed: bool = False,
    ) -> None:
        """Judge one interaction that is about to be learnt.

        `last_sent` is its user's newest list, best first; None before the first. `is_refreshed`:
        no event of theirs made it, a change of the catalogue did.
        """
        user, item = interaction.user_id, interaction.item_id
        first = (user, interaction.ts) != self._group
        if first:
            self._open(user, interaction.ts)
            if self.learnt >= self._ranks_from:
                self._ranking = recommender.rank(user, before=interaction.ts)
        ranking, number = self._ranking, UNSCORED
        if self._is_scored(item, interaction.weight) and item is not None and ranking is not None:
            plain = ranking if first else recommender.rank(user)
            met = item in self._seen
            unmet = MISS if met else self._rank_unmet(recommender, ranking, item)
            number = len(self.scored)
            row = self._row(item, ranking, plain, last_sent, unmet)
            self.scored.add(interaction.event_id, row._replace(refreshed=is_refreshed))
        self._take_in(interaction, number)

    def _open(self, user: str, ts: float) -> None:
        """Count the last group as seen, and start the next one."""
        past = self._past
        self._item_events.update(self._members)
        for item in self._members:
            self._seen.add(item)
            past.items.add(item)
        self._members.clear()
        self._group = (user, ts)
        self._ranking = None
        if user not in self._users:
            self._users[user] = _Past(len(self._users))
        self._past = self._users[user]
        self.trace.open(self._past.number, ts)

    def _take_in(self, interaction: Interaction, number: int) -> None:
        """Count an interaction as learnt; `number` is its scored row's."""
        self.learnt += 1
        self._past.events += 1
        item, row = interaction.item_id, NO_ITEM
        if item is not None:
            row = self._rows.setdefault(item, len(self._rows))
            self._members.append(item)
        self.trace.add(row, interaction.weight, interaction.value, number)

    def _is_scored(self, item: str | None, weight: float) -> bool:
        """Return whether the rules want a rank; the reason is counted where they do not."""
        unscored = self.unscored
        if self.learnt < self._warmup:
            unscored.warmup += 1
        elif item is None:
            unscored.no_item += 1
        elif weight <= 0:
            unscored.unwanted += 1
            self._meet(item)
        elif not self.repeats_on and self._has(item):
            unscored.repeat += 1
        elif self._ranking is None:
            unscored.group_began_in_warmup += 1
        else:
            return True
        return False

    def _meet(self, item: str) -> None:
        """Count whether an item that was no wish stood in the first k, had it been a candidate."""
        if self._ranking is None or (not self.repeats_on and self._has(item)):
            return
        self.unwanted.events += 1
        if item in self._seen:
            own = set() if self.repeats_on else self._past.items
            rank = rank_among(self._ranking, item, self._seen, own)
            self.unwanted.hits += MISS < rank <= self._k

    def _has(self, item: str) -> bool:
        return item in self._past.items or item in self._members

    def _row(
        self,
        item: str,
        ranking: ScoredCandidates,
        plain: ScoredCandidates,
        last_sent: Sequence[str] | None,
        unmet: int,
    ) -> ScoredEvent:
        past = self._past
        own = set() if self.repeats_on else past.items
        met = item in self._seen
        tie_safe = rank_among(ranking, item, self._seen, own) if met else MISS
        return ScoredEvent(
            user=past.number,
            ordinal=past.events,
            tie_safe=tie_safe,
            plain=tie_safe if plain is ranking else self._rank_plain(plain, item),
            as_served=place_in(last_sent, item) if met or item in self._members else MISS,
            candidates=len(self._seen) - len(own),
            reached=tie_safe != MISS,
            repeat=self._has(item),
            item_events=self._item_events[item],
            unmet=unmet,
        )

    def _rank_plain(self, ranking: ScoredCandidates, item: str) -> int:
        """Rank in the plain clock, where the group's earlier members have been met."""
        seen = self._seen
        fresh = [member for member in self._members if member not in seen]
        own = set() if self.repeats_on else self._past.items.union(self._members)
        seen.update(fresh)
        rank = rank_among(ranking, item, seen, own) if item in seen else MISS
        seen.difference_update(fresh)
        return rank

    def _rank_unmet(self, recommender: Ranker, ranking: ScoredCandidates, item: str) -> int:
        """Rank a true item that the stream has not held among all others; its hits stand apart."""
        self.new_items.events += 1
        if not recommender.is_known(item):
            return MISS
        rank = len(rivals(ranking, item))
        self.new_items.listed += 1
        self.new_items.hits += MISS < rank <= self._k
        return rank
