"""`penchant state backup` and `restore`: a whole state copied out of its folder, and back into it.

A copy is made by SQLite's online backup, one commit of each shard at a time, beside a running
process; it is looked through before it counts as one. What is to be replaced is moved aside,
never deleted. A kill while a state is put in place leaves markers without databases, so that
the next start says what is missing and begins nothing anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dataflows.cli.state_check import look, view_of
from dataflows.engine.status.end_note import KIND_ENDED
from dataflows.errors import InputError
from dataflows.state.damage import unusable
from dataflows.state.private_files import (
    close_to_others,
    make_private_file,
    make_private_folder,
    sync_folder,
    write_private,
)
from dataflows.state.shard_files import (
    Marker,
    is_ours,
    marker_path,
    number_bytes,
    number_path,
    shards_in,
    wal_path,
    write_marker,
)
from dataflows.state.store import commits_within, lock_shard, store_path

PART = "restore.part"


def backup(state: Path, target: Path) -> list[Path]:
    """Copy all shards of a state to a folder that is new or empty; return the databases made.

    Raises InputError where there is no state, where the folder holds anything, and where the
    state is damaged.
    """
    shards = _whole_shards(state)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target}: there is something here already; name a folder that is new")
    target = target.absolute()
    part = target.with_name(target.name + ".part")
    with _naming(target):
        _copied(state, shards, part)
        part.rename(target)
        sync_folder(target.parent)
    return [store_path(target, shard) for shard in shards]


def restore(source: Path, state: Path, *, replace: bool = False) -> Path | None:
    """Put a backup in place; return the folder to which an older state was moved, if there was one.

    With `replace` a state that is there is moved aside; without it that is refused.
    Raises InputError, and `dataflows.state.store.StoreInUseError` where a process has the state
    open.
    """
    if source.exists() and state.exists() and source.samefile(state):
        raise InputError(f"{source}: this is the state folder itself; name a backup")
    shards = _whole_shards(source)
    with _naming(state), ExitStack() as held:
        make_private_folder(state, is_ours)
        there = shards_in(state)
        for shard in sorted({*shards, *there}):
            held.enter_context(lock_shard(store_path(state, shard)))
        if there and not replace:
            raise InputError(
                f"{state}: a state is here already; with --replace it is moved aside, "
                "into a folder of its own in there"
            )
        part = state / PART
        _copied(source, shards, part)
        for shard in shards:
            _forget_end(store_path(part, shard))
        aside = _moved_aside(state, there) if there else None
        _put(part, state, shards)
        for shard in set(there) - set(shards):
            marker_path(store_path(state, shard)).unlink(missing_ok=True)
        sync_folder(state)
    return aside


def _whole_shards(folder: Path) -> list[int]:
    """Return the shards of a state. Raises InputError where one is missing."""
    shards = shards_in(folder)
    if not shards:
        raise InputError(f"{folder}: there is no state here")
    with closing(view_of(folder, shards[0])) as view:
        count = int(view.identity("shards") or 0)
    if shards != list(range(count)):
        raise InputError(
            f"{folder}: the state has {count} shards, but of these files are here: "
            f"{', '.join(map(str, shards))}"
        )
    return shards


def _copied(source: Path, shards: list[int], part: Path) -> None:
    """Copy shards into a new folder, with marker and number, and look them through."""
    if part.exists():  # what an earlier run was killed over
        if not all(is_ours(one.name) for one in part.iterdir()):
            raise InputError(f"{part}: this is in the way; move it")
        shutil.rmtree(part)
    make_private_folder(part)
    for shard in shards:
        _copy(source, shard, store_path(part, shard))
    sync_folder(part)
    damages = [damage for looked in look(part) for damage in looked.damages]
    if damages:
        shutil.rmtree(part)
        first = damages[0].replace(f"{part}{os.sep}", f"{source}{os.sep}")
        raise InputError(f"{first} ({len(damages)} damages in all; nothing was copied)")


def _copy(source: Path, shard: int, copy: Path) -> None:
    make_private_file(copy)
    with closing(view_of(source, shard)) as view, view.as_of_one_commit() as connection:
        with closing(sqlite3.connect(copy, isolation_level=None)) as made:
            connection.backup(made)
            made.execute("PRAGMA journal_mode = DELETE")  # one file, also where nobody may write
            commits = commits_within(made)
        marker = Marker(view.identity("format") or "", view.identity("shards") or "")
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    write_private(number_path(copy), number_bytes(commits))
    write_marker(copy, marker)


def _forget_end(database: Path) -> None:
    """Remove the note that the last run ended well: since then lists may have been sent.

    So each user's first list is sent, as after a crash.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("DELETE FROM records WHERE kind = ?", (KIND_ENDED,))


def _moved_aside(state: Path, shards: list[int]) -> Path:
    """Move the databases of a state aside; markers stay until others take their place."""
    name = time.strftime("replaced-%Y%m%dT%H%M%S", time.gmtime())
    aside, number = state / name, 1
    while aside.exists():
        aside, number = state / f"{name}-{number}", number + 1
    make_private_folder(aside)
    for shard in shards:
        database = store_path(state, shard)
        if marker_path(database).exists():
            shutil.copyfile(marker_path(database), marker_path(store_path(aside, shard)))
            close_to_others(marker_path(store_path(aside, shard)))
        else:  # of an older release: without a marker a kill now would let it begin anew
            write_marker(database, Marker("", ""))
        shm = database.with_name(database.name + "-shm")
        for path in (database, wal_path(database), shm, number_path(database)):
            if path.exists():
                path.rename(aside / path.name)
        database.with_suffix(".unchecked").unlink(missing_ok=True)
    sync_folder(aside)
    sync_folder(state)
    return aside


def _put(part: Path, state: Path, shards: list[int]) -> None:
    """Move copies in: markers first, databases last, so that no kill leaves half unnoticed."""
    for shard in shards:
        for file in (marker_path, number_path):
            path = file(store_path(part, shard))
            path.rename(state / path.name)
    sync_folder(state)
    for shard in shards:
        path = store_path(part, shard)
        path.rename(state / path.name)
    shutil.rmtree(part)


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Turn what the system or SQLite refuses into a line that names the folder."""
    try:
        yield
    except (OSError, sqlite3.Error, shutil.Error) as error:
        raise unusable(folder, error) from error
