"""The facade of the model, without streams or files: interactions in, lists and records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from learners.drift import Alarm
from learners.intent.decisions import Control
from learners.intent.event_buffer import Found, LateLabel
from learners.intent.explanation import IntentPrediction, likeliest_first
from learners.online_model import catalogue, stages
from learners.online_model.evaluation import Ranking, rank
from learners.online_model.generation import Generation
from learners.ranking.explanations import entries
from learners.ranking.prior import Prior
from learners.ranking.rules.choose import Ruled
from learners.settings import LearnerSettings
from learners.signals.signal import SignalMaker
from learners.state.model import ModelState
from learners.state.records import ModelRecords
from learners.state.reencode import Reencoding
from learners.state.unlearn import Extent, take_back
from learners.types import Interaction, Item, RecommendationList, Retraction, Vector

_LEANINGS = 8


def nothing(_kind: str, _key: str) -> bytes | None:
    """Load nothing: the store of a model that starts empty and keeps its users in memory."""
    return None


class OnlineModel(ModelState):
    """Learns interactions one by one, and lists items for any user.

    `pipeline` makes a list, and takes in components of one's own (`learners.ranking.pipeline`);
    `tracker` follows the intent of users; `generation` is for a language model to work with.

    Arguments:
        settings: the defaults where None; `dim` is the size of all vectors, 0 for none.
        load: returns the stored record of a kind and key, None where there is none, when a user
            turns up. The default keeps all users in memory.
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
        self.generation = Generation(self)

    def learn(self, interaction: Interaction) -> list[Alarm]:
        """Learn one interaction; return the drift alarms that it raised.

        They are of the hit rate, of the intent loss, or of a label that changed its meaning.

        `interaction.position` must grow by one from call to call. One without an item is a search,
        or says only what its user is after. One whose weight is not above 0 speaks against its
        item, or at 0 neither for nor against: the user has it, and no signal counts it. A vector
        that is not finite counts as none; one that is not (dim,) raises ValueError before all else.
        """
        if interaction.vector is not None and not self.tracker.is_usable(interaction.vector):
            interaction = msgspec.structs.replace(interaction, vector=None)
        self.position = position = interaction.position
        hit = None
        user = self.users.get(interaction.user_id, position)
        if interaction.item_id is None:
            stages.learn_search(self, interaction, user)
            loss = self.tracker.learn(interaction, user.intent, None)
        else:
            item = self.signals.number(interaction.item_id, position)
            self.dirty.add(item)
            column = user.column(item)
            if interaction.weight > 0:
                rank = stages.learn_choice(self, interaction, user, item)
                if column < 0 or self.repeats_on:
                    hit = float(rank is not None and rank <= self.settings.k)
                categories = self.signals.items.category_names_of(item)
                first = categories[0] if categories else None
                loss = self.tracker.learn(interaction, user.intent, first)
                undo = stages.count(self, interaction, user, item, column)
                stages.remember(self, interaction, user, item, column, undo, categories)
            else:
                loss = self.tracker.learn(interaction, user.intent, None)
                stages.set_aside(self, interaction, user, item, column)
        self.users.touch(interaction.user_id, user, position)
        stated = self.tracker.stated
        changed, stated.alarm = stated.alarm, None
        return self.drift.update(hit, loss, position, changed)

    def learn_label(self, late: LateLabel) -> Found:
        """Learn a label of intent that comes after its event; return what became of it."""
        return self.tracker.label(late)

    def control(self, control: Control) -> None:
        """Carry out a decision about labels of intent. Raises `ControlError` if it cannot be."""
        self.tracker.control(control)

    def predict_intent(self, interaction: Interaction) -> IntentPrediction:
        """Return the intent of an event as predicted without its label; changes nothing."""
        user = self.users.get(interaction.user_id, interaction.position)
        return self.tracker.predict_intent(user.intent, interaction)

    def retract(self, retraction: Retraction) -> Extent:
        """Take back an earlier event of a user; return how much of it was."""
        return take_back(self, retraction)

    def recommend(self, user_id: str, k: int | None = None) -> RecommendationList:
        """Return the `k` best items for a user as of the last interaction learnt.

        Best first; equal scores by item number, the order of first mention. Fewer than `k` (None:
        that of the settings) only where fewer items may be shown; an unknown user gets a list too.
        Raises ValueError for a `k` below 1 or above `settings.candidates`.
        """
        k = self.settings.k if k is None else k
        if not 1 <= k <= self.settings.candidates:
            raise ValueError(f"k is {k}; it must be from 1 to {self.settings.candidates}")
        user = self.users.get(user_id, self.position)
        context = stages.context_of(self, user_id, user, None)
        if self.rules is None:
            ruled = Ruled(self.pipeline.choose(user_id, context, k))
        else:
            ruled = stages.choose_by_rules(self, self.rules, user_id, user, context, k)
        batch, rows, scores, best = ruled.chosen
        preference = self.network.preference
        report = self.tracker.report(user.intent)
        return RecommendationList(
            user_id,
            entries(self.signals, preference, batch, rows, context, best, scores, user),
            likeliest_first(report.intent),
            self.profiles.leanings(user.profile, _LEANINGS),
            self.position + 1,
            self.position,
            likeliest_first(report.belief),
            report.novelty,
            report.because,
            len(context.apart) if context.repeats else 0,
            ruled.names,
        )

    def rank(self, user_id: str, before: float | None = None) -> Ranking:
        """Score all candidates of a user, for an evaluation that ranks before it learns.

        `before` (seconds): the user is seen as before their interactions of that very time. Changes
        nothing that a later answer depends on.
        """
        return rank(self, user_id, before)

    def put_item(self, item: Item) -> None:
        """Put a catalogue record. Raises ValueError for a vector that is no unit one of (dim,)."""
        catalogue.put_item(self, item)

    def remove_item(self, item_id: str) -> None:
        """Remove an item from every list and signal; unknown ids are ignored."""
        catalogue.remove_item(self, item_id)

    def is_known(self, item_id: str) -> bool:
        """Return whether an item stands in the catalogue or was seen in the stream."""
        return item_id in self.signals.items.index

    def item_title(self, item_id: str) -> str:
        """Return an item's title, its id where there is none."""
        number = self.signals.items.index.get(item_id)
        return item_id if number is None else self.signals.items.titles[number] or item_id

    def item_vector(self, item_id: str) -> Vector | None:
        """Return a copy of an item's vector (dim,), None where it has no text."""
        return catalogue.vector_of(self, item_id)

    def reencoding(self) -> Reencoding:
        """Begin to make what this model knows by vectors anew, for `switch`."""
        return Reencoding(self)

    def switch(self, reencoding: Reencoding) -> None:
        """Switch to another encoder's space, with what was made ready in `reencoding`.

        Nothing of the old space is left. Only active users keep their sessions, as made anew.
        """
        reencoding.take_over()

    def changed(self) -> Iterator[tuple[str, str, bytes | None]]:
        """Return the records (kind, key, blob) changed since the last call, None for "delete".

        Store them in one transaction: together they are the model.
        """
        return ModelRecords(self).changed()

    def restore(self, scan: Callable[[str], Iterator[tuple[str, bytes]]]) -> None:
        """Restore all stored records but those of users, which load when they turn up.

        `scan(kind)` yields the (key, blob) of a kind. Call it first. Raises `StateError` for what
        is damaged or of another version.
        """
        ModelRecords(self).restore(scan)
