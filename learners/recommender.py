"""The whole model, without streams or files: interactions in, lists and records out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.block import Block
from learners.candidates import Rows, candidates_of
from learners.compiled import place_of
from learners.context import Context
from learners.control import Control
from learners.drift import Alarm
from learners.features import matrix
from learners.generated import KIND as GENERATED_KIND
from learners.generated import Taken, taken_by
from learners.history import BUCKET_KIND, User
from learners.interaction import Interaction, Item, Retraction
from learners.listed import entries
from learners.lists import UserList
from learners.model_state import ModelState
from learners.pending import Found, LateLabel
from learners.profile import Profile
from learners.receipt import Receipt, mark
from learners.records import Records
from learners.retract import Extent, take_back
from learners.searches import Search, as_of, newest
from learners.settings import LearnerSettings
from learners.shadow import Shadow
from learners.told import Foresight

_OBSERVE_EVERY = 4
_OBSERVE_FIRST = 500
_REPEATS_AFTER = 200
_REPEATS_SHARE = 0.05

_LEANINGS = 8


def nothing(_kind: str, _key: str) -> bytes | None:
    """Load nothing: the store of a model that starts empty and keeps its users in memory."""
    return None


_NO_ITEMS = np.zeros((3, 0), np.int32)


class Ranking(NamedTuple):
    """Scored candidates of one user, in no order: `ids` and finite `scores` (n,) float64."""

    ids: list[str]
    scores: NDArray[np.float64]


class Recommender(ModelState):
    """Learns interactions one by one, and gives each user a list at any moment.

    `load(kind, key)` gives a stored record of a user, so that users load when needed.
    Nothing here is thread-safe. Equal interactions in equal order give equal records
    and lists, wherever a caller pauses, stores and restores in between.
    """

    def __init__(
        self,
        settings: LearnerSettings | None = None,
        load: Callable[[str, str], bytes | None] = nothing,
    ) -> None:
        super().__init__(settings or LearnerSettings(), load)
        self._peek: Block | None = None
        self._dirty: set[int] = set()

    @property
    def repeats_on(self) -> bool:
        """Whether items that a user already has may be recommended to them."""
        if self.settings.repeats != "auto":
            return self.settings.repeats == "on"
        return self.learnt >= _REPEATS_AFTER and self.repeats > _REPEATS_SHARE * self.learnt

    def learn(self, interaction: Interaction) -> list[Alarm]:
        """Learn one interaction; positions must grow by one from call to call.

        Gives the drift alarms that it raised: in the hit rate, the intent loss, or a label.

        One whose weight is not above 0 speaks against its item: the user counts as having
        it, and no signal counts it. A vector that is not finite counts as none. Raises
        ValueError for one of another size, and learns nothing.
        """
        if interaction.vector is not None and not self.needs.is_usable(interaction.vector):
            interaction = msgspec.structs.replace(interaction, vector=None)
        self.position = interaction.position
        user = self.users.get(interaction.user_id, interaction.position)
        if interaction.item_id is None:
            search = newest(interaction, user.search, user.length, self.signals.meanings)
            if search is not None and search is not user.search:
                self._search(user, search, interaction.encoded)
            loss = self.needs.learn(interaction, user, None)
            alarms = self._drifted(None, loss)
        else:
            number = self.signals.number(interaction.item_id, self.position)
            self._dirty.add(number)
            if interaction.weight > 0:
                alarms = self._learn_wanted(interaction, user, number)
            else:
                alarms = self._learn_unwanted(interaction, user, number)
        user.last = interaction.position
        self.users.touch(interaction.user_id, user, interaction.position)
        return alarms

    def learn_label(self, late: LateLabel) -> Found:
        """Learn a label of intent that comes after its event; tell what became of it."""
        return self.needs.label(late)

    def control(self, control: Control) -> None:
        """Carry out a decision about labels of intent. Raises `ControlError` if it cannot be."""
        self.needs.control(control)

    def foresee(self, interaction: Interaction) -> Foresight:
        """Give what would be thought of an event's intent without its label; changes nothing."""
        user = self.users.get(interaction.user_id, interaction.position)
        return self.needs.foresee(user, interaction)

    def _learn_wanted(self, interaction: Interaction, user: User, number: int) -> list[Alarm]:
        hit = self._learn_preference(interaction, user, number)
        names = self.signals.items.category_names_of(number)
        loss = self.needs.learn(interaction, user, names[0] if names else None)
        self._learn_profile(interaction, user, names)
        self._count(interaction, user, number)
        return self._drifted(hit, loss)

    def retract(self, retraction: Retraction) -> Extent:
        """Take an earlier event of a user back (`learners.retract`); give how much of it was."""
        extent, changed = take_back(self, retraction)
        self._dirty |= changed
        if extent != "nothing":
            self._peek = None
            if self.open is not None and self.open.user_id == retraction.user_id:
                self.open = None
        return extent

    def _search(self, user: User, search: Search, encoded: str | None) -> None:
        """Take a search in. From the first one on all are ranked by searches as well."""
        user.search = search
        if self.signals.searched.note(search.hub, encoded):
            self._dirty.add(search.hub)
        if not self.signals.searching:
            before, self.signals.searching = self.columns, True
            self.take_preference(self.preference.state(), before)
            self.open = self._peek = None

    def _learn_unwanted(self, interaction: Interaction, user: User, number: int) -> list[Alarm]:
        loss = self.needs.learn(interaction, user, None)
        user.take(number, self.settings.taken_limit)
        user.set_aside(mark(interaction.event_id), mark(interaction.type), number)
        return self._drifted(None, loss)

    def _drifted(self, hit: float | None, loss: float | None) -> list[Alarm]:
        """Watch the hit rate, the intent loss, and labels that changed their meaning."""
        return self.drift.update(hit, loss, self.position, self.needs.stated.take_alarm())

    def _learn_profile(self, interaction: Interaction, user: User, categories: list[str]) -> None:
        if user.profile is None:
            user.profile = Profile()
        self.profiles.learn(user.profile, categories, interaction.ts, interaction.weight)

    def _learn_preference(self, interaction: Interaction, user: User, number: int) -> float | None:
        """Learn the choice; give 1 or 0 for a hit or a miss in the first k, None for a repeat."""
        block = self._group(interaction, user)
        # An item that was no candidate teaches nothing of how candidates should be ordered:
        # put among them, it would stand for all others of its kind that were not.
        place = place_of(block.ids, number)
        hit = 0.0
        if place >= 0:
            learnt = self.preference.learn(block.scaled, place, interaction.weight, block.pull)
            hit = float(learnt.rank <= self.settings.k)
            if learnt.loss < math.inf:  # false for NaN as well
                self._dirty |= self.signals.pull(
                    block.sources, block.reach, block.ids, learnt.slope
                )
        return None if not self.repeats_on and user.has(number) else hit

    def _group(self, interaction: Interaction, user: User) -> Block:
        """Give the block of the interaction's group: one user, one time, learnt in a row."""
        user_id, ts = interaction.user_id, interaction.ts
        block = self.open
        if block is not None and block.user_id == user_id and block.before == ts:
            return block
        block = self._peeked(user_id, ts)
        if block is None:
            block, _ = self._block(user_id, self._context(user_id, user, ts), ts, negatives=True)
        self.open, self._peek = block, None
        self.groups += 1
        if self.groups <= _OBSERVE_FIRST or self.groups % _OBSERVE_EVERY == 0:
            self.preference.observe(block.raw)
        return block

    def _peeked(self, user_id: str, ts: float) -> Block | None:
        """Give the block that `rank` made for this very moment, if there is one."""
        peek = self._peek
        if peek is None or (peek.user_id, peek.before) != (user_id, ts):
            return None
        return peek if peek.position == self.position else None

    def _count(self, interaction: Interaction, user: User, number: int) -> None:
        """Let the signals and the user's history take the interaction in."""
        position = interaction.position
        walk = user.walk_before(number, interaction.ts, self.settings.window)
        steps = user.steps_before(interaction.ts)
        self._dirty |= self.signals.count(number, walk, steps, position)
        search = as_of(user.search, interaction.ts)
        self._dirty |= self.signals.learn_searched(search, number, position)
        receipt = Receipt(
            mark(interaction.event_id),
            mark(interaction.type),
            steps,
            -1 if search is None else search.hub,
            position,
            interaction.weight,
            self.signals.values.learn(number, interaction.value),
        )
        keep, kinds = self.settings.recent, self.settings.taken_limit
        again = user.add(number, interaction.ts, receipt, keep, kinds)
        self.learnt += 1
        self.repeats += again

    def recommend(self, user_id: str, k: int | None = None) -> UserList:
        """Give the top `k` (default: the setting) of a user as of the last interaction learnt.

        Best first; equal scores by item number. Fewer than `k` only where fewer items
        may be shown. Raises ValueError for a `k` below 1 or above `candidates`.
        """
        k = self.settings.k if k is None else k
        if not 1 <= k <= self.settings.candidates:
            raise ValueError(f"k is {k}; it must be from 1 to {self.settings.candidates}")
        user = self.users.get(user_id, self.position)
        context = self._context(user_id, user, None)
        block, rows = self._block(user_id, context, None, negatives=False, least=k)
        scores = self.scores(block)
        best = np.lexsort((block.ids, -scores))[:k]
        told = self.needs.tell(user)
        return UserList(
            user_id,
            entries(self.signals, self.preference.score, block, rows, context, best, scores),
            told.intent,
            self.profiles.leanings(user.profile, _LEANINGS),
            self.position + 1,
            self.position,
            told.belief,
            told.novelty,
            told.because,
        )

    def rank(self, user_id: str, before: float | None = None) -> Ranking:
        """Score all candidates of a user; with `before`, as of before their group at that time.

        Changes nothing that a later answer depends on.
        """
        block = self.open
        if before is None or block is None or (block.user_id, block.before) != (user_id, before):
            user = self.users.get(user_id, self.position + 1)
            context = self._context(user_id, user, before, self.position + 1)
            block, _ = self._block(user_id, context, before, negatives=True)
            if before is not None:
                self._peek = block
        ids = self.signals.items.ids
        scores = self.scores(block).astype(np.float64)
        return Ranking([ids[number] for number in block.ids.tolist()], scores)

    def _context(
        self, user_id: str, user: User, before: float | None, at: int | None = None
    ) -> Context:
        """Give what the signals need of a user; `at` is the position that it is as of."""
        held, chances = user.held_back(before), self.needs.predict(user, before)
        taken = user.taken[:, : user.kinds] if user.taken is not None else _NO_ITEMS
        length, position = user.length - held, self.position if at is None else at
        return Context(
            *user.walk(self.settings.recent, held),
            length,
            user.steps_before(before),
            taken,
            self.repeats_on,
            position,
            self._liking(user),
            self.needs.per_category(chances, self.signals.items),
            chances,
            self.generated.of(user_id, length, before, position),
            *user.pace(before, held, self.settings.recent),
            as_of(user.search, before),
        )

    def _liking(self, user: User) -> NDArray[np.float32]:
        """Give a user's liking by category number, less 0.5: 0 is as much as anybody's."""
        items = self.signals.items
        liking = [0.0] * len(items.category_names)
        for category, value in self.profiles.likings(user.profile):
            liking[items.category_index[category]] = value - 0.5
        return np.array(liking, np.float32)

    def _block(
        self,
        user_id: str,
        context: Context,
        before: float | None,
        *,
        negatives: bool,
        least: int = 1,
    ) -> tuple[Block, Rows]:
        """Choose the candidates of a user and work out their feature rows."""
        candidates, rows = candidates_of(self.signals, context, negatives=negatives, least=least)
        raw = matrix(self.signals, candidates, context)
        ids = candidates.ids
        block = Block(
            user_id,
            before,
            context.position,
            ids,
            raw,
            self.preference.scaled(raw),
            candidates.sums[:, -1].astype(np.float32),
            context.recent[rows.places],
            rows.reach.astype(np.float32),
        )
        return block, rows

    def length(self, user_id: str) -> int:
        """Give how many interactions of a user with items were learnt."""
        return self.users.get(user_id, self.position).length

    def taken(self, user_id: str, most: int) -> Taken:
        """Give a user's newest `most` items, and what is not to be named for them again."""
        user = self.users.get(user_id, self.position)
        return taken_by(user, self.signals.items, most, again=self.repeats_on)

    def labels(self) -> list[str]:
        """Give the labels of intent that are known; not to be changed."""
        return self.needs.stated.labels

    def put_generated(
        self,
        user_id: str,
        item_ids: Sequence[str],
        lifts: Sequence[float],
        asked: tuple[int, float],
    ) -> int:
        """Keep what a language model named for a user; give how many items were kept.

        Best first, with how much likelier (nats) each is for this user than for anybody.
        `asked` is length and time of `taken` when it was asked. Items that are unknown,
        or not available now, are left out. Nothing is kept where the settings keep none.
        """
        items = self.signals.items
        found = [
            (items.index.get(item_id, -1), lift)
            for item_id, lift in zip(item_ids, lifts, strict=True)
        ]
        live = [(number, lift) for number, lift in found if number >= 0 and items.available[number]]
        if self.settings.generated and live:
            numbers, figures = zip(*live, strict=True)
            self.generated.put(user_id, numbers, figures, asked, self.position)
            self._peek = None
        return len(live)

    def scores(self, block: Block) -> NDArray[np.float32]:
        """Give the score (n,) of each candidate of a block."""
        return self.preference.score(block.scaled) + block.pull

    def put_item(self, item: Item) -> None:
        """Take over a catalogue record, new or changed. Raises ValueError for a bad vector."""
        if item.vector is not None:
            self.signals.meanings.check(item.vector)
        self._peek = None
        known = item.item_id in self.signals.items.index
        number = self.signals.number(item.item_id, self.position)
        items = self.signals.items
        before = (bool(items.available[number]), items.categories[:, number].tolist())
        marks = self.signals.meanings.marks
        mark = marks.get(number, 0)
        items.put(item, self.position)
        changed = self.signals.meanings.put(number, item.vector)
        if marks[number] != mark:  # else a restart would take the vector for a new one
            self._dirty.add(number)
        self._dirty.update(changed)
        if before[0] != item.available:
            self.signals.set_available(number, item.available)
        if not item.available:
            self._leave_open(number)
        if not known:
            self.signals.add_fresh(number)
        if not known or changed or before != (item.available, items.categories[:, number].tolist()):
            self._dirty.add(number)

    def remove_item(self, item_id: str) -> None:
        """Take an item out of every list and signal; unknown ids are ignored."""
        number = self.signals.items.index.get(item_id)
        self._peek = None
        if number is not None:
            self._dirty.update(self.signals.remove(number, self.position))
            self._leave_open(number)

    def _leave_open(self, number: int) -> None:
        """Take an item out of the candidates of the group that is being learnt."""
        if self.open is not None:
            kept = self.open.ids != number
            self.open = self.open._replace(
                ids=self.open.ids[kept],
                raw=self.open.raw[kept],
                scaled=self.open.scaled[kept],
                pull=self.open.pull[kept],
            )

    def item_vector(self, item_id: str) -> NDArray[np.float32] | None:
        """Give a copy of an item's vector (dim,), None where it has no text."""
        number, meanings = self.signals.items.index.get(item_id), self.signals.meanings
        if number is None or not meanings.has[number]:
            return None
        vector: NDArray[np.float32] = meanings.vectors[number].copy()
        return vector

    def shadow(self) -> Shadow:
        """Begin to make what this model knows by vectors anew, for `switch`."""
        return Shadow(self)

    def switch(self, shadow: Shadow) -> None:
        """Go on in another encoder's space, with what was made ready in `shadow`.

        Nothing of the old space is left: vectors, rows and learners are replaced, and so are
        the sessions of active users; others begin theirs anew.
        """
        self._dirty |= self.signals.switch(shadow.meanings, shadow.searched.hubs)
        self.needs = shadow.needs.take_over(self.needs)
        self.users.switch(shadow.needs.active(), self.position)
        self.open = self._peek = None

    def is_known(self, item_id: str) -> bool:
        """Tell whether an item stands in the catalogue or was seen in the stream."""
        return item_id in self.signals.items.index

    def item_title(self, item_id: str) -> str:
        """Give an item's title, its id where there is none."""
        number = self.signals.items.index.get(item_id)
        return item_id if number is None else self.signals.items.title(number)

    def changed(self) -> Iterator[tuple[str, str, bytes | None]]:
        """Give the records (kind, key, blob or None for "delete") changed since the last call."""
        yield from self.users.changed(self.position)
        yield from self.generated.changed(self.position)
        yield from Records(self).changed(self._dirty)
        self._dirty.clear()

    def restore(self, scan: Callable[[str], Iterator[tuple[str, bytes]]]) -> None:
        """Take up all stored records but the users', which load lazily. Call it first."""
        self.users.restore(scan(BUCKET_KIND))
        self.generated.restore(scan(GENERATED_KIND))
        Records(self).restore(scan)
