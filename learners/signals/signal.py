"""A signal in one file: what somebody adds to those that lists are ranked by.

A signal counts what users take, names items that a user may want, says of each candidate a number
or a few, and tells why an item is listed. It is one class in one file, named in the setting
`learner.signals` or handed to the model. The model asks it in turn, stores what it knows, and
ranks by what it says as soon as that proves to tell something: a new column begins at weight 0.

    class Mine(Signal):
        name = "mine"
        columns = ("mine",)

        def features(self, ids, context):
            return np.zeros((1, len(ids)), np.float32)

What a signal says may depend on nothing but what it was told, in the order in which it was told:
no clock, no chance without a seed. So a replay gives what the stream gave, and a state that is
restored goes on bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from learners.signals.items import ItemTable
from learners.signals.semantic import SemanticIndex
from learners.signals.undo import UndoRecord
from learners.signals.window import RecentWindow
from learners.types import Item

Numbers = NDArray[np.int32]
Columns = NDArray[np.float32]

_NOTHING = np.zeros(0, np.int32)


class Taking(NamedTuple):
    """One interaction of a user with an item, as it is counted and as it is taken back.

    `item` is the item's number, `position` that of the interaction in the shard, `ts` its time
    (seconds since 1970), `steps` how many steps its user had taken before, `kind` the hash of its
    type (`learners.signals.undo.hash32`), `weight` that of the type and `counted` the same cut to
    what one event may count for, `value` the number that the event brought (None: none), `again`
    whether the user had the item already. `recent` is what the user took before it.
    """

    item: int
    position: int
    ts: float
    steps: int
    kind: int
    weight: float
    counted: float
    value: float | None
    again: bool
    recent: RecentWindow

    @classmethod
    def of(cls, item: int, ts: float, undo: UndoRecord, recent: RecentWindow) -> Taking:
        """Return what an undo record says of an interaction with an item at `ts`."""
        noted = undo.position, ts, undo.steps, undo.type, undo.weight, undo.counted
        # What teaches nothing (NaN, numbers beyond 1e12) is no value.
        value = None if undo.deviation is None else undo.value
        return cls(item, *noted, value, undo.again, recent)


class SignalContext(Protocol):
    """A user at one moment, as far as a signal may look.

    `recent` (m,) int32 are the numbers of their newest items, newest first, and `back` (m,) float64
    how many steps back each lies; `length` counts their interactions, `steps` the times at which
    there were any; `position` is that of the shard, `now` the time (seconds). `gap` is seconds
    since their last event, `session` the number of events since a long pause.
    """

    @property
    def recent(self) -> Numbers: ...  # noqa: D102 - each is told of above
    @property
    def back(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def length(self) -> int: ...  # noqa: D102
    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def position(self) -> int: ...  # noqa: D102
    @property
    def now(self) -> float: ...  # noqa: D102
    @property
    def gap(self) -> float: ...  # noqa: D102
    @property
    def session(self) -> int: ...  # noqa: D102


class Signal:
    """What a signal may do; by default it does nothing. Override what yours needs.

    `name` is what it is named by: in settings, in what is stored, among reasons. `columns` are the
    names of its numbers, unlike any other's. `about` says in a line what it is. `looks_back` tells
    that it counts by `Taking.recent`: where an earlier event of a user is taken back, the later
    ones are then uncounted, and counted anew as if it had not been. `items` is the table of all
    items (`learners.signals.items`), to be read.
    """

    name: str = ""
    columns: tuple[str, ...] = ()
    about: str = ""
    looks_back: bool = False
    items: ItemTable

    def put(self, item: int, record: Item) -> None:
        """Take note of a catalogue record; after a restart all come again, before any event."""

    def candidates(self, context: SignalContext) -> Numbers:  # noqa: ARG002 - for others to use
        """Return the numbers (n,) int32 of items that a user may want, the likeliest first.

        The first 32 are always ranked; of the rest those that other signals speak for.
        """
        return _NOTHING

    def features(self, ids: Numbers, context: SignalContext) -> Columns:
        """Return what is said of the items `ids` (n,): (columns, n) float32, finite.

        About 0 where nothing is known, and of about 1 in size: rows are centred and scaled.
        """
        raise NotImplementedError(f"the signal {self.name!r} has columns, and no `features`")

    def count(self, taking: Taking) -> Iterable[int] | None:
        """Count an interaction.

        Return the items whose state changed beside that of the interaction; None for no other.
        """

    def uncount(self, taking: Taking) -> Iterable[int] | None:
        """Take back what `count` counted when it was called with the same; return as it does.

        What was counted of an item before it was forgotten is not taken back, and such an item is
        left out of `taking.recent`.
        """

    def forget(self, item: int) -> None:
        """Forget what is known of an item: it was removed."""

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`; called before any such number is."""

    def move(self, space: SemanticIndex) -> Iterable[int] | None:
        """Leave the vectors of one encoder for those of another, `space`.

        Return the items whose state changed; None for none. Only a signal that keeps what it made
        of vectors has to do anything.
        """

    def state(self) -> Mapping[str, Any]:
        """Return what is known beside that of single items: plain values and arrays."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore, bit for bit, what `state` returned."""

    def item_state(self, item: int) -> Any:
        """Return what is known of one item, in plain values and arrays; None for nothing."""

    def restore_item(self, item: int, state: Any) -> None:
        """Restore, bit for bit, what `item_state` returned; after `restore`."""

    def explain(self, item: int, context: SignalContext) -> str | None:
        """Return why an item is in a user's list, in a few words; None where that is not sure.

        It is asked of those items that it raised most. Say only what holds.
        """


SignalMaker = Callable[[], Signal]
"""Makes a signal, one for each model: a class without arguments will do."""
