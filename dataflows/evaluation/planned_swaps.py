"""Switches at given places of a log, done there and then: so a replay repeats itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import TypeVar

from dataflows.engine.batch import Switch, Turn
from dataflows.errors import InputError, ModelError
from dataflows.hotswap.load import Loader, VersionSource
from dataflows.hotswap.prepare import Reencodings
from dataflows.messages.raw import EVENTS, Raw
from dataflows.registry.history import BASE
from dataflows.registry.manifest import kind_of
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder
from encoders.load import load_encoder

Promote = tuple[int, str]
"""A place in the order of the log, from 0, and the version that is in force from there on."""

T = TypeVar("T")
_BASE_NAMES = (BASE, "base")


def read_promote(text: str) -> Promote:
    """Read VERSION@EVENT. Raises InputError."""
    version, at, place = text.rpartition("@")
    if not at or not re.fullmatch("[0-9]{1,15}", place) or not version:
        raise InputError(
            f"--promote {text!r}: write VERSION@EVENT, such as encoder-0002-1f3a90bc@50000; EVENT "
            "is the number of records that come before, VERSION an id, `base`, or an encoder"
        )
    return int(place), version


class PlannedTurns:
    """Hands out each planned turn before the first record at or after its place.

    A version is found among `known`, else it is an id of the registry, `base` for `cached`,
    or what `load_encoder` takes. `apart` is entered while encoders are loaded and shards are
    made ready. `done` tells (place, version, fingerprint) of the turns given.
    """

    def __init__(
        self,
        plan: Sequence[Promote],
        cached: CachedEncoder,
        registry: VersionSource,
        known: Mapping[str, Encoder],
        apart: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.places = [place for place, _ in sorted(plan)]
        self.done: list[tuple[int, str, str]] = []
        self.reencodings = Reencodings(self._find, apart)
        self._plan = sorted(plan, reverse=True)
        self._base = cached
        self._registry = registry
        self._known = known
        self._apart = apart
        self._encoder = cached

    def turn(self, raws: Sequence[Raw]) -> Turn | None:
        """See `Turns`."""
        places = [raw.offset for raw in raws if raw.topic == EVENTS]
        if not self._plan or not places or places[0] < self._plan[-1][0]:
            return None
        place, version = self._plan.pop()
        with self._apart():
            encoder = self._load(version)
        if encoder.version != self._encoder.version:
            cached = encoder if isinstance(encoder, CachedEncoder) else None
            self._encoder = cached or self._base.over(encoder, share_memory=False)
        self.done.append((place, version, encoder.version))
        return Turn(self._encoder, Switch(version, encoder.version, len(self.done) - 1))

    def _find(self, switch: Switch) -> Encoder:  # noqa: ARG002 - the one that was just given
        return self._encoder

    def _load(self, version: str) -> Encoder:
        if version in _BASE_NAMES:
            return self._base
        if version in self._known:
            encoder = self._known[version]
        elif self._is_registered(version):
            return Loader(
                self._registry, lambda: self._base, self._base.version, self._base.dim
            ).load(version)
        else:
            encoder = load_encoder(version)
        if encoder.dim != self._base.dim:
            raise InputError(
                f"encoder {version} gives vectors of {encoder.dim} numbers, those that are to be "
                f"switched have {self._base.dim}; promote one of the same size"
            )
        return encoder

    def _is_registered(self, version: str) -> bool:
        if kind_of(version) is not None:
            return True
        try:
            self._registry.get(version)
        except ModelError:
            return False
        return True


def cut_at(records: Iterable[T], size: int, places: Sequence[int]) -> Iterator[list[T]]:
    """Cut into lists of `size`, and before each of these places, counted from 0."""
    rest, done = iter(records), 0
    ends = sorted(place for place in set(places) if place > 0)
    while True:
        until = next((end - done for end in ends if end > done), size)
        batch = list(islice(rest, min(size, until)))
        if not batch:
            return
        done += len(batch)
        yield batch


def promotions_of(turns: PlannedTurns) -> list[dict[str, int | str]]:
    """Return the turns that were done, for a report."""
    return [
        {"event": place, "version": version, "encoder": encoder}
        for place, version, encoder in turns.done
    ]
