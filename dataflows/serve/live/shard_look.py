"""The shards of a process, to look at: which one a question goes to, and how it is held still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from dataflows.engine.batch import shard_of
from dataflows.engine.item_store import StoredItem, read_item
from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.messages.outgoing import Versions
from dataflows.serve.answers import NotReadyError, UnknownError
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder
from encoders.text import encode_optional
from learners.online_model import OnlineModel
from learners.online_model.queries.as_if import GivenSearch
from learners.types import Vector
from learners.users.user import User

SWITCHES = 3
"""A search is encoded anew where another encoder takes over meanwhile: so many times at most."""


class Look(NamedTuple):
    """A shard that is held still: good for as long as it is."""

    engine: Engine[OnlineModel]
    model: OnlineModel
    as_of: dict[str, int]
    versions: Versions

    @property
    def sequence(self) -> int:
        """The number that a list of this moment has within its user."""
        return self.model.position + 1

    def user(self, user_id: str | None) -> User | None:
        """Return a user's record, not to be changed; None where nothing is known of them."""
        return None if user_id is None else self.model.users.peek(user_id, self.model.position)

    def fresh_user(self) -> User:
        """Return the record of a user of whom nothing is known."""
        return User(space=self.model.users.space)

    def number(self, item_id: str) -> int:
        """Return the number of an item. Raises UnknownError where nobody has heard of it."""
        number = self.model.signals.items.index.get(item_id)
        if number is None:
            raise UnknownError(f"item {item_id!a} was never heard of")
        return number

    def blobs(self, item_ids: Sequence[str]) -> list[bytes | None]:
        """Return items as they are stored or about to be, None for those of no catalogue."""
        return [self.engine.items.stored(item_id) for item_id in item_ids]

    def categories(self, number: int) -> tuple[str, ...]:
        """Return the categories of an item, as ranking knows them."""
        return tuple(self.model.signals.items.category_names_of(number))


class ShardLooks:
    """The open shards of a process. Of users the one that the flow deals them to is asked.

    Items go to every shard, but each counts its own users' events: questions about items alone are
    answered by the first one.
    """

    def __init__(self, engines: Engines[OnlineModel]) -> None:
        self._engines = engines
        self._is_closed = False

    def close(self) -> None:
        """Answer nothing more: the stores are about to be closed."""
        self._is_closed = True

    def of_user(self, user_id: str) -> Engine[OnlineModel]:
        """Return the shard of a user. Raises NotReadyError where it is not open here."""
        return self._open(shard_of(user_id, self._engines.shards))

    def first(self) -> Engine[OnlineModel]:
        """Return the shard that is asked about items. Raises NotReadyError where none is open."""
        return self._open(None)

    def all(self) -> list[Engine[OnlineModel]]:
        """Return those that are open, none once `close` was called."""
        return [] if self._is_closed else self._engines.open_now()

    def closed(self) -> list[Engine[OnlineModel]]:
        """Return those that were open, though `close` was called."""
        return self._engines.open_now()

    def _open(self, shard: int | None) -> Engine[OnlineModel]:
        for engine in self.all():
            if shard in (None, engine.shard):
                return engine
        if self._is_closed:
            raise NotReadyError("this process is stopping; ask another, or again in a moment")
        which = "a shard" if shard is None else f"shard {shard}"
        raise NotReadyError(
            f"{which} has still to be opened in this process; ask again in a moment, or the "
            "process that has it"
        )

    @contextmanager
    def still(self, engine: Engine[OnlineModel]) -> Iterator[Look]:
        """Hold a shard still, as of one moment between two micro-batches."""
        with engine.turn, engine.lock:
            if self._is_closed:
                raise NotReadyError("this process is stopping; ask another, or again in a moment")
            yield Look(engine, engine.model, dict(engine.positions), engine.space.in_force.versions)

    @contextmanager
    def asked(
        self, engine: Engine[OnlineModel], text: str | None
    ) -> Iterator[tuple[Look, GivenSearch | None]]:
        """Hold a shard still, with a text encoded in its space; that is done before.

        Raises NotReadyError where encoders are switched all the time.
        """
        for _ in range(SWITCHES):
            encoder = engine.space.encoder
            search = None if text is None else GivenSearch(text, _vector(encoder, text))
            with self.still(engine) as look:
                if text is None or encoder is engine.space.encoder:
                    yield look, search
                    return
        raise NotReadyError("another encoder is about to take over; ask again in a moment")


def _vector(encoder: Encoder | None, text: str) -> Vector | None:
    """Return the unit vector (dim,) of a text that is asked, None where there is none.

    Not by the memory of the stream's texts: what is asked must neither fill it, nor let the same
    text of an event later have another last digit than it would have.
    """
    if encoder is None:
        return None
    behind = encoder.behind if isinstance(encoder, CachedEncoder) else encoder
    return encode_optional(behind, [text])[0]


def read_items(blobs: Sequence[bytes | None]) -> list[StoredItem | None]:
    """Return what `Look.blobs` gave, read; needs no shard to be held."""
    return [None if blob is None else read_item(blob) for blob in blobs]
