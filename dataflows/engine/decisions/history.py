"""The decisions that were carried out, each with the place in what was learnt where it took effect.

They are records of the state, so a state tells how it came about; `penchant intents history`
writes them down, and `penchant replay --decisions` repeats them there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dataflows.engine.decisions.sequences import Sequences
from dataflows.errors import InputError
from dataflows.messages.raw import Refused
from dataflows.messages.special_events import KIND, read_control
from dataflows.state.records import Load, Record, Scan
from learners.codec import pack, unpack_as
from learners.intent.decisions import Control

KIND_APPLIED = "decision"
KIND_TAKEN = "decision:taken"
VERSION = 1
MOST_KEPT = 10_000
"""Decisions that a state remembers; older ones are forgotten, as their numbers show."""

_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class AppliedDecision(msgspec.Struct, frozen=True):
    """A decision that was carried out.

    It took effect when `learnt` interactions were learnt, and `since` events more that are none
    (late labels, retractions). `content` is what was decided, as JSON; `partition` and `offset`
    say which record brought it, "" and -1 where it was written into the state.
    """

    number: _Count
    learnt: _Count
    since: _Count
    kind: str
    content: str
    signer: str
    sequence: _Count
    is_signed: bool = False
    partition: str = ""
    offset: Annotated[int, Meta(ge=-1, le=2**63 - 1)] = -1


class DecisionState(msgspec.Struct):
    """What a shard knows of decisions, beside those that it remembers; `next` numbers the next."""

    next: int = 0
    sequences: Sequences = msgspec.field(default_factory=Sequences)


def read_taken(load: Load) -> DecisionState:
    """Return it as stored. Raises `learners.codec.StateError` where it is damaged."""
    blob = load(KIND_TAKEN, "")
    return DecisionState() if blob is None else unpack_as(blob, KIND_TAKEN, VERSION, DecisionState)


def taken_record(taken: DecisionState) -> Record:
    """Return the record to store."""
    last = dict(sorted(taken.sequences.last.items()))
    sequences = msgspec.structs.replace(taken.sequences, last=last)
    return KIND_TAKEN, "", pack(KIND_TAKEN, VERSION, DecisionState(taken.next, sequences))


def applied_records(applied: AppliedDecision) -> list[Record]:
    """Return what to store of a decision, and what to forget for it."""
    blob = pack(KIND_APPLIED, VERSION, applied)
    records: list[Record] = [(KIND_APPLIED, _key(applied.number), blob)]
    if applied.number >= MOST_KEPT:
        records.append((KIND_APPLIED, _key(applied.number - MOST_KEPT), None))
    return records


def read_history(scan: Scan) -> list[AppliedDecision]:
    """Return what a shard remembers, oldest first. Raises `StateError` where it is damaged."""
    return [
        unpack_as(blob, KIND_APPLIED, VERSION, AppliedDecision) for _, blob in scan(KIND_APPLIED)
    ]


def as_line(shard: int, applied: AppliedDecision) -> str:
    """Write one as a line of JSON."""
    plain: dict[str, Any] = {"shard": shard, **msgspec.structs.asdict(applied)}
    plain["content"] = json.loads(applied.content)
    return json.dumps(plain, ensure_ascii=False)


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    """A line of an export; `content` is an object there, for people to read."""

    learnt: _Count
    content: msgspec.Raw
    since: _Count = 0
    kind: str = KIND
    shard: _Count = 0
    number: _Count = 0
    signer: str = ""
    sequence: _Count = 0
    is_signed: bool = False
    partition: str = ""
    offset: int = -1


class PlannedDecision(msgspec.Struct, frozen=True):
    """A decision that is to be repeated; see `AppliedDecision`."""

    learnt: int
    since: int
    control: Control


def read_planned(path: Path, max_id_chars: int) -> list[PlannedDecision]:
    """Read the decisions of one shard, as `penchant intents history --json` wrote them.

    Raises InputError for a file that cannot be read, holds something else, or several shards.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    planned, shards = [], set()
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = msgspec.json.decode(text, type=_Line)
            control, meant = read_control(bytes(line.content), max_id_chars)
        except (ValueError, RecursionError, Refused) as error:
            raise InputError(
                f"{path}, line {number}: this is no decision ({error}); give what "
                "`penchant intents history --json` writes"
            ) from error
        if meant is None or meant == line.shard:
            planned.append(PlannedDecision(line.learnt, line.since, control))
        shards.add(line.shard)
    if len(shards) > 1:
        raise InputError(
            f"{path}: holds decisions of the shards {sorted(shards)}, and a replay has one shard; "
            "write those of one with `penchant intents history --json --shard N`"
        )
    return sorted(planned, key=lambda one: (one.learnt, one.since))


def _key(number: int) -> str:
    return f"{number:020d}"
