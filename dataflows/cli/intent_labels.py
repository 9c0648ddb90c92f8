"""`penchant intents`: look at the labels of intent in a state folder, and decide on them.

While nothing runs on the state, a decision is written into it. While a process has it open,
the decision is sent to where that process takes decisions from (`send_decision`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dataflows.cli.send_decision import send, signer_name
from dataflows.config.config import Config
from dataflows.engine.decisions.carry_out import written_records
from dataflows.engine.decisions.history import (
    AppliedDecision,
    DecisionState,
    read_history,
    read_taken,
)
from dataflows.engine.status.progress import read_learnt
from dataflows.errors import InputError
from dataflows.messages.signed import next_sequence
from dataflows.state.store import Store, StoreInUseError, store_path
from learners.intent.decisions import Control, ControlError
from learners.state.label_admin import Decisions, Overview

LIST = "`penchant intents list` tells what there is"


def overviews(config: Config) -> dict[int, Overview]:
    """Return what each shard knows, as of its last commit. Raises InputError without a state."""
    return {shard: _decisions(store).overview() for shard, store in _readers(config)}


def history(config: Config, shard: int | None = None) -> dict[int, list[AppliedDecision]]:
    """Return the decisions that each shard carried out. Raises InputError without a state."""
    found = {}
    for number, store in _readers(config):
        if shard in (None, number):
            found[number] = read_history(store.scan)
    return found


def decide(
    config: Config, control: Control, shard: int | None = None, *, unchecked: bool = False
) -> str:
    """Carry a decision out, or send it to the process that has the state open; say which.

    Raises InputError where it cannot be. What is sent is first held against the state as of its
    last commit, unless `unchecked`.
    """
    folder, shards = Path(config.state.path), config.state.shards
    meant = range(shards) if shard is None else (shard,)
    if control.do == "promote" and shard is None and shards > 1:
        raise InputError("clusters are each of one shard; say which with --shard")
    if shard is not None and not 0 <= shard < shards:
        raise InputError(f"--shard {shard}: the shards are 0 to {shards - 1}")
    try:
        with ExitStack() as opened:
            stores = [
                opened.enter_context(closing(Store.open(folder, shards, number)))
                for number in meant
                if store_path(folder, number).exists()
            ]
            if stores:
                _write(stores, control, shard)
                return "written into the state"
    except StoreInUseError:
        taken = _looked_at(config, control, meant, unchecked=unchecked)
        return send(config, control, shard, taken)
    if unchecked and config.flow.source == "kafka":
        return send(config, control, shard, {})
    raise InputError(f"{folder}: there is no state here yet")


def _write(stores: list[Store], control: Control, shard: int | None) -> None:
    """Carry a decision out in all shards where it can be; in at least one it must be."""
    changes, refusals = [], []
    signer = signer_name()
    for store in stores:
        try:
            records = _decisions(store).decide(control)
        except ControlError as error:
            refusals.append(str(error))
            continue
        applied = written_records(
            read_taken(store.get), read_learnt(store), control, shard, signer, next_sequence(-1)
        )
        changes.append((store, [*records, *applied]))
    if not changes:
        raise InputError(f"{refusals[0]}; {LIST}")
    for store, records in changes:
        store.commit(records)


def _looked_at(
    config: Config, control: Control, meant: range | tuple[int, ...], *, unchecked: bool
) -> dict[int, DecisionState]:
    """Return what the shards have taken; raise InputError where none of those meant can do it."""
    taken, refusals = {}, []
    for shard, store in _readers(config):
        taken[shard] = read_taken(store.get)
        if shard not in meant:
            continue
        decisions = _decisions(store)
        known = sorted(label.name for label in decisions.overview().labels)
        try:
            decisions.decide(control)
        except ControlError as error:
            refusals.append(f"{error}; {_known(known)}")
    if len(refusals) == len(meant) and not unchecked:
        raise InputError(
            f"{refusals[0]} (as of the state's last commit; {LIST}). Nothing was sent; --force "
            "sends it all the same, for what is newer than that"
        )
    return taken


def _known(labels: list[str], most: int = 10) -> str:
    if not labels:
        return "no label is known"
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return f"known are {', '.join(map(repr, labels[:most]))}{more}"


def _readers(config: Config) -> Iterator[tuple[int, Store]]:
    """Yield a view of each shard, closed when the next is asked for."""
    folder = Path(config.state.path)
    for shard in range(config.state.shards):
        store = Store.reader(folder, shard)
        if store is None:
            raise InputError(f"{store_path(folder, shard)}: there is no state here yet")
        with closing(store):
            yield shard, store


def _decisions(store: Store) -> Decisions:
    return Decisions(store.get, store.scan)


NO_LABEL = (
    "no label is known: labels are intents that events carry, or that somebody names here; the "
    "categories that lists go by are the catalogue's, which need none"
)


def show(found: dict[int, Overview], console: Console) -> None:
    """Print what there is to decide on."""
    several = len(found) > 1
    for shard, overview in found.items():
        if several:
            console.print(f"shard {shard}", highlight=False)
        labels = Table("label", "examples", "typical words", box=None, pad_edge=False)
        for label in overview.labels:
            labels.add_row(label.name, f"{label.examples:,.0f}", ", ".join(label.words))
        console.print(labels if overview.labels else NO_LABEL, highlight=False)
        proposals = Table("cluster", "events", "words", "examples", box=None, pad_edge=False)
        for one in overview.proposals:
            quoted = "\n".join(one.examples[:3])
            proposals.add_row(str(one.cluster), str(one.events), ", ".join(one.words), quoted)
        console.print()
        console.print(proposals if overview.proposals else "nothing new emerges")
        for old, name in overview.aliases.items():
            console.print(f"{old} is learnt as {name}", highlight=False)
        if overview.retired:
            console.print(f"retired: {', '.join(overview.retired)}", highlight=False)


def as_json(found: dict[int, Overview]) -> str:
    """Return the same for a program."""
    plain = {
        str(shard): {
            "labels": [label._asdict() for label in overview.labels],
            "proposals": [one._asdict() for one in overview.proposals],
            "aliases": overview.aliases,
            "retired": overview.retired,
        }
        for shard, overview in found.items()
    }
    return json.dumps(plain, ensure_ascii=False, indent=2)


def show_history(found: dict[int, list[AppliedDecision]], console: Console) -> None:
    """Print the decisions that were carried out, oldest first."""
    names = ("shard", "from event", "decision", "label", "into", "by")
    table = Table(*names, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for shard, applied in found.items():
        for one in applied:
            what: dict[str, object] = json.loads(one.content)
            into = what.get("into", f"cluster {what['cluster']}" if "cluster" in what else "")
            by = f"{one.signer} (signed)" if one.is_signed else one.signer
            words = (str(shard), f"{one.learnt:,}", what["do"], what["intent"], into, by)
            table.add_row(*map(str, words))
    console.print(table if table.row_count else "nothing was decided yet")
