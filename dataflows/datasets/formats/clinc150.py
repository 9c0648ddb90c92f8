"""clinc150: sentences with 150 intents, or out of scope (`oos`). Every row is a user.

`oos` is written as `out_of_scope`, the label that says that no other one fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from dataflows.datasets.formats.banking77 import query
from dataflows.datasets.rows.draft import Log, Timed
from dataflows.datasets.rows.find import find_beside, find_file
from dataflows.datasets.rows.opening import opened
from dataflows.datasets.rows.tally import RowRefused, Tally, read_key
from dataflows.errors import InputError
from learners.classifiers.out_of_scope import OUT_OF_SCOPE

SPLITS = ("train", "oos_train", "val", "oos_val", "test", "oos_test")
WHAT = "data_full.json of clinc150"


def open_log(path: Path, tally: Tally) -> Log:
    """Find data_full.json (and domains.json beside it). Raises InputError where it is no such."""
    file = find_file(path, ("data_full.json", "data_*.json"), "clinc150")
    data = _read(file, tally)
    splits = [name for name in SPLITS if isinstance(data.get(name), list)]
    if not splits:
        raise InputError(f"{file}: holds none of {', '.join(SPLITS)}; {WHAT} is wanted")
    tally.columns.declare(file.name, data, dict.fromkeys(splits, "text, intent, context.split"))
    beside = find_beside(file, ("domains.json",))
    domains = _domains(beside, tally) if beside else {}
    events = (
        timed
        for split in splits
        for timed in tally.each(
            file.name,
            enumerate(data[split], 1),
            partial(_event, split, domains),
        )
    )
    return Log(events, iter(()), ("The set has no items.",))


def _event(split: str, domains: dict[str, str], number: int, row: Any) -> Iterator[Timed]:
    is_pair = isinstance(row, list) and len(row) == 2 and all(isinstance(x, str) for x in row)
    if not is_pair or not (row[0].strip() and row[1].strip()):
        raise RowRefused("not a pair", f"{split} {number} is no [sentence, intent]")
    context = {"split": split}
    if row[1] in domains:
        context["domain"] = domains[row[1]]
    label = read_key(row[1], "intent")
    intent = OUT_OF_SCOPE if label == "oos" else label
    yield query(f"clinc150-{split}-{number}", row[0], intent, context)


def _domains(path: Path, tally: Tally) -> dict[str, str]:
    """Return the domain of each intent."""
    found = _read(path, tally)
    lists = {domain: names for domain, names in found.items() if isinstance(names, list)}
    tally.columns.declare(path.name, found, dict.fromkeys(lists, "context.domain"))
    return {str(name): domain for domain, names in lists.items() for name in names}


def _read(path: Path, tally: Tally) -> dict[str, Any]:
    with opened(path, tally) as file:
        text = file.read()
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({str(error)[:80]}); {WHAT} is wanted") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: is no JSON object; {WHAT} is wanted")
    return found
