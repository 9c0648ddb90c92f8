"""The files that a configuration reads from, as a source."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from dataflows.config.config import Config
from dataflows.connectors.files.decisions import DecisionFile
from dataflows.connectors.files.full_catalogue import WholeCatalogue
from dataflows.connectors.files.item_changes import ItemChanges
from dataflows.connectors.files.source import FilesBeside, FileSource
from dataflows.errors import InputError
from dataflows.state.positions import Progress


def file_source(
    config: Config,
    progress: Progress,
    stop: Callable[[], bool],
    stored: Callable[[], set[str]],
    *,
    accept_items: bool = False,
) -> FileSource:
    """Return the source that section `[files]` describes, from where `progress` says it is.

    `stored` gives the ids of all items in the state. With `accept_items` the items file is the
    catalogue, whatever it lacks. Raises InputError where decisions would be read from the file
    of the events, or changes of items from another one.
    """
    files, most = config.files, config.events.max_record_bytes
    decisions = Path(files.decisions) if files.decisions else None
    if decisions is not None and decisions.resolve() == Path(files.events).resolve():
        raise InputError(
            f"files.decisions is {files.decisions}, the file of the events, where decisions are "
            "refused; give them a file of their own"
        )
    changes = Path(files.item_changes) if files.item_changes else None
    for other in ("events", "items", "decisions"):
        name = getattr(files, other)
        if changes is not None and name and changes.resolve() == Path(name).resolve():
            raise InputError(
                f"files.item_changes is {files.item_changes}, and so is files.{other}; give the "
                "changes of items a file of their own"
            )
    whole = None
    if files.items and files.items_are == "all":
        whole = WholeCatalogue(
            Path(files.items),
            stored,
            progress,
            config.events,
            is_accepted=accept_items,
        )
    return FileSource(
        Path(files.events),
        Path(files.items) if files.items else None,
        progress=progress,
        stop=stop,
        batch_size=config.most_at_once(files.batch_size),
        follow=files.follow,
        max_bytes=most,
        whole=whole,
        beside=partial(_open_beside, decisions, changes, progress, most),
    )


def _open_beside(
    decisions: Path | None, changes: Path | None, progress: Progress, most: int
) -> FilesBeside:
    """Open what is read with the events. Raises InputError."""
    with ExitStack() as undo:
        changed = None
        if changes is not None:
            changed = ItemChanges(changes, progress, most)
            undo.callback(changed.close)
        decided = None if decisions is None else DecisionFile(decisions, progress, most)
        undo.pop_all()
    return FilesBeside(decided, changed)
