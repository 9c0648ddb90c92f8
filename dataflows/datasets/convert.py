"""Public data sets to our two files, `events.jsonl` and `items.jsonl`; one module per format.

A format is a function `open_log(path, tally) -> Log`: it finds its files at once
(InputError where they are missing or are something else), and reads them row by
row while the log is written. Other packages bring formats by entry points.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

from dataflows.datasets.formats.amazon import open_log as open_amazon
from dataflows.datasets.formats.banking77 import open_log as open_banking77
from dataflows.datasets.formats.cais_zh import open_log as open_cais_zh
from dataflows.datasets.formats.clinc150 import open_log as open_clinc150
from dataflows.datasets.formats.completejourney import open_log as open_completejourney
from dataflows.datasets.formats.deskdrop import open_log as open_deskdrop
from dataflows.datasets.formats.movielens import open_log as open_movielens
from dataflows.datasets.formats.nemig import open_log as open_nemig
from dataflows.datasets.formats.recbole import open_log as open_recbole
from dataflows.datasets.formats.serenade import open_log as open_serenade
from dataflows.datasets.formats.wikispeedia import open_log as open_wikispeedia
from dataflows.datasets.output.folder import check_free
from dataflows.datasets.output.report import ConvertReport
from dataflows.datasets.output.writer import EVENTS, ITEMS, write_log
from dataflows.datasets.rows.draft import Log
from dataflows.datasets.rows.opening import known_encoding
from dataflows.datasets.rows.tally import Tally
from dataflows.errors import InputError
from learners.entry_points import brought, failure, find, load, origin

GROUP = "penchant.formats"
"""The entry points by which other packages bring formats: their `open_log`."""

OpenLog = Callable[[Path, Tally], Log]

FORMATS: dict[str, OpenLog] = {
    "movielens": open_movielens,
    "recbole": open_recbole,
    "completejourney": open_completejourney,
    "wikispeedia": open_wikispeedia,
    "deskdrop": open_deskdrop,
    "serenade": open_serenade,
    "nemig": open_nemig,
    "amazon": open_amazon,
    "banking77": open_banking77,
    "clinc150": open_clinc150,
    "cais-zh": open_cais_zh,
}


def convert(
    format: str,  # noqa: A002
    path: Path,
    out_dir: Path,
    shuffle: int | None = None,
    *,
    force: bool = False,
    encoding: str | None = None,
) -> ConvertReport:
    """Convert `path` (a file or folder of `format`) into `out_dir`, in order of time.

    Equal times keep the order of their rows. With `shuffle` the rows are put in
    an order drawn with that seed, and the times are dealt out anew, in order;
    sets that have no times of their own get one row per second. `encoding` is that
    of all files; without it each one's own is found out. With `force` an earlier
    conversion in `out_dir` is replaced.

    Raises InputError for an unknown format or encoding, missing or wrong files, a
    file of which no row can be used, an `out_dir` that cannot be written or
    holds a conversion already, and a format of another package that fails.
    """
    entry = _brought(format)
    if entry is None and format not in FORMATS:
        raise _unknown(format)
    path, out_dir = Path(path), Path(out_dir)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give the {format} data")
    if not (path.is_file() or path.is_dir()):
        raise InputError(
            f"{path}: is neither a file nor a folder; put it into a file first, as it is read "
            "more than once"
        )
    if not force:
        check_free(out_dir, EVENTS, ITEMS)
    tally = Tally(None if encoding is None else known_encoding(encoding))
    if entry is None:
        log = FORMATS[format](path, tally)
        return write_log(log, out_dir, tally, format=format, source=path, shuffle=shuffle)
    told = f"{entry.name} ({origin(entry)})"
    try:
        log = _foreign(entry, path, tally)
        return write_log(log, out_dir, tally, format=told, source=path, shuffle=shuffle)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"format {entry.name!r} of {origin(entry)} failed on {path}: {failure(error)}; its "
            f"own page says what it reads"
        ) from error


def _brought(name: str) -> EntryPoint | None:
    """Return what another package brings under a name; nothing is imported."""
    try:
        return find(GROUP, name, FORMATS)
    except ValueError as error:
        raise InputError(f"format {error}") from None


def _foreign(entry: EntryPoint, path: Path, tally: Tally) -> Log:
    """Open a log by what another package brings, and see that it is one."""
    try:
        open_log = load(entry)
    except ValueError as error:
        raise InputError(f"format {error}") from error
    log = cast("OpenLog", open_log)(path, tally)
    if not isinstance(log, Log):
        raise InputError(
            f"format {entry.name!r} of {origin(entry)} gave {type(log).__name__}, not a Log of "
            f"dataflows.datasets.rows.draft; docs/how-to/plugins.md says what it must give"
        )
    return log


def _unknown(name: str) -> InputError:
    known = (*FORMATS, *brought(GROUP))
    near = get_close_matches(name.lower(), known, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return InputError(f"format {name!r} is unknown{meant}; it must be one of {', '.join(known)}")
