"""A file of items that is the whole catalogue: what it no longer has is gone.

A file's rows are put, one by one; that alone would keep an item for ever whose row was
dropped from the file. So the ids in the file are compared with those in the state before
anything is read, and an item that the file does not have leaves as a removal, ahead of the
rows. Removals have a partition of their own, and their offsets follow the order of the ids:
after a crash those that are left go on from the stored position.

A file that lacks too much, or breaks off, may not be whole: it is refused before anything is
changed, until whoever runs the process accepts it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from dataflows.config.events import EventSettings
from dataflows.connectors.files.catalogue_rows import ListedItems, read_listed, row_id
from dataflows.errors import InputError
from dataflows.messages.items import decode_item
from dataflows.messages.raw import Raw, Reject
from dataflows.state.positions import Progress

MOST_GONE = Fraction(1, 5)
"""A file that lacks more than this share of the known items is refused; one item may go."""
ACCEPT = "--accept-items"
CHANGES = '[files] items_are = "changes"'
SHOWN = 5

_log = logging.getLogger(__name__)


class WholeCatalogue:
    """Finds the items that leave because their file no longer has them.

    `stored` gives the ids of all items in the state, of any shard. `is_accepted`: whatever
    the file lacks, it is the catalogue.
    """

    def __init__(
        self,
        path: Path,
        stored: Callable[[], set[str]],
        progress: Progress,
        settings: EventSettings,
        *,
        is_accepted: bool = False,
    ) -> None:
        self._path = path
        self._stored = stored
        self._progress = progress
        self._settings = settings
        self._is_accepted = is_accepted

    def removals(
        self, topic: str, partition: str, rows: Iterable[Raw], is_torn: Callable[[], bool]
    ) -> list[Raw]:
        """Return a removal for each item that leaves; log what is worth knowing of the file.

        `topic` and `partition` are those of the file's content, `rows` all of its lines;
        `is_torn` says, once they are read, whether the file breaks off in its last line.
        Raises InputError where the file may not be whole.
        """
        own = f"{partition} removed"
        is_new = not (self._progress.is_known(partition) or self._progress.is_known(own))
        refused: list[str | None] = []
        listed = read_listed(
            self._looked_at(rows, refused) if is_new else rows, self._settings.max_id_chars
        )
        stored = self._stored()
        gone = sorted(stored - listed.ids)
        is_sure = self._is_accepted or self._is_under_way(partition, own, listed.end)
        if is_new and listed.repeated:
            self._tell_repeated(listed.repeated)
        if refused:
            self._tell_refused(len(refused), sorted({one for one in refused if one in stored}))
        if not is_sure:
            if is_new and is_torn():
                raise self._refusal("its last line breaks off, so it is not whole")
            if gone and listed.unnamed:
                self._tell_kept(gone, listed)
                return []
            if is_too_much(len(gone), len(stored)):
                raise self._refusal(
                    f"{len(gone):,} of {_items(len(stored))} in the state are not in it "
                    f"({_some(gone)}), more than a fifth"
                )
        if gone:
            _log.warning(
                "%s: the catalogue loses %s that the file no longer has: %s",
                *(self._path, _items(len(gone)), _some(gone)),
            )
        first = self._progress.position(own) or 0
        return [
            Raw(topic, own, place, place + 1, item_id.encode(), None)
            for place, item_id in enumerate(gone, first)
        ]

    def _is_under_way(self, partition: str, own: str, end: int) -> bool:
        """Return whether this content was accepted before, and not read to its end."""
        return self._progress.is_known(own) and (self._progress.position(partition) or 0) < end

    def _refusal(self, why: str) -> InputError:
        return InputError(
            f"{self._path}: {why}; nothing was changed. Give the whole catalogue, or set "
            f"{CHANGES} where a file holds changes only, or run once with {ACCEPT}"
        )

    def _looked_at(self, rows: Iterable[Raw], refused: list[str | None]) -> Iterator[Raw]:
        """Yield the rows; put the id, as far as it can be read, of each that cannot be used."""
        for raw in rows:
            if isinstance(decode_item(raw, self._settings), Reject):
                refused.append(row_id(raw.value or b"", self._settings.max_id_chars))
            yield raw

    def _tell_refused(self, count: int, kept: Sequence[str]) -> None:
        stay = f"; kept as before: {_items(len(kept))} ({_some(kept)})" if kept else ""
        _log.warning(
            "%s: rows that cannot be used, and become dead letters: %s%s",
            *(self._path, f"{count:,}", stay),
        )

    def _tell_repeated(self, repeated: Sequence[str]) -> None:
        _log.warning(
            "%s: %s with more than one row, the last of which counts: %s",
            *(self._path, _items(len(repeated)), _some(repeated)),
        )

    def _tell_kept(self, gone: Sequence[str], listed: ListedItems) -> None:
        _log.warning(
            "%s: rows without an item_id that can be read: %s. So what is in the state and not in "
            "the file stays, %s (%s); mend the rows, or run once with %s",
            *(self._path, f"{listed.unnamed:,}", _items(len(gone)), _some(gone), ACCEPT),
        )


def is_too_much(gone: int, known: int) -> bool:
    """Return whether so many items that go of those known are more than a person would expect.

    One item may always go, unless it is the last.
    """
    return gone > 0 and (gone == known or (gone > 1 and gone > MOST_GONE * known))


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:SHOWN])
    return f"{shown}, ..." if len(ids) > SHOWN else shown
