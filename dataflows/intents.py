"""`penchant intents`: look at the labels of intent in a state folder, and decide on them.

While nothing runs on the state, a decision is written into it. While a process has it open,
the decision is sent to that process as a record of its events, and takes its turn there.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from dataflows.config import Config
from dataflows.errors import InputError
from dataflows.intent_control import as_record
from dataflows.store import Store, StoreInUseError, store_path
from dataflows.times import iso
from learners.codec import StateError
from learners.control import Control, ControlError
from learners.decisions import Decisions, Overview


def overviews(config: Config) -> dict[int, Overview]:
    """Give what each shard knows, as of its last commit. Raises InputError without a state."""
    folder, found = Path(config.state.path), {}
    for shard in range(config.state.shards):
        store = Store.reader(folder, shard)
        if store is None:
            raise InputError(f"{store_path(folder, shard)}: there is no state here yet")
        with closing(store):
            found[shard] = _decisions(store).overview()
    return found


def decide(config: Config, control: Control, shard: int | None = None) -> str:
    """Carry a decision out, or send it to the process that has the state open; say which.

    Raises InputError where it cannot be.
    """
    folder, shards = Path(config.state.path), config.state.shards
    meant = range(shards) if shard is None else (shard,)
    if control.do == "promote" and shard is None and shards > 1:
        raise InputError("clusters are each of one shard; say which with --shard")
    try:
        with ExitStack() as opened:
            stores = [
                opened.enter_context(closing(Store.open(folder, shards, number)))
                for number in meant
                if store_path(folder, number).exists()
            ]
            if not stores:
                raise InputError(f"{folder}: there is no state here yet")
            _write(stores, control)
    except StoreInUseError:
        return _send(config, control, shard)
    return "written into the state"


def _write(stores: list[Store], control: Control) -> None:
    """Carry a decision out in all shards where it can be; in at least one it must be."""
    changes, refusals = [], []
    for store in stores:
        try:
            changes.append((store, _decisions(store).decide(control)))
        except ControlError as error:
            refusals.append(str(error))
    if not changes:
        raise InputError(f"{refusals[0]}; `penchant intents list` tells what there is")
    for store, records in changes:
        store.commit(records)


def _decisions(store: Store) -> Decisions:
    try:
        return Decisions(store.get, store.scan)
    except StateError as error:
        raise InputError(f"{store.path}: {error}") from error


def _send(config: Config, control: Control, shard: int | None) -> str:
    record = as_record(control, shard, f"intents-{uuid4()}", iso(time.time()))
    if config.flow.source == "kafka":
        from dataflows.kafka_send import send

        send(config.kafka, "events", record)
        return f"sent to the topic {config.kafka.events_topic}: a process has the state open"
    if not config.files.follow:
        raise InputError(
            f"{config.state.path}: a process has this state open and does not wait for more "
            "events (files.follow is false); decide when it has ended"
        )
    with Path(config.files.events).open("ab") as file:
        file.write(record + b"\n")
    return f"appended to {config.files.events}: a process has the state open"


def show(found: dict[int, Overview], console: Console) -> None:
    """Print what there is to decide on."""
    several = len(found) > 1
    for shard, overview in found.items():
        if several:
            console.print(f"shard {shard}", highlight=False)
        labels = Table("label", "examples", "typical words", box=None, pad_edge=False)
        for label in overview.labels:
            labels.add_row(label.name, f"{label.examples:,.0f}", ", ".join(label.words))
        console.print(labels if overview.labels else "no label is known")
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
    """Give the same for a program."""
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
