"""Whether two checkouts give the same ranks, bit for bit: what a change that only moves must show.

Replayed are all of ml-100k (80,000 events scored) and the first 30,000 events each of
completejourney and wikispeedia, through `penchant convert` and `penchant replay --ranks`, each in
a process of its own with the default settings, one thread and the packaged encoder. A log that is
not there is said and left out. Both checkouts replay the files that this one converted.

    python -m benchmarks.same_ranks --against ../before       # another checkout
    python -m benchmarks.same_ranks --save before.json        # digests, for later
    python -m benchmarks.same_ranks --with before.json        # ... compared with those

Printed are the md5 digest of each CSV of ranks, how many ranks it holds, and whether they are
equal or where they first differ. The exit status is 1 where some differ, 2 where there was
nothing to compare or a replay failed. Digests hold for one machine and its versions of libraries:
another processor may give other last digits of a text's vector.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from itertools import zip_longest
from pathlib import Path
from typing import Any

from benchmarks.accuracy_logs import SOURCES, is_there

CHECKOUT = Path(__file__).resolve().parent.parent
LIMITS = {"ml-100k": None, "completejourney": 30_000, "wikispeedia": 30_000}
"""How many events of each log are replayed; None: all."""

BLOCK = 1_000
"""Ranks under one of the digests that are saved: they tell about where a difference begins."""

QUIET = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class Failed(Exception):  # noqa: N818 - no error of ours: a process ended with one
    """A command of a checkout ended with a status other than 0."""


def penchant(checkout: Path, *arguments: str | Path) -> None:
    """Run the command line of a checkout, which may keep its `main` in another module than ours."""
    scripts = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]
    module, name = scripts["penchant"].split(":")
    start = f"import sys; from {module} import {name}; sys.exit({name}())"
    run_python(checkout, f"penchant {arguments[0]} of {checkout}", "-c", start, *arguments)


def run_python(checkout: Path, what: str, *arguments: str | Path | int) -> None:
    """Run Python on the packages of a checkout, with one thread. Raises Failed, naming `what`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PENCHANT_")}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=kept | QUIET | {"PYTHONPATH": str(checkout)},
            cwd=elsewhere,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise Failed(f"{what} failed:\n{done.stderr.strip()}")


def is_checkout(folder: Path) -> bool:
    """Return whether the folder holds a checkout of penchant."""
    return (folder / "dataflows" / "__init__.py").is_file()


def convert(name: str, folder: Path) -> tuple[Path, Path | None]:
    """Write a log into a folder; return its events and its catalogue, None where it has none."""
    kind, path = SOURCES[name]
    penchant(CHECKOUT, "convert", kind, path.resolve(), "--out", folder)
    items = folder / "items.jsonl"
    return folder / "events.jsonl", items if items.stat().st_size else None


def ranks_of(
    checkout: Path, log: Path, items: Path | None, limit: int | None, encoder: str
) -> bytes:
    """Replay a log with a checkout; return the CSV of its ranks."""
    with tempfile.TemporaryDirectory() as folder:
        ranks = Path(folder) / "ranks.csv"
        chosen = [
            *(("--items", items) if items else ()),
            *(("--limit", str(limit)) if limit else ()),
        ]
        common = ("--against", "none", "--encoder", encoder, "--ranks", ranks)
        penchant(checkout, "replay", log, *chosen, *common)
        return ranks.read_bytes()


def digests(csv: bytes) -> dict[str, Any]:
    """Return the digest of a CSV, the number of its ranks, and a digest of each block of them."""
    rows = csv.splitlines(keepends=True)[1:]
    blocks = [b"".join(rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK)]
    return {"md5": md5(csv), "ranks": len(rows), "blocks": [md5(block) for block in blocks]}


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def first_difference(ours: bytes, theirs: bytes) -> str:
    """Say at which rank two CSVs first differ, which they do, and what both have there."""
    pairs = zip_longest(ours.splitlines(), theirs.splitlines(), fillvalue=b"nothing")
    at, mine, other = next((n, a, b) for n, (a, b) in enumerate(pairs) if a != b)
    return f"differ first at rank {at:,}: {mine.decode()} here, {other.decode()} there"


def first_block(ours: dict[str, Any], saved: dict[str, Any]) -> str:
    """Say in which block of ranks saved digests first differ from ours."""
    pairs = zip_longest(ours["blocks"], saved["blocks"])
    at = next((n for n, (mine, other) in enumerate(pairs) if mine != other), 0)
    span = f"ranks {at * BLOCK + 1:,} to {(at + 1) * BLOCK:,}"
    return f"differ first among {span}; saved were {saved['md5']}, {saved['ranks']:,} ranks"


def compare(
    name: str, folder: Path, given: argparse.Namespace
) -> tuple[dict[str, Any], bool | None]:
    """Replay one log and print what came of it; return its digests and whether they are equal.

    None where there was nothing to compare with.
    """
    log, items = convert(name, folder)
    limit = min((n for n in (LIMITS[name], given.limit) if n), default=None)
    started = time.perf_counter()
    ours = ranks_of(CHECKOUT, log, items, limit, given.encoder)
    found = digests(ours) | {"limit": limit, "encoder": given.encoder}
    equal, said = None, "nothing to compare with"
    if given.against:
        theirs = ranks_of(given.against, log, items, limit, given.encoder)
        equal = ours == theirs
        said = "equal" if equal else first_difference(ours, theirs)
    elif name in given.saved:
        saved = given.saved[name]
        if (saved["limit"], saved["encoder"]) == (limit, given.encoder):
            equal = found["md5"] == saved["md5"]
            said = "equal" if equal else first_block(found, saved)
        else:
            said = f"saved with limit {saved['limit']} and encoder {saved['encoder']}: not compared"
    seconds = time.perf_counter() - started
    print(
        f"{name}: {found['md5']}, {found['ranks']:,} ranks, {said} ({seconds:,.0f} s)", flush=True
    )
    return found, equal


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--against", type=Path, metavar="DIR", help="another checkout")
    other.add_argument("--with", type=Path, metavar="FILE", dest="before", help="saved digests")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write digests here")
    parser.add_argument("--logs", default=",".join(LIMITS))
    parser.add_argument("--limit", type=int, help="events of each log at most, for a quick look")
    parser.add_argument("--encoder", default="packaged")
    given = parser.parse_args()
    given.logs = given.logs.split(",")
    if unknown := set(given.logs) - set(LIMITS):
        parser.error(f"--logs: {', '.join(sorted(unknown))}: give some of {', '.join(LIMITS)}")
    if given.against:
        given.against = given.against.resolve()
        if not is_checkout(given.against):
            parser.error(f"--against: no checkout of penchant in {given.against}")
    given.saved = json.loads(given.before.read_text()) if given.before else {}
    return given


def main() -> int:
    given = read_arguments()
    found: dict[str, Any] = {}
    verdicts = []
    for name in given.logs:
        if not is_there(name):
            print(f"{name}: left out, {SOURCES[name][1]} is not there")
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                found[name], equal = compare(name, Path(folder), given)
            except Failed as failed:
                print(f"{name}: {failed}", file=sys.stderr)
                return 2
        verdicts.append(equal)
    if given.save:
        given.save.write_text(json.dumps(found, indent=2) + "\n")
    if False in verdicts:
        return 1
    return 2 if (given.against or given.before) and True not in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
