"""Which files of a folder are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dataflows.errors import InputError

PACKED = ("", ".gz", ".bz2", ".xz", ".zst")


def find_file(path: Path, names: Sequence[str], what: str, but: str = "") -> Path:
    """Return `path` itself, or the first of `names` (glob patterns, `but` one) in it, if a folder.

    Raises InputError where the folder holds none of them.
    """
    if path.is_file():
        return path
    found = find_beside(path, names, but)
    if found is None:
        archive = next(iter(sorted(path.glob("*.zip"))), None)
        hint = f" (unpack {archive.name} first)" if archive else ""
        raise InputError(
            f"{path}: holds none of {', '.join(names)}{hint}; give the file or folder of {what}"
        )
    return found


def find_beside(path: Path, names: Sequence[str], but: str = "") -> Path | None:
    """Return the first of `names` (glob patterns) in a folder, or beside a file; None if none.

    Each may be packed: `movies.csv` stands for `movies.csv.gz` too.
    """
    folder = path if path.is_dir() else path.parent
    for name in (f"{name}{ending}" for name in names for ending in PACKED):
        found = sorted(n for n in folder.glob(name) if n.is_file() and not (but and n.match(but)))
        if found:
            return found[0]
    return None


def find_each(path: Path, names: Sequence[str], what: str) -> list[Path]:
    """Return `path` itself, or all of `names` that a folder holds, in their order.

    Raises InputError where it holds none of them.
    """
    first = find_file(path, names, what)
    if not path.is_dir():
        return [first]
    return [found for name in names if (found := find_beside(path, (name,)))]


def bare_name(path: Path) -> str:
    """Return the name of a file without the ending that says how it is packed."""
    return path.name.removesuffix(path.suffix) if path.suffix in PACKED else path.name


def unread(path: Path, used: Sequence[Path]) -> Iterator[str]:
    """Name the files of a folder that were not read."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.is_file() and file not in used and not file.name.startswith("."):
                yield file.name
