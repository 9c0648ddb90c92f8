"""The whole model, without streams or files: interactions in, lists and records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.arrays import place_of
from learners.drift import Alarm
from learners.intent.decisions import Control
from learners.intent.event_buffer import Found, LateLabel
from learners.intent.explanation import IntentPrediction
from learners.ranking.answers_first import is_asked
from learners.ranking.context import CandidateBatch, Context
from learners.ranking.explanations import entries
from learners.ranking.preference_learner import learn_choice
from learners.ranking.prior import Prior
from learners.settings import LearnerSettings
from learners.signals.neighbour_kernels import IN_ORDER, NEW
from learners.signals.searches import Search, as_of, newest
from learners.signals.signal import SignalMaker, Taking
from learners.signals.undo import UndoRecord, counted_as, hash32
from learners.state.model import ModelState
from learners.state.records import ModelRecords
from learners.state.reencode import Reencoding
from learners.state.unlearn import Extent, take_back
from learners.types import Interaction, Item, RecommendationList, Retraction
from learners.users.chosen import date, had_and_taken, is_later, last_taken, rest
from learners.users.generated import KIND as GENERATED_KIND
from learners.users.generated import GenerationContext, taken_by
from learners.users.profile import Profile
from learners.users.taken import ITEM, resting
from learners.users.user import BUCKET_KIND, User

_OBSERVE_EVERY, _OBSERVE_FIRST, _LEANINGS = 4, 500, 8


def nothing(_kind: str, _key: str) -> bytes | None:
    """Load nothing: the store of a model that starts empty and keeps its users in memory."""
    return None


class Ranking(NamedTuple):
    """Scored candidates of one user, in no order: `ids` and finite `scores` (n,) float64."""

    ids: list[str]
    scores: NDArray[np.float64]


class OnlineModel(ModelState):
    """An online recommender: learns interactions one by one, and lists items for any user.

    Candidates come from the signals (`learners.signals.tables`), a small network scores them
    (`learners.ranking.preference_learner`), and the intent of users is tracked beside
    (`learners.intent.tracker`).

    Arguments:
        settings: the defaults where None; `dim` is the size of all vectors, 0 for none.
        load: returns the stored record of a kind and key, None where there is none, so that
            users load when they turn up. The default keeps all users in memory.
        prior: what ranking starts from, in place of what `settings.prior` names.
        signals: make signals that are added, in place of those that `settings.signals` names.

    Equal interactions in equal order make equal records and lists, bit for bit, wherever a
    caller pauses, stores (`changed`) and restores in between. Not thread-safe.
    """

    def __init__(
        self,
        settings: LearnerSettings | None = None,
        load: Callable[[str, str], bytes | None] = nothing,
        prior: Prior | None = None,
        signals: Sequence[SignalMaker] | None = None,
    ) -> None:
        super().__init__(settings or LearnerSettings(), load, prior, signals)
        self._peek: CandidateBatch | None = None
        self._dirty: set[int] = set()

    def learn(self, interaction: Interaction) -> list[Alarm]:
        """Learn one interaction; return the drift alarms that it raised.

        Alarms are of the hit rate, of the intent loss, or of a label that changed its meaning.
        `interaction.position` must grow by one from call to call. One without an item is a
        search, or says only what its user is after. One whose weight is not above 0 speaks
        against its item, or at 0 neither for nor against: the user has it, and no signal counts
        it. A vector that is not finite counts as none. Raises ValueError for a vector that is
        not (dim,), and learns nothing then.
        """
        if interaction.vector is not None and not self.tracker.is_usable(interaction.vector):
            interaction = msgspec.structs.replace(interaction, vector=None)
        self.position = interaction.position
        user = self.users.get(interaction.user_id, interaction.position)
        if interaction.item_id is None:
            search = newest(
                interaction, user.search, user.length, self.signals.semantic, self.signals.words
            )
            if search is not None and search is not user.search:
                self._search(user, search, interaction.encoded)
            loss = self.tracker.learn(interaction, user.intent, None)
            alarms = self._drifted(None, loss)
        else:
            number = self.signals.number(interaction.item_id, self.position)
            self._dirty.add(number)
            learn = self._learn_wanted if interaction.weight > 0 else self._learn_unwanted
            alarms = learn(interaction, user, number)
        user.last = interaction.position
        self.users.touch(interaction.user_id, user, interaction.position)
        return alarms

    def learn_label(self, late: LateLabel) -> Found:
        """Learn a label of intent that comes after its event; return what became of it.

        "learn": it was learnt; "duplicate": its event had one already; "unmatched": no event
        that is still kept (`intent_pending`) is meant.
        """
        return self.tracker.label(late)

    def control(self, control: Control) -> None:
        """Carry out a decision about labels of intent. Raises `ControlError` if it cannot be."""
        self.tracker.control(control)

    def predict_intent(self, interaction: Interaction) -> IntentPrediction:
        """Return the intent of an event as predicted without its label; changes nothing."""
        user = self.users.get(interaction.user_id, interaction.position)
        return self.tracker.predict_intent(user.intent, interaction)

    def _learn_wanted(self, interaction: Interaction, user: User, number: int) -> list[Alarm]:
        hit = self._learn_preference(interaction, user, number)
        names = self.signals.items.category_names_of(number)
        loss = self.tracker.learn(interaction, user.intent, names[0] if names else None)
        self._count(interaction, user, number)
        self._learn_profile(interaction, user, names)
        return self._drifted(hit, loss)

    def retract(self, retraction: Retraction) -> Extent:
        """Take back an earlier event of a user (`learners.state.unlearn`).

        Return how much of it was.
        """
        extent, changed = take_back(self, retraction)
        self._dirty |= changed
        if extent != "nothing":
            self._peek = None
            if self.open is not None and self.open.user_id == retraction.user_id:
                self.open = None
        return extent

    def _search(self, user: User, search: Search, encoded: str | None) -> None:
        """Learn a search. From the first one on all are ranked by searches as well."""
        user.search = search
        if search.hub >= 0 and self.signals.searched.note(search.hub, encoded):
            self._dirty.add(search.hub)
        if not self.signals.searching:
            self._peek = None
            self.widen(searching=True)

    def _learn_unwanted(self, interaction: Interaction, user: User, number: int) -> list[Alarm]:
        loss = self.tracker.learn(interaction, user.intent, None)
        user.take(number, self.settings.taken_limit)
        user.set_aside(hash32(interaction.event_id), hash32(interaction.type), number)
        rest(user, number, self.signals.rests.until(0, interaction.ts, interaction.rest))
        return self._drifted(None, loss)

    def _drifted(self, hit: float | None, loss: float | None) -> list[Alarm]:
        """Watch the hit rate, the intent loss, and labels that changed their meaning."""
        stated = self.tracker.stated
        changed, stated.alarm = stated.alarm, None
        return self.drift.update(hit, loss, self.position, changed)

    def _learn_profile(self, interaction: Interaction, user: User, categories: list[str]) -> None:
        if user.profile is None:
            user.profile = Profile()
        self.profiles.learn(user.profile, categories, interaction.ts, interaction.weight)

    def _learn_preference(self, interaction: Interaction, user: User, number: int) -> float | None:
        """Learn the choice; return 1 or 0 for a hit or miss in the first k, None for a repeat."""
        batches = [self._group(interaction, user)]
        self._learn_answers(batches[0], number)
        if user.kept == 1 and user.times[0] == interaction.ts:
            # The second thing that is known of a user, taken at the time of the first, is learnt
            # once more, with that as their history: users of one basket each would else never
            # show the network what goes together. Both batches are made before either is learnt:
            # the weights between items would tell the answer.
            context = self._context(interaction.user_id, user, None)
            batches.insert(
                0, self.pipeline.batch(interaction.user_id, context, None, negatives=True)[0]
            )
        rank = None
        for batch in batches:
            weight = interaction.weight
            rank, changed = learn_choice(self.preference, self.signals, batch, number, weight)
            self._dirty |= changed
        if not self.repeats_on and user.has(number):
            return None
        return float(rank is not None and rank <= self.settings.k)

    def _learn_answers(self, batch: CandidateBatch, item: int) -> None:
        """Learn whether answers should come first from the item that was taken, if it was there."""
        place = place_of(batch.ids, item)
        if place >= 0 and self.signals.searching and is_asked(batch.raw):
            learnt = self.network.score(batch, batch.item_weights)
            self.answers.learn(learnt, batch.raw, place, self.settings.k)

    def _group(self, interaction: Interaction, user: User) -> CandidateBatch:
        """Return the batch of the interaction's group: one user, one time, learnt in a row."""
        user_id, ts = interaction.user_id, interaction.ts
        batch = self.open
        if batch is not None and batch.user_id == user_id and batch.before == ts:
            return batch
        batch = self._peeked(user_id, ts)
        if batch is None:
            batch, _ = self.pipeline.batch(
                user_id, self._context(user_id, user, ts), ts, negatives=True
            )
        self.open, self._peek = batch, None
        self.groups += 1
        if self.groups <= _OBSERVE_FIRST or self.groups % _OBSERVE_EVERY == 0:
            self.preference.observe(batch.raw)
        return batch

    def _peeked(self, user_id: str, ts: float) -> CandidateBatch | None:
        """Return the batch that `rank` made for this very moment, if there is one."""
        peek = self._peek
        if peek is None or (peek.user_id, peek.before) != (user_id, ts):
            return None
        return peek if peek.position == self.position else None

    def _count(self, interaction: Interaction, user: User, number: int) -> None:
        """Count the interaction in the signals and in the user's history."""
        recent = user.window_before(number, interaction.ts, self.settings.window)
        steps, search = user.steps_before(interaction.ts), as_of(user.search, interaction.ts)
        says = IN_ORDER if is_later(user, interaction.ts) else 0
        kind, last = hash32(interaction.type), last_taken(user, number)
        undo = UndoRecord(
            *(hash32(interaction.event_id), kind, steps, -1 if search is None else search.hub),
            *(interaction.position, interaction.weight),
            self.signals.values.learn(number, interaction.value),
            counted=counted_as(interaction.weight),
            returned=self.signals.rests.learn(number, kind, interaction.ts, last),
            until=self.signals.rests.until(kind, interaction.ts, interaction.rest),
            value=interaction.value,
        )
        keep, kinds = self.settings.recent, self.settings.taken_limit
        again = user.add(number, interaction.ts, undo, keep, kinds)
        date(user, number, interaction.ts, undo)
        is_new = not again and user.kinds < kinds  # else they may have had it, and it made room
        self._dirty |= self.signals.count(number, recent, undo, says + is_new * NEW)
        self._dirty |= self.signals.learn_searched(number, undo, is_new=is_new)
        if self.signals.added.signals:
            taking = Taking.of(number, interaction.ts, undo._replace(again=again), recent)
            self._dirty |= self.signals.added.count(taking)
        self.learnt, self.repeats = self.learnt + 1, self.repeats + again
        if self.repeats_on and self.signals.rests.is_learnt and not self.signals.returning:
            self.widen(returning=True)

    def recommend(self, user_id: str, k: int | None = None) -> RecommendationList:
        """Return the `k` best items for a user as of the last interaction learnt.

        `k` is that of the settings where None. Best first; equal scores by item number, which
        is the order of first mention. Fewer than `k` only where fewer items may be shown; an
        unknown user gets a list too. The list also holds the intent, belief and profile of the
        user. Raises ValueError for a `k` below 1 or above `settings.candidates`.
        """
        k = self.settings.k if k is None else k
        if not 1 <= k <= self.settings.candidates:
            raise ValueError(f"k is {k}; it must be from 1 to {self.settings.candidates}")
        user = self.users.get(user_id, self.position)
        context = self._context(user_id, user, None)
        batch, rows, scores, best = self.pipeline.choose(user_id, context, k)
        report = self.tracker.report(user.intent)
        return RecommendationList(
            user_id,
            entries(self.signals, self.preference.score, batch, rows, context, best, scores, user),
            report.intent,
            self.profiles.leanings(user.profile, _LEANINGS),
            self.position + 1,
            self.position,
            report.belief,
            report.novelty,
            report.because,
            len(context.apart) if context.repeats else 0,
        )

    def rank(self, user_id: str, before: float | None = None) -> Ranking:
        """Score all candidates of a user, for an evaluation that ranks before it learns.

        `before` is a time in seconds since 1970: the user is seen as before their interactions
        of that very time, of which some may be learnt already. Without it, as of the last
        interaction learnt. Changes nothing that a later answer depends on.
        """
        batch = self.open
        if before is None or batch is None or (batch.user_id, batch.before) != (user_id, before):
            user = self.users.get(user_id, self.position + 1)
            context = self._context(user_id, user, before, self.position + 1)
            batch, _ = self.pipeline.batch(user_id, context, before, negatives=True)
            if before is not None:
                self._peek = batch
        ids = self.signals.items.ids
        scores = self.pipeline.scores(batch).astype(np.float64)
        return Ranking([ids[number] for number in batch.ids.tolist()], scores)

    def _context(
        self, user_id: str, user: User, before: float | None, at: int | None = None
    ) -> Context:
        """Return what the signals need of a user; `at` is the position that it is as of."""
        held, chances = user.held_back(before), self.tracker.predict(user.intent, before)
        length, position = user.length - held, self.position if at is None else at
        taken, now = had_and_taken(user), user.newest_time() if before is None else before
        return Context(
            *user.recent_window(self.settings.recent, held)[:2],
            length,
            user.steps_before(before),
            taken,
            resting(taken, now, length + (not held)) if self.repeats_on else taken[ITEM],
            now,
            self.repeats_on,
            position,
            self._liking(user),
            self.tracker.per_category(chances, self.signals.items),
            chances,
            self.generated.of(user_id, length, before, position),
            *user.pace(before, held, self.settings.recent),
            as_of(user.search, before),
        )

    def _liking(self, user: User) -> NDArray[np.float32]:
        """Return a user's liking by category number, less 0.5: 0 is as much as anybody's."""
        items = self.signals.items
        liking = [0.0] * len(items.category_names)
        for category, value in self.profiles.likings(user.profile):
            liking[items.category_index[category]] = value - 0.5
        return np.array(liking, np.float32)

    def length(self, user_id: str) -> int:
        """Return how many interactions of a user with items were learnt."""
        return self.users.get(user_id, self.position).length

    def taken(self, user_id: str, most: int) -> GenerationContext:
        """Return a user's newest `most` items, and what is not to be named for them again."""
        user = self.users.get(user_id, self.position)
        return taken_by(user, self.signals.items, most, again=self.repeats_on)

    def labels(self) -> list[str]:
        """Return the labels of intent that are known; not to be changed."""
        return self.tracker.stated.labels

    def put_generated(
        self,
        user_id: str,
        item_ids: Sequence[str],
        lifts: Sequence[float],
        asked: tuple[int, float],
    ) -> int:
        """Keep what a language model named for a user; return how many items were kept.

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

    def put_item(self, item: Item) -> None:
        """Put a catalogue record, new or changed.

        Raises ValueError for a vector that is not (dim,), finite and of about unit length.
        """
        if item.vector is not None:
            self.signals.semantic.check(item.vector)
        self._peek = None
        known = item.item_id in self.signals.items.index
        number = self.signals.number(item.item_id, self.position)
        items = self.signals.items
        before = (bool(items.available[number]), items.categories[:, number].tolist())
        fingerprints = self.signals.semantic.fingerprints
        fingerprint = fingerprints.get(number, 0)
        self.signals.words.put(number, items.titles[number], item.title)
        items.put(item, self.position)
        changed = self.signals.semantic.put(number, item.vector)
        self.signals.added.put(number, item)
        # Else a restart would take the vector for a new one.
        if fingerprints[number] != fingerprint:
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
        """Remove an item from every list and signal; unknown ids are ignored."""
        number = self.signals.items.index.get(item_id)
        self._peek = None
        if number is not None:
            self._dirty.update(self.signals.remove(number, self.position))
            self._leave_open(number)

    def _leave_open(self, number: int) -> None:
        """Remove an item from the candidates of the group that is being learnt."""
        if self.open is not None:
            self.open = self.open.only(self.open.ids != number)

    def item_vector(self, item_id: str) -> NDArray[np.float32] | None:
        """Return a copy of an item's vector (dim,), None where it has no text."""
        number, semantic = self.signals.items.index.get(item_id), self.signals.semantic
        if number is None or not semantic.has[number]:
            return None
        vector: NDArray[np.float32] = semantic.vectors[number].copy()
        return vector

    def reencoding(self) -> Reencoding:
        """Begin to make what this model knows by vectors anew, for `switch`."""
        return Reencoding(self)

    def switch(self, reencoding: Reencoding) -> None:
        """Switch to another encoder's space, with what was made ready in `reencoding`.

        Nothing of the old space is left: vectors, rows and learners are replaced, and so are
        the sessions of active users; others begin theirs anew.
        """
        self._dirty |= self.signals.switch(reencoding.semantic, reencoding.searched.hubs)
        self.tracker = reencoding.tracker.take_over(self.tracker)
        self.users.switch(reencoding.tracker.active(), self.position)
        self.open = self._peek = None

    def is_known(self, item_id: str) -> bool:
        """Return whether an item stands in the catalogue or was seen in the stream."""
        return item_id in self.signals.items.index

    def item_title(self, item_id: str) -> str:
        """Return an item's title, its id where there is none."""
        number = self.signals.items.index.get(item_id)
        return item_id if number is None else self.signals.items.title(number)

    def changed(self) -> Iterator[tuple[str, str, bytes | None]]:
        """Yield the records (kind, key, blob) changed since the last call, None for "delete".

        Store all of them in one transaction: together they are the model.
        """
        yield from self.users.changed(self.position)
        yield from self.generated.changed(self.position)
        yield from ModelRecords(self).changed(self._dirty)
        self._dirty.clear()

    def restore(self, scan: Callable[[str], Iterator[tuple[str, bytes]]]) -> None:
        """Restore all stored records but those of users, which load when they turn up.

        `scan(kind)` yields the (key, blob) of a kind. Call it before anything else. Raises
        `learners.codec.StateError` for records that are damaged or of another version.
        """
        self.users.restore(scan(BUCKET_KIND))
        self.generated.restore(scan(GENERATED_KIND))
        ModelRecords(self).restore(scan)
