"""What `/v1/status` answers, as a type: the figures of a process, for the page and for people.

Times are seconds since 1970. What a way of serving does not know it leaves out: by itself, behind
the topics, it knows neither hit rates nor the ledger.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dataflows.messages.outgoing import Distribution, Id, Share, Versions
from dataflows.serve.api_types import Positions

SAMPLES = 120
"""The most points of a curve."""
NEWEST = 20
"""The most lists, dead letters, alarms and decisions; all are counted elsewhere."""
NEEDS = 12
"""The most needs whose share is told; the others have the rest together."""

Time = Annotated[float, Meta(ge=0, description="Seconds since 1970.")]
Number = Annotated[int, Meta(ge=0)]


class Sample(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How fast it went in the seconds before `time`."""

    time: Time
    seconds: Annotated[float, Meta(ge=0, description="How long the sample is.")]
    events_per_second: Annotated[float, Meta(ge=0, description="Records of input.")]
    lists_per_second: Annotated[float, Meta(ge=0, description="Lists sent.")]
    latency_p50: Annotated[
        float | None,
        Meta(description="Seconds from a record's arrival to its list; null where none was made."),
    ]
    latency_p99: float | None
    lag: Annotated[Number, Meta(description="Of the input, in its unit, at `time`.")]


class IntentShares(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What users were after in the seconds before `time`: of their intents, the likeliest need."""

    time: Time
    shares: Annotated[Distribution, Meta(description="Need to share, the largest first.")]
    rest: Annotated[Share, Meta(description="What all needs that are not named have together.")]


class Lag(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How much of an input partition is not yet taken."""

    partition: str
    unread: Number
    unit: Literal["records", "bytes"]


class LedgerFigures(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What became of all records that ever came in; the outcomes add up to `arrived`."""

    arrived: Number
    learnt: Number
    observed: Number
    skipped: Number
    duplicate: Number
    dead_letter: Number
    reasons: Annotated[
        dict[str, dict[str, int]], Meta(description="Outcome, then reason, then how many.")
    ] = {}


class RunningHitRates(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Of the newest events whose item could be foreseen, the share whose item was in a list.

    An event is judged before it is learnt. Null where nothing was judged yet.
    """

    k: Annotated[int, Meta(ge=1, description="Places of a list.")]
    ranked: Annotated[
        Share | None, Meta(description="In a list made right before the event, since it drifted.")
    ]
    served: Annotated[Share | None, Meta(description="In the list that the user was last sent.")]
    popularity: Annotated[
        Share | None, Meta(description="Among the items that everybody takes most.")
    ]
    events: Annotated[Number, Meta(description="How many `served` and `popularity` are of.")]


class DriftAlarm(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A figure that is no longer what it was."""

    signal: Literal["hit", "intent_loss", "intent_label"]
    position: Annotated[int, Meta(description="The learnt event at which it was noticed.")]
    before: float
    after: float
    label: str | None = None


class ChangedList(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A list that was sent."""

    time: Time
    user_id: Id
    sequence: int
    items: Annotated[tuple[str, ...], Meta(description="Titles, best first, five at the most.")]
    top: Annotated[str | None, Meta(description="The likeliest need that it was made for.")]


class RefusedRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A dead letter."""

    time: Time
    partition: str
    offset: int
    reason: str
    detail: str
    raw: Annotated[
        str | None, Meta(description="Its bytes, base64 and cut; for the scope admin alone.")
    ] = None


class VersionInForce(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A version of a model that serves."""

    kind: Literal["encoder", "language"]
    version: Annotated[str, Meta(description="Its id; empty for the configured model.")]
    previous: Annotated[
        str | None, Meta(description="What a rollback would put in force; null for nothing.")
    ]


class ModelDecision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something that was decided about models: by the gate, or by whoever put one in force."""

    time: Time
    kind: Literal["encoder", "language"]
    version: str
    action: Annotated[
        Literal["promote", "rollback", "passed", "refused"],
        Meta(description="`passed` and `refused` are the gate's word on a new version."),
    ]
    reasons: tuple[str, ...]


class Cap(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A limit, and how much of it is used; what comes beyond it makes room, or waits."""

    name: str
    used: Number
    limit: Annotated[int, Meta(ge=1)]


class ShownItems(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How many items were seen, and how many of them taken, at a place or of a version."""

    name: Annotated[str, Meta(description="The place, from 1, or the version of the model.")]
    exposed: Number
    taken: Number


class TakenWithin(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How many items were taken, by the seconds since their list was seen."""

    seconds: Annotated[
        float | None, Meta(description="At most so many, above those before; null for more.")
    ]
    taken: Number


class FeedbackFigures(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What became of lists that events name, since the state began."""

    lists: Annotated[Number, Meta(description="Lists that were seen.")]
    places: tuple[ShownItems, ...]
    versions: tuple[ShownItems, ...]
    delays: tuple[TakenWithin, ...]
    unknown: Annotated[Number, Meta(description="Events that name a list nobody remembers.")]
    foreign: Annotated[Number, Meta(description="Events that name an item their list lacks.")]
    unseen: Annotated[Number, Meta(description="Taken from lists never said to be seen.")]


class Status(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How the whole is at `time`. Curves are in the order of time, the newest of the rest first."""

    time: Time
    source: Annotated[
        Literal["live", "stored"],
        Meta(description="`live`: the learner itself; `stored`: what follows its topics."),
    ]
    up_seconds: Annotated[float, Meta(ge=0)]
    about: Annotated[str, Meta(description="What runs, in a line for people.")]
    as_of: Positions
    versions: Versions | None = None
    users: Annotated[Number | None, Meta(description="Users in memory.")] = None
    items: Annotated[Number | None, Meta(description="Items known.")] = None
    available: Annotated[Number | None, Meta(description="Of them, those that may be shown.")] = (
        None
    )
    covered: Annotated[
        Number | None, Meta(description="Of them, those that were in a list since the start.")
    ] = None
    lists: Annotated[Number | None, Meta(description="Lists sent since the start.")] = None
    samples: tuple[Sample, ...] = ()
    lag: tuple[Lag, ...] = ()
    ledger: LedgerFigures | None = None
    hit_rates: RunningHitRates | None = None
    feedback: FeedbackFigures | None = None
    drift: tuple[DriftAlarm, ...] = ()
    intents: tuple[IntentShares, ...] = ()
    changes: tuple[ChangedList, ...] = ()
    dead_letters: tuple[RefusedRecord, ...] = ()
    in_force: tuple[VersionInForce, ...] = ()
    decisions: tuple[ModelDecision, ...] = ()
    caps: tuple[Cap, ...] = ()
