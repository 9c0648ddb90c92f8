"""What one shard has to do with the language model: asks on the way, takes answers up between.

Nothing here waits for the model. Answers are taken up at the start of a micro-batch, and what
they say of items that left meanwhile is dropped.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Protocol

from dataflows.generation.author import NAMES
from dataflows.generation.desk import Desk, Job
from dataflows.generation.generator import Named, Wish
from dataflows.generation.settings import GenerateSettings
from dataflows.items import ItemRecord
from dataflows.outbox import Out
from dataflows.tuning.prompts import MOST_SHOWN
from learners.generated import Taken
from learners.interaction import Interaction
from learners.lists import UserList

_USERS = 50_000
"""Users of whom it is known what they were after last."""


class Learner(Protocol):
    """What a companion asks of the model of its shard."""

    def length(self, user_id: str) -> int:
        """Give how many interactions of a user were learnt."""
        ...

    def taken(self, user_id: str, most: int) -> Taken:
        """Give a user's newest `most` titles, and what is not to be named for them again."""
        ...

    def put_generated(
        self,
        user_id: str,
        item_ids: Sequence[str],
        lifts: Sequence[float],
        asked: tuple[int, float],
    ) -> int:
        """Keep what was named for a user; give how many items were kept."""
        ...


class Companion:
    """Of one shard. `counts` is told what was asked for and what came of it."""

    def __init__(self, desk: Desk, settings: GenerateSettings, shard: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self._desk = desk
        self._settings = settings
        self._shard = shard
        self._after: OrderedDict[str, str] = OrderedDict()

    def begin(self, learner: Learner) -> list[Out]:
        """Take up what was answered since the last call; give the messages that come of it."""
        for answer in self._desk.take(self._shard):
            self._take_names(learner, answer.what)
        return []

    def put_item(self, record: ItemRecord) -> None:
        """An item is new or changed, or no longer available."""
        self._desk.put_item(self._shard, record)

    def remove_item(self, item_id: str) -> None:
        """An item left the catalogue."""
        self._desk.remove_item(self._shard, item_id)

    def learnt(self, learner: Learner, interaction: Interaction) -> None:
        """Ask for what a learnt event makes due."""
        if not self._settings.candidates or interaction.item_id is None or interaction.weight <= 0:
            return
        if learner.length(interaction.user_id) % self._settings.every == 0:
            self._ask_names(learner, interaction.user_id)

    def offered(self, learner: Learner, offered: UserList) -> None:
        """Ask for what a fresh list makes due."""
        if self._settings.candidates and self._settings.on_intent and self._is_turned(offered):
            self._ask_names(learner, offered.user_id)

    def _is_turned(self, offered: UserList) -> bool:
        """Tell whether a user is after something else than at their last list."""
        shares = offered.belief or offered.intent
        top = max(shares, key=shares.__getitem__, default="")
        before = self._after.get(offered.user_id)
        self._after[offered.user_id] = top
        self._after.move_to_end(offered.user_id)
        if len(self._after) > _USERS:
            self._after.popitem(last=False)
        return before is not None and before != top

    def _ask_names(self, learner: Learner, user_id: str) -> None:
        taken = learner.taken(user_id, MOST_SHOWN)
        if not taken.titles:
            return
        self.counts["generate_asked"] += 1
        self._desk.ask(Job(NAMES, self._shard, user_id, Wish(user_id, taken)))
        if self._desk.is_prompt:
            self.begin(learner)

    def _take_names(self, learner: Learner, named: Named) -> None:
        kept = learner.put_generated(named.user_id, named.item_ids, named.lifts, named.asked)
        self.counts["generate_users"] += 1
        self.counts["generate_items"] += kept
        self.counts["generate_gone"] += len(named.item_ids) - kept
