"""The folder that a conversion writes into: nothing of it is lost, and no half file looks whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from dataflows.errors import InputError


def check_free(out_dir: Path, *names: str) -> None:
    """Raise InputError where the folder holds one of the files already, naming them."""
    taken = [name for name in names if os.path.lexists(out_dir / name)]
    if taken:
        raise InputError(
            f"{out_dir}: holds {' and '.join(taken)} already; give another folder, or --force "
            "to write over them"
        )


@contextmanager
def aside(*paths: Path) -> Iterator[list[IO[bytes]]]:
    """Open a file beside each path; when all is whole they take their names, the last one last.

    An older file of the last name goes before any other is replaced: while one of that name is
    there the others belong to it, even if everything ends in between.
    """
    folder = paths[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    parts = [path.with_name(f"{path.name}.{os.getpid()}.part") for path in paths]
    try:
        with ExitStack() as stack:
            files: list[IO[bytes]] = [stack.enter_context(part.open("wb")) for part in parts]
            yield files
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        paths[-1].unlink(missing_ok=True)
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
