"""All that a recommender knows: what it is ranked by, stored, taken back and moved by.

The recommender is this state with what it does; its records, a retraction and the change to
another encoder work on the state alone, and need know nothing of the recommender.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from learners.drift import DriftMonitor
from learners.intent.tracker import IntentTracker
from learners.ranking.answers_first import AnswersFirst
from learners.ranking.columns import TAKEN, ColumnLayout
from learners.ranking.context import CandidateBatch
from learners.ranking.features import layout_of
from learners.ranking.pipeline import AnswersScorer, NetworkScorer, Pipeline
from learners.ranking.preference_learner import PreferenceLearner
from learners.ranking.prior import Prior, prior_of, refitted
from learners.ranking.rules.facts import ItemFacts
from learners.ranking.rules.rule_set import RuleSet
from learners.settings import LearnerSettings
from learners.signals.added import makers_of
from learners.signals.signal import SignalMaker
from learners.signals.tables import Signals
from learners.users.generated import Generated
from learners.users.profile import ProfileLearner
from learners.users.table import Users

_REPEATS_AFTER = 200
_REPEATS_SHARE = 0.05


class ModelState:
    """The learners and tables of one model, and how far it is.

    `load(kind, key)` returns a stored record of a user, None where there is none. `position` is
    that of the last interaction, -1 before the first; `learnt` counts those that were learnt as
    wanted, `repeats` those of them whose user had the item before, `groups` the choices that
    were learnt. `answers` tells whether what answers a search leads. `open` holds the candidates
    of the group that is being learnt, `peek` those that were ranked for the moment to come, which
    is not stored; `dirty` are the items whose records changed since they were. `began_with` is the
    fingerprint of the prior weights that ranking began with, None where it began from chance.
    `makers` make the signals that are added, in place of those that the settings name. `rules` say
    what `recommend` may list, and `facts` what rules know of items, None where there are none.
    """

    def __init__(
        self,
        settings: LearnerSettings,
        load: Callable[[str, str], bytes | None],
        prior: Prior | None = None,
        makers: Sequence[SignalMaker] | None = None,
    ) -> None:
        self.settings = settings
        self.signals = Signals(settings, makers_of(settings.signals) if makers is None else makers)
        self.signals.added.check(TAKEN)
        self.users = Users(load, settings.users_in_memory, settings.idle_users)
        self._prior = prior_of(settings.prior) if prior is None else prior
        self.network = NetworkScorer(self._preference())
        self.began_with: str | None = None
        self._begin()
        self.answers = AnswersFirst()
        answered = AnswersScorer(self.signals, self.answers)
        self.pipeline = Pipeline(self.signals, self.network, answered)
        self.facts: ItemFacts | None = None
        self.rules: RuleSet | None = None
        self.pipeline.put()  # nothing, but for a look at the names of what was added
        self.generated = Generated(
            settings.generated, settings.users_in_memory, settings.generated_life
        )
        self.tracker = IntentTracker(settings.dim, settings, self.signals.items.category_index)
        self.profiles = ProfileLearner()
        self.drift = DriftMonitor()
        self.position = -1
        self.learnt = 0
        self.repeats = 0
        self.groups = 0
        self.open: CandidateBatch | None = None
        self.peek: CandidateBatch | None = None
        self.dirty: set[int] = set()

    @property
    def preference(self) -> PreferenceLearner:
        """The learner of the network that candidates are scored by."""
        return self.network.preference

    @property
    def layout(self) -> ColumnLayout:
        """The columns that candidates are ranked by, and whose each is."""
        return layout_of(self.signals)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that candidates are ranked by."""
        return self.layout.names

    @property
    def repeats_on(self) -> bool:
        """Whether items that a user already has may be recommended to them."""
        if self.settings.repeats != "auto":
            return self.settings.repeats == "on"
        return self.learnt >= _REPEATS_AFTER and self.repeats > _REPEATS_SHARE * self.learnt

    def widen(self, *, searching: bool = False, returning: bool = False) -> None:
        """Rank by searches as well from now on, or by how long ago items were taken."""
        before, signals = self.columns, self.signals
        signals.searching |= searching
        signals.returning |= returning
        self.take_preference(self.preference.state(), before)
        self.open = None

    def take_preference(self, state: Mapping[str, Any], before: Sequence[str]) -> None:
        """Restore a preference learner's state that was learnt with the columns `before`.

        New columns begin with the weights of the prior, where the state began with it too.
        """
        self.network.preference = self._preference()
        hidden, is_same = self.settings.hidden, list(before) == list(self.columns)
        if self._prior is None or self._prior.fingerprint != self.began_with or is_same:
            self.preference.restore(refitted(state, before, self.columns, hidden))
        else:
            self.preference.restore(self._prior.grown(state, before, self.columns))

    def _begin(self) -> None:
        """Begin with the prior weights, where there are some and they fit."""
        prior = self._prior
        state = None if prior is None else prior.start(self.columns, self.settings.hidden)
        if prior is not None and state is not None:
            self.preference.restore(state)
            self.began_with = prior.fingerprint

    def _preference(self) -> PreferenceLearner:
        of = self.settings
        return PreferenceLearner(len(self.columns), of.hidden, of.learning_rate, of.seed)
