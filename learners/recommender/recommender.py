"""The library in one class: events and items in; lists, likenesses and reasons out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Self

from learners.intent.event_buffer import Found, Source
from learners.recommender import checks, saved
from learners.recommender.event import Event, LearntEvent, checked_label, checked_retraction
from learners.recommender.explanation import Explanation, explain
from learners.recommender.intake import Intake
from learners.recommender.similar import SimilarItem, similar_items
from learners.recommender.vectors import TextEncoder, checked_encoder, version_of
from learners.settings import LearnerSettings
from learners.signals.signal import SignalMaker
from learners.state.unlearn import Extent
from learners.types import Item, RecommendationList

DEFAULT = LearnerSettings()


class Recommender:
    """An online recommender: learns events one by one, and lists items for any user.

    Arguments:
        encoder: makes vectors of texts (`TextEncoder`), such as `encoders.load_encoder("packaged")`
            or a SentenceTransformer. Without one there is no meaning but that of vectors that are
            handed in; the first of them sets their size, be it late.
        settings: `dim` need not be set.
        signals: classes of `learners.signals.signal.Signal`, asked beside ours; those that the
            settings name where None.

    All that is handed in is checked. Where one thing of a call is refused (TypeError, ValueError:
    one line with the value, the limit and the remedy) nothing of that call is learnt. Equal calls
    in equal order give equal answers, bit for bit, also over `save` and `load`; the clock has no
    part in it. Not thread-safe.

    >>> from learners import Event, Item, Recommender
    >>> shop = Recommender()
    >>> shop.put_items([Item("pot", "Teapot"), Item("cup", "Cup"), Item("pen", "Pen")])
    >>> taken = [Event(f"u{n}", item, 60.0 * n) for n in range(9) for item in ("pot", "cup")]
    >>> shop.learn_many(taken)[-1].position
    17
    >>> shop.learn(Event("ada", "pot", 600.0))
    LearntEvent(position=18, event_id='#18', alarms=())
    >>> [(entry.item_id, entry.reasons[0]) for entry in shop.recommend("ada").entries]
    [('cup', 'often chosen together with “Teapot”'), ('pen', 'new here')]
    >>> [(near.item_id, near.together) for near in shop.similar("pot")]
    [('cup', 0.948683)]
    >>> shop.explain("ada", "pot").standing
    'had'
    """

    def __init__(
        self,
        encoder: TextEncoder | None = None,
        settings: LearnerSettings = DEFAULT,
        signals: Sequence[SignalMaker] | None = None,
    ) -> None:
        self._intake = Intake(encoder, settings, signals)

    @property
    def settings(self) -> LearnerSettings:
        """The settings; `dim` is 0 until a vector came."""
        return self._intake.model.settings

    @property
    def position(self) -> int:
        """The position of the last event that was learnt, -1 before the first."""
        return self._intake.model.position

    def learn(self, event: Event) -> LearntEvent:
        """Learn one event."""
        return self._intake.learn([event], ["the event"])[0]

    def learn_many(self, events: Iterable[Event]) -> list[LearntEvent]:
        """Learn events in order, as `learn` one by one, but their texts are encoded at once."""
        given = checks.several("events", events, "one alone goes to learn")
        return self._intake.learn(given, [f"event {place}" for place in range(len(given))])

    def put_item(self, item: Item) -> None:
        """Put an item into the catalogue, in place of all that was said of it before."""
        self._intake.put([item], ["the item"])

    def put_items(self, items: Iterable[Item]) -> None:
        """Put items in order, as `put_item` one by one, but their texts are encoded at once."""
        given = checks.several("items", items, "one alone goes to put_item")
        self._intake.put(given, [f"item {place}" for place in range(len(given))])

    def remove_item(self, item_id: str) -> bool:
        """Remove an item from every list; return False where it was not known."""
        return self._intake.remove(checks.identifier("item_id", item_id))

    def recommend(self, user_id: str, k: int | None = None) -> RecommendationList:
        """Return the `k` best items for a user, best first, with reasons and with their intent.

        `k` is that of the settings where None. A user who was never met gets a list too.
        """
        if k is not None:
            k = checks.whole("k", k, 1, self.settings.candidates, "more need more candidates")
        return self._intake.model.recommend(checks.identifier("user_id", user_id), k)

    def recommend_many(
        self, user_ids: Iterable[str], k: int | None = None
    ) -> list[RecommendationList]:
        """Return the lists of several users, in their order."""
        given = checks.several("user_ids", user_ids, "one alone goes to recommend")
        named = [checks.identifier(f"user_ids[{n}]", user_id) for n, user_id in enumerate(given)]
        return [self.recommend(user_id, k) for user_id in named]

    def similar(self, item_id: str, k: int = 10) -> list[SimilarItem]:
        """Return up to `k` items that are taken together with an item, or near in meaning."""
        k = checks.whole("k", k, 1, 1_000, "the default is 10")
        signals = self._intake.model.signals
        return similar_items(signals, signals.items.index[self._known(item_id)], k, self.position)

    def explain(self, user_id: str, item_id: str) -> Explanation:
        """Return where an item stands for a user, listed or not, and why."""
        user_id = checks.identifier("user_id", user_id)
        return explain(self._intake.model, user_id, self._known(item_id))

    def retract(
        self,
        user_id: str,
        event_id: str | None = None,
        type: str | None = None,  # noqa: A002 - the name of the field
        item_id: str | None = None,
    ) -> Extent:
        """Take back an event by its id, or the newest of a type with an item (None: without one).

        Return how much of it was: "all", "item" (only that the user has it) or "nothing".
        """
        return self._intake.model.retract(checked_retraction(user_id, event_id, type, item_id))

    def label(
        self,
        user_id: str,
        intent: str,
        event_id: str | None = None,
        session_id: str | None = None,
        source: Source = "label",
    ) -> Found:
        """Learn what a user was after at an earlier event, or in a whole session.

        Return "learn", "duplicate" where there was a label, or "unmatched" where no event that is
        kept (`intent_pending`) is meant. A "teacher" counts less, and only until a label is there.
        """
        late = checked_label(user_id, intent, event_id, session_id, source)
        return self._intake.model.learn_label(late)

    def save(self, folder: str | PathLike[str]) -> None:
        """Save all into a folder that is new, empty or of an earlier save; whole or not at all.

        Raises `learners.codec.StateError` (a ValueError) for a folder that holds something else.
        """
        saved.save(self._intake, checks.folder("folder", folder))

    @classmethod
    def load(
        cls,
        folder: str | PathLike[str],
        encoder: TextEncoder | None = None,
        signals: Sequence[SignalMaker] | None = None,
    ) -> Self:
        """Load what `save` saved; it goes on, bit for bit, where that one stood.

        Encoder and signals are not saved: hand in the same. Raises `learners.codec.StateError` (a
        ValueError), in one line, for a folder that is none or damaged, and for others than these.
        """
        path = checks.folder("folder", folder)
        version = version_of(checked_encoder(encoder))
        records = saved.read(path)
        saved.check_same(path, "encoder", records.encoder, version)
        made = cls(encoder, records.learner, signals)
        saved.restore(made._intake, path, records)
        return made

    def _known(self, item_id: str) -> str:
        """Return the id of an item that was heard of."""
        if not self._intake.model.is_known(checks.identifier("item_id", item_id)):
            raise ValueError(f"item_id is {item_id!r}, never heard of: put the item first")
        return item_id
