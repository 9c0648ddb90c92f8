"""What one shard needs to go on with another encoder, made ready in small slices.

`Reencodings` keeps what is ready until the shard switches; if nothing is, it is made there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from dataflows.engine.batch import Switch
from dataflows.engine.item_store import KIND, read_item
from dataflows.engine.protocols import Shard
from dataflows.errors import ModelError
from dataflows.state.records import Records
from encoders.base import Encoder
from encoders.text import encode_optional
from learners.state.reencode import Reencoding
from learners.types import Vector

Rest = Callable[[int], None]
"""Called after every slice with how much is left: rests, tells, and raises to give up."""

READ_AT_ONCE = 64
ENCODED_AT_ONCE = 16
FEW = 64
"""With so little left to do, the rest is done at the switch itself."""
_ROUNDS = 20


class Prepared:
    """A shard's `reencoding` in the space of `encoder`.

    `item_ids` are those with a text. Hold `lock` for a slice of work or for the switch.
    """

    def __init__(self, encoder: Encoder, reencoding: Reencoding) -> None:
        self.encoder = encoder
        self.reencoding = reencoding
        self.lock = threading.Lock()
        self.item_ids: dict[str, None] = {}
        self.is_finished = False
        self._texts: dict[str, str | None] = {}

    @property
    def left(self) -> int:
        """How much there is to do: items, rows, words of searches, events."""
        return len(self._texts) + len(self.reencoding)

    def add(self, texts: dict[str, str | None]) -> None:
        """Add items and their texts, None for those that have none or went, to be put in later."""
        self._texts.update(texts)

    def step(self) -> int:
        """Work one slice; return how much is left. Items come first: rows are found among them."""
        if self._texts:
            chosen = [self._texts.popitem() for _ in range(min(ENCODED_AT_ONCE, len(self._texts)))]
            vectors = self.encode([text for _, text in chosen])
            for (item_id, _), vector in zip(chosen, vectors, strict=True):
                self.reencoding.put_item(item_id, vector)
                self.item_ids[item_id] = None
        else:
            self.reencoding.step(self.encode, ENCODED_AT_ONCE)
        return self.left

    def encode(self, texts: Sequence[str | None]) -> list[Vector | None]:
        """Return the vectors of texts in the new space."""
        return encode_optional(self.encoder, texts)

    def follow(self, engine: Shard) -> int:
        """Note what came since the last call; return how much there is to do."""
        with engine.lock:
            self.add(engine.items.followed())
            self.reencoding.follow()
        return self.left

    def finish(self, engine: Shard) -> None:
        """Finish what is left; hold the engine's `lock`, just before it switches."""
        with self.lock:
            self.follow(engine)
            while self.left:
                self.step()
            self.is_finished = True


def prepare(engine: Shard, stored: Records, encoder: Encoder, rest: Rest) -> Prepared:
    """Make a shard ready for another encoder; `stored` is a view of what it has committed.

    The shard learns on meanwhile; what it learns is followed until little is left.
    """
    with engine.lock:
        made = Prepared(encoder, engine.model.reencoding())
        uncommitted = engine.items.follow()
    texts: dict[str, str | None] = {}
    for number, (item_id, blob) in enumerate(stored.scan(KIND)):
        texts[item_id] = read_item(blob).text
        if number % READ_AT_ONCE == 0:
            rest(number)
    made.add({**texts, **uncommitted})
    for _ in range(_ROUNDS):
        while made.left:
            made.step()
            rest(made.left)
        if made.follow(engine) <= FEW:
            break
    return made


class Reencodings:
    """What is ready, by shard. Safe between threads.

    `find` gives the encoder of a switch; `apart` is entered while a shard is made ready that
    was not.
    """

    def __init__(
        self,
        find: Callable[[Switch], Encoder],
        apart: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._find = find
        self._apart = apart
        self._made: dict[int, Prepared] = {}
        self._lock = threading.Lock()

    def put(self, shard: int, made: Prepared) -> None:
        """Keep what is ready for a shard."""
        with self._lock:
            self._made[shard] = made

    def clear(self) -> None:
        """Drop all that was made ready."""
        with self._lock:
            self._made.clear()

    def take(self, engine: Shard, switch: Switch) -> Prepared:
        """Return what a shard needs for a switch; made now, in one go, where it was not ready.

        Raises ModelError where the encoder is not the one that the switch names.
        """
        with self._lock:
            made = self._made.pop(engine.shard, None)
        if made is not None and made.encoder.version == switch.encoder:
            return made
        encoder = self._find(switch)
        if encoder.version != switch.encoder:
            raise ModelError(
                f"encoder {switch.version or 'of the configuration'} is {encoder.version}, the "
                f"switch is to {switch.encoder}; the files were changed: promote it anew"
            )
        with self._apart():
            made = prepare(engine, engine.store, encoder, _no_rest)
            made.finish(engine)
        return made


def _no_rest(left: int) -> None:
    """Take no pause: there is nobody to leave time to."""
