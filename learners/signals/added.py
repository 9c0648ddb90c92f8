"""The signals that were added to ours: looked up, asked one after the other, stored, restored.

Each is held to what it says of itself (`learners.signals.signal`): names that are its own, item
numbers that there are, a number for each candidate. Whatever goes wrong within one is told as of
that one, in one line. A number that is not finite counts as 0, and is warned of once.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from learners.entry_points import brought, failure, find, load, origin
from learners.signals.items import ItemTable
from learners.signals.semantic import SemanticIndex
from learners.signals.signal import Columns, Numbers, Signal, SignalContext, SignalMaker, Taking
from learners.signals.window import RecentWindow
from learners.types import Item

GROUP = "penchant.signals"
"""The entry points by which packages bring signals."""
SURE = 32
"""Of what a signal names, so many of the first are always ranked."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST = 200  # characters of a reason

_log = logging.getLogger(__name__)


class SignalError(ValueError):
    """A signal is not what a signal has to be, or failed; one line says which, and the remedy."""


def makers_of(names: Sequence[str]) -> tuple[SignalMaker, ...]:
    """Return what makes the signals that installed packages bring under these names.

    Raises SignalError for a name that none brings, or that brings no signal.
    """
    return tuple(map(_maker, names))


def _maker(name: str) -> SignalMaker:
    try:
        entry = find(GROUP, name)
        made = None if entry is None else load(entry)
    except ValueError as error:
        raise SignalError(f"learner.signals: {error}") from error
    if entry is None:
        known = ", ".join(brought(GROUP)) or "none"
        raise SignalError(
            f"learner.signals names {name!r}, which no installed package brings (there are: "
            f"{known}); install the package, or take the name out"
        )
    if not (isinstance(made, type) and issubclass(made, Signal)):
        raise SignalError(
            f"learner.signals: {name!r} of {origin(entry)} is no class of learners.signals.signal."
            "Signal; mend it there, or take the name out"
        )
    return made


class AddedSignals:
    """Signals in their order; `began` is the shard position at which each began to count.

    Arguments:
        makers: make them.
        items: the table of all items.
    """

    def __init__(self, makers: Sequence[SignalMaker], items: ItemTable) -> None:
        self.signals = tuple(maker() for maker in makers)
        self.columns = tuple((signal.name, tuple(signal.columns)) for signal in self.signals)
        self.began = {signal.name: -1 for signal in self.signals}
        self.mended: Counter[str] = Counter()
        self._items = items
        for signal in self.signals:
            signal.items = items

    def __len__(self) -> int:
        return len(self.signals)

    def check(self, taken: Collection[str]) -> None:
        """Raise SignalError for a name that is none, or that there is: those `taken` are ours."""
        known = set(taken)
        for signal in self.signals:
            names = [*signal.columns, *{signal.name}.difference(signal.columns)]
            for name in names:
                if not _NAME.fullmatch(name):
                    raise SignalError(
                        f"the signal {signal.name!r} brings the name {name!r}: names are small "
                        "letters, digits and _, at most 40, and begin with a letter"
                    )
                if name in known:
                    raise SignalError(
                        f"the signal {signal.name!r} brings the name {name!r}, which there is "
                        "already; give it another"
                    )
                known.add(name)

    def put(self, item: int, record: Item) -> None:
        """Hand a catalogue record on."""
        for signal in self.signals:
            _ask(signal, "put", item, record)

    def candidates(self, signal: Signal, context: SignalContext) -> Numbers:
        """Return what a signal names. Raises SignalError for what is no number of an item."""
        named = np.asarray(_ask(signal, "candidates", context))
        if named.ndim != 1 or (len(named) and not np.issubdtype(named.dtype, np.integer)):
            raise SignalError(
                f"the signal {signal.name!r} names candidates of shape {named.shape} and type "
                f"{named.dtype}; it must name item numbers (n,) int32"
            )
        if len(named) and not 0 <= named.min() <= named.max() < len(self._items):
            raise SignalError(
                f"the signal {signal.name!r} names an item with a number outside of 0 to "
                f"{len(self._items) - 1}; name those that were counted or put"
            )
        return named.astype(np.int32, copy=False)

    def features(self, signal: Signal, ids: Numbers, context: SignalContext) -> Columns:
        """Return a signal's columns (columns, n). Raises SignalError for another shape."""
        said = np.asarray(_ask(signal, "features", ids, context), np.float32)
        if said.shape != (len(signal.columns), len(ids)):
            raise SignalError(
                f"the signal {signal.name!r} gives features of shape {said.shape}; they must be "
                f"({len(signal.columns)}, {len(ids)}): a row for each of its columns"
            )
        is_finite = np.isfinite(said)
        if is_finite.all():
            return said
        if not self.mended[signal.name]:
            _log.warning(
                "the signal %r gives numbers that are not finite: 0 stands for them", signal.name
            )
        self.mended[signal.name] += int(np.count_nonzero(~is_finite))
        return np.where(is_finite, said, np.float32(0.0))

    def count(self, taking: Taking) -> set[int]:
        """Count an interaction; return the other items whose records changed."""
        return self._each("count", taking)

    def recount(self, taken: Taking, now: Taking | None) -> set[int]:
        """Take an interaction back that was counted as `taken`, and count it as it is `now`, if so.

        Returns the items whose records changed.
        """
        changed: set[int] = set()
        cleared, position = self._items.cleared, taken.position
        if position <= cleared[taken.item]:
            return changed  # what it counted went with the item
        for signal in self.signals:
            is_same = now is not None and _is_same(taken, now)
            if position <= self.began[signal.name] or (now is not None and not signal.looks_back):
                continue
            for what, one in (("uncount", taken), ("count", now)):
                if one is not None and not is_same:
                    left = one._replace(recent=_left(one.recent, cleared, position))
                    changed |= {taken.item, *left.recent.items.tolist()}
                    changed.update(_ask(signal, what, left) or ())
        return changed

    def forget(self, item: int) -> None:
        """Forget an item."""
        for signal in self.signals:
            _ask(signal, "forget", item)

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        for signal in self.signals:
            _ask(signal, "make_room", items)

    def move(self, space: SemanticIndex) -> set[int]:
        """Move to another encoder's space; return the items whose records changed."""
        return self._each("move", space)

    def explain(self, name: str, item: int, context: SignalContext) -> str | None:
        """Return what a signal says of a listed item, on one line and cut; None for nothing."""
        signal = next(signal for signal in self.signals if signal.name == name)
        said = _ask(signal, "explain", item, context)
        return " ".join(str(said).split())[:_LONGEST] or None if said is not None else None

    def state(self) -> dict[str, Any]:
        """Return what is known beside that of single items, by the names of signals."""
        return {
            signal.name: {
                "began": self.began[signal.name],
                "columns": signal.columns,
                "state": dict(_ask(signal, "state")),
            }
            for signal in self.signals
        }

    def item_state(self, item: int) -> dict[str, Any]:
        """Return what is known of an item, by the names of signals that know something."""
        known = {signal.name: _ask(signal, "item_state", item) for signal in self.signals}
        return {name: [self.began[name], it] for name, it in known.items() if it is not None}

    def restore(
        self, shared: Mapping[str, Any], items: Mapping[int, Mapping[str, Any]], position: int
    ) -> None:
        """Restore what `state` returned, and `item_state` of each item.

        A signal that was not stored begins after `position`. What was stored of one that is not
        there any more is dropped, with a line that says so.
        """
        there = {signal.name: signal for signal in self.signals}
        for name, known in shared.items():
            if name not in there:
                _log.warning(
                    "the stored state has a signal %r that is not added any more "
                    "(learner.signals): what it counted is dropped, and its columns (%s) with it",
                    *(name, ", ".join(known["columns"])),
                )
        for name, signal in there.items():
            self.began[name] = shared[name]["began"] if name in shared else position
            if name in shared:
                _ask(signal, "restore", shared[name]["state"])
        for item, known in items.items():
            for name, (began, state) in known.items():
                # One that was away for a while begins anew: what items kept of it is of before.
                if name in shared and name in there and began == self.began[name]:
                    _ask(there[name], "restore_item", item, state)

    def _each(self, what: str, given: object) -> set[int]:
        changed: set[int] = set()
        for signal in self.signals:
            changed.update(_ask(signal, what, given) or ())
        return changed


def _ask(signal: Signal, what: str, *given: object) -> Any:
    """Call a method of a signal. Raises SignalError, in one line, whatever goes wrong there."""
    try:
        return getattr(signal, what)(*given)
    except Exception as error:
        raise SignalError(
            f"the signal {signal.name!r} failed in {what}: {failure(error)}; mend it, or take it "
            "out of learner.signals"
        ) from error


def _is_same(one: Taking, other: Taking) -> bool:
    mine, theirs = one.recent, other.recent
    return (
        one.again == other.again
        and np.array_equal(mine.items, theirs.items)
        and np.array_equal(mine.back, theirs.back)
        and np.array_equal(mine.counted, theirs.counted)
    )


def _left(recent: RecentWindow, cleared: np.ndarray[Any, Any], position: int) -> RecentWindow:
    """Return what of a window was not emptied since `position`."""
    kept = cleared[recent.items] < position
    return RecentWindow(recent.items[kept], recent.back[kept], recent.counted[kept])
