"""Where a shard finds what was made ready for its switch; if nothing was, it is made there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from dataflows.engine.batch import Switch
from dataflows.engine.protocols import Shard
from dataflows.errors import ModelError
from dataflows.hotswap.prepare import Prepared, prepare
from encoders.base import Encoder


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
