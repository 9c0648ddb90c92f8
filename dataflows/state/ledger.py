"""The ledger: what became of every record, per source partition. It must balance.

What came in is counted where it arrives, what became of it where that is decided:
two counts, so that a record lost between them shows.

    in = learnt + observed + skipped + duplicate + dead_letter
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from dataflows.errors import LedgerError
from dataflows.state.records import Load, Record, Scan
from learners.codec import pack, unpack_as

KIND = "ledger"
VERSION = 1

Outcome = Literal["learnt", "observed", "skipped", "duplicate", "dead_letter"]

OUTCOMES: tuple[Outcome, ...] = ("learnt", "observed", "skipped", "duplicate", "dead_letter")


class _Page(msgspec.Struct):
    """Counts of one partition: `became` is outcome, then reason ("" for none), then how many."""

    arrived: int
    became: dict[str, dict[str, int]]


class Ledger:
    """Counts of records per partition and outcome; state goes through `changed` and `restore`."""

    def __init__(self) -> None:
        self._pages: dict[str, _Page] = {}
        self._dirty: set[str] = set()
        self._gone: set[str] = set()

    def arrive(self, partition: str, n: int = 1) -> None:
        """Count `n` records that came in from `partition`."""
        page = self._pages.get(partition) or self._begin(partition)
        page.arrived += n
        self._dirty.add(partition)

    def count(self, partition: str, outcome: Outcome, reason: str = "", n: int = 1) -> None:
        """Count what became of `n` records. Raises KeyError for an outcome that is none."""
        page = self._pages.get(partition) or self._begin(partition)
        reasons = page.became[outcome]
        reasons[reason] = reasons.get(reason, 0) + n
        self._dirty.add(partition)

    def fold(self, partition: str, into: str) -> None:
        """Count what came from `partition` under another one from now on."""
        if partition == into or partition not in self._pages:
            return
        page = self._pages.pop(partition)
        self._dirty.discard(partition)
        self._gone.add(partition)
        self.arrive(into, page.arrived)
        for outcome in OUTCOMES:
            for reason, n in page.became[outcome].items():
                self.count(into, outcome, reason, n)

    def balance(self) -> int:
        """Return the number of records that came in, all accounted for, over all partitions.

        Raises `LedgerError` with the figures of the first partition where they differ.
        """
        for partition, page in sorted(self._pages.items()):
            sums = _sums(page)
            if sum(sums.values()) != page.arrived:
                parts = " + ".join(f"{count} {name}" for name, count in sums.items())
                raise LedgerError(
                    f"partition {partition}: {page.arrived} records came in, but {parts}"
                    f" = {sum(sums.values())}; please report this as a fault of penchant"
                )
        return sum(page.arrived for page in self._pages.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain figures: `in` and each outcome in all, their reasons, and each partition.

        Keys: `in`, the five outcomes, `reasons` (outcome to reason to count, only
        what has a reason) and, at the top, `partitions` with the same for each.
        """
        total = _Page(0, _nothing())
        for page in self._pages.values():
            total.arrived += page.arrived
            for outcome, reasons in page.became.items():
                into = total.became[outcome]
                for reason, n in reasons.items():
                    into[reason] = into.get(reason, 0) + n
        partitions = {name: _plain(page) for name, page in sorted(self._pages.items())}
        return {**_plain(total), "partitions": partitions}

    def changed(self) -> Iterator[Record]:
        """Return (kind, key, blob) of the partitions counted since the last call."""
        names, self._dirty = sorted(self._dirty), set()
        gone, self._gone = sorted(self._gone - set(names)), set()
        records: list[Record] = [(KIND, name, None) for name in gone]
        records += [(KIND, name, pack(KIND, VERSION, _sorted(self._pages[name]))) for name in names]
        return iter(records)

    def restore(
        self,
        load: Load,  # noqa: ARG002 - one shape for all who keep state
        scan: Scan,
    ) -> None:
        """Restore the counts of an earlier run. Raises `learners.codec.StateError` if damaged."""
        self._pages = {key: unpack_as(blob, KIND, VERSION, _Page) for key, blob in scan(KIND)}
        self._dirty, self._gone = set(), set()

    def _begin(self, partition: str) -> _Page:
        page = self._pages[partition] = _Page(0, _nothing())
        return page


def _nothing() -> dict[str, dict[str, int]]:
    return {outcome: {} for outcome in OUTCOMES}


def _sorted(page: _Page) -> _Page:
    """Return a page whose bytes do not depend on which reason was counted first."""
    became = {outcome: dict(sorted(reasons.items())) for outcome, reasons in page.became.items()}
    return _Page(page.arrived, became)


def _sums(page: _Page) -> dict[str, int]:
    return {outcome: sum(page.became[outcome].values()) for outcome in OUTCOMES}


def _plain(page: _Page) -> dict[str, Any]:
    reasons = {
        outcome: named
        for outcome in OUTCOMES
        if (named := {word: n for word, n in sorted(page.became[outcome].items()) if word})
    }
    return {"in": page.arrived, **_sums(page), "reasons": reasons}
