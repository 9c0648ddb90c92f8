"""The way in: what is handed to the library is checked and encoded, and only then learnt."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from learners.online_model import OnlineModel
from learners.recommender import checks
from learners.recommender.event import (
    Event,
    LearntEvent,
    checked_event,
    checked_item,
    event_text,
    item_text,
    words_of,
)
from learners.recommender.record_table import RecordTable
from learners.recommender.vectors import (
    TextEncoder,
    checked_encoder,
    dim_of,
    encode,
    version_of,
)
from learners.settings import LearnerSettings
from learners.signals.signal import Signal, SignalMaker
from learners.types import Interaction, Item, Vector

_STORE_EVERY = 5_000  # events; users who are idle, or too many for memory, live in records alone
_AT_ONCE = 1_000


class Intake:
    """A model with its `encoder`, its `catalogue` by id (without vectors), and its `records`.

    The size of vectors is that of the settings or of the encoder; where both leave it open, the
    first vector sets it, be it late.
    """

    def __init__(
        self,
        encoder: TextEncoder | None,
        settings: LearnerSettings,
        signals: Sequence[SignalMaker] | None,
    ) -> None:
        settings = checks.instance("settings", settings, LearnerSettings, "LearnerSettings(k=5)")
        dim = dim_of(checked_encoder(encoder))
        if dim and settings.dim not in (0, dim):
            raise ValueError(
                f"dim is {settings.dim}, and the vectors of {version_of(encoder)} have {dim}: "
                "leave dim out"
            )
        self.encoder = encoder
        self.catalogue: dict[str, Item] = {}
        self.records = RecordTable()
        settings = msgspec.structs.replace(settings, dim=dim or settings.dim)
        self._signals = None if signals is None else checked_signals(signals)
        self.model = self._made(settings)

    def learn(self, events: Sequence[Event], names: Sequence[str]) -> list[LearntEvent]:
        """Learn all events, or none; `names` are what they are called where one is refused."""
        given: list[Interaction] = []
        dim, start = self.model.settings.dim, self.model.position + 1
        for place, (event, name) in enumerate(zip(events, names, strict=True)):
            one = checked_event(event, start + place, dim, name)
            dim = dim if one.vector is None else len(one.vector)
            given.append(self._worded(one))
        vectors = self._vectors([(one.vector, one.encoded) for one in given], dim)
        return [
            self._learn(msgspec.structs.replace(one, vector=vector))
            for one, vector in zip(given, vectors, strict=True)
        ]

    def put(self, items: Sequence[Item], names: Sequence[str]) -> None:
        """Put all items into the catalogue, or none."""
        given: list[Item] = []
        dim = self.model.settings.dim
        for item, name in zip(items, names, strict=True):
            one = checked_item(item, dim, name)
            dim = dim if one.vector is None else len(one.vector)
            given.append(one)
        vectors = self._vectors([(one.vector, item_text(one)) for one in given], dim)
        for one, vector in zip(given, vectors, strict=True):
            self.restore_item(msgspec.structs.replace(one, vector=vector))

    def restore_item(self, item: Item) -> None:
        """Put an item that is checked and encoded."""
        self.model.put_item(item)
        self.catalogue[item.item_id] = msgspec.structs.replace(item, vector=None)

    def remove(self, item_id: str) -> bool:
        """Remove an item; return whether it was known."""
        known = self.model.is_known(item_id)
        self.catalogue.pop(item_id, None)
        self.model.remove_item(item_id)
        return known

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of the signals that were added to ours."""
        return tuple(signal.name for signal in self.model.signals.added.signals)

    def store(self) -> None:
        """Bring the records up to date."""
        self.records.keep(self.model.changed())

    def _made(self, settings: LearnerSettings) -> OnlineModel:
        return OnlineModel(settings, self.records.get, signals=self._signals)

    def _worded(self, one: Interaction) -> Interaction:
        """Return an interaction with what is kept of its words, and what of them is encoded."""
        item = None if one.item_id is None else self.catalogue.get(one.item_id)
        title = None if item is None else item.title
        return msgspec.structs.replace(
            one, text=words_of(title, one.text), encoded=event_text(one.type, title, one.text)
        )

    def _learn(self, one: Interaction) -> LearntEvent:
        alarms = self.model.learn(one)
        if (one.position + 1) % _STORE_EVERY == 0:
            self.store()
        return LearntEvent(one.position, one.event_id, tuple(alarms))

    def _vectors(
        self, given: Sequence[tuple[Vector | None, str | None]], dim: int
    ) -> list[Vector | None]:
        """Return the vectors that were handed in, and those of texts; make space for the first."""
        vectors = [vector for vector, _ in given]
        if self.encoder is not None:
            texts = [text if vector is None else None for vector, text in given]
            made = encode(self.encoder, texts, dim)
            vectors = [
                its if vector is None else vector for vector, its in zip(vectors, made, strict=True)
            ]
        first = next((vector for vector in vectors if vector is not None), None)
        if first is not None and not self.model.settings.dim:
            self._make_space(len(first))
        return vectors

    def _make_space(self, dim: int) -> None:
        """Let a model that knew no vectors go on with those of `dim` numbers.

        To it that is another encoder's space, which it moves to; so all that it counted stays.
        """
        self.store()
        model = self._made(msgspec.structs.replace(self.model.settings, dim=dim))
        model.restore(self.records.scan)
        for item in self.catalogue.values():
            model.put_item(item)
        moved = model.reencoding()
        while moved.step(_nothing, _AT_ONCE):
            continue
        model.switch(moved)
        self.model = model


def _nothing(texts: Sequence[str | None]) -> list[Vector | None]:
    """Return no vectors: what was learnt without any has none to be made anew."""
    return [None] * len(texts)


def checked_signals(signals: Sequence[SignalMaker]) -> tuple[SignalMaker, ...]:
    """Return the classes of signals. Raises TypeError for what is none."""
    given = checks.several("signals", signals, "one alone goes in a list too")
    for place, maker in enumerate(given):
        if not (isinstance(maker, type) and issubclass(maker, Signal)):
            raise TypeError(
                f"signals[{place}] is {checks.shown(maker)}; it must be a class of "
                "learners.signals.signal.Signal"
            )
    return tuple(given)
