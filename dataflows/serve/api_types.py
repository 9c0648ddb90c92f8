"""What is asked and answered over HTTP, as types: checks and OpenAPI are made from here.

Readers must take what they know and ignore other fields: new ones may come.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dataflows.messages.outgoing import (
    Because,
    Distribution,
    Id,
    Liking,
    Moment,
    Narrative,
    Share,
    Versions,
)
from learners.ranking.rules.kinds import Rule

MOST_PLACES = 1_000
"""The longest list that may be asked for."""
MOST_RULES = 100
"""The most rules in one request."""
MOST_EVENTS = 1_000
"""The most events in one request."""

Positions = Annotated[
    dict[str, int],
    Meta(description="By input partition, the offset of the first record not yet learnt."),
]
Count = Annotated[int, Meta(ge=1, le=MOST_PLACES)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=MOST_PLACES)]


class GivenContext(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody is after at this moment, in place of or beside what is known of them."""

    items: Annotated[Ids, Meta(description="Items that were looked at, the newest last.")] = ()
    search: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None


class ListRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What list is asked for. All of it may be left out."""

    k: Count | None = None
    offset: Annotated[int, Meta(ge=0, le=MOST_PLACES)] = 0
    after: Annotated[
        str | None, Meta(description="A `list_id`: the places after those of that list.")
    ] = None
    categories: Annotated[Ids, Meta(description="Only items of one of these.")] = ()
    exclude: Annotated[Ids, Meta(description="None of these items.")] = ()
    context: GivenContext | None = None
    at: Annotated[
        float | None,
        Meta(
            description="The moment that the list is for, in seconds since 1970, so that it "
            "counts how long the user was away. Left out, or not after their newest event: the "
            "moment of that, as in lists that are sent."
        ),
    ] = None
    scenario: Annotated[str, Meta(description="One of the file of rules.")] | None = None
    rules: Annotated[
        tuple[Rule, ...],
        Meta(max_length=MOST_RULES, description="Rules beside those of the scenario."),
    ] = ()
    explain: Annotated[bool, Meta(description="With reasons, and the rules that had a say.")] = (
        False
    )
    signals: Annotated[
        bool, Meta(description="With what each signal adds to each score; by the live model.")
    ] = False
    fields: Annotated[
        tuple[str, ...], Meta(description="Of each item's attributes, those to hand out.")
    ] = ()


class ListedItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One place of a list."""

    item_id: Id
    title: str
    score: float
    place: Annotated[int, Meta(ge=1)]
    reasons: tuple[str, ...] = ()
    rules: Annotated[tuple[str, ...], Meta(description="The rules that put it here.")] = ()
    categories: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    signals: Annotated[
        dict[str, float],
        Meta(description="With `signals`: what each adds to the score, the largest first."),
    ] = {}


class ListAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A list, best first."""

    user_id: Annotated[Id | None, Meta(description="null for somebody anonymous.")]
    list_id: Annotated[str, Meta(description="To be named by `exposed` events and clicks.")]
    items: tuple[ListedItem, ...]
    source: Annotated[
        Literal["live", "stored", "popular"],
        Meta(
            description="`live`: made now; `stored`: the last one that was sent; `popular`: what "
            "everybody takes, since nothing is known of this user."
        ),
    ]
    is_known: Annotated[bool, Meta(description="Whether anything was learnt of this user.")]
    as_of: Positions
    versions: Versions
    time: Moment
    sequence: int | None = None
    intent: Distribution = {}
    rules: Annotated[tuple[str, ...], Meta(description="The rules that changed the list.")] = ()
    scenario: str | None = None
    narrative: Annotated[
        Narrative | None,
        Meta(description="With `explain`: the list in words, where it was sent with some."),
    ] = None


class RankRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Items to be put in order for a user."""

    user_id: Id | None = None
    item_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MOST_PLACES)]
    context: GivenContext | None = None
    explain: bool = False


class RankAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """The items of a request, best first; `unknown` are those that nobody has heard of.

    `unavailable` are known, and not to be recommended now.
    """

    user_id: Id | None
    items: tuple[ListedItem, ...]
    unknown: tuple[Id, ...]
    unavailable: tuple[Id, ...] = ()
    is_known: bool
    as_of: Positions
    versions: Versions


class ScoredItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An item with a figure that orders it; what the figure is stands with the path."""

    item_id: Id
    title: str
    score: float
    categories: tuple[str, ...] = ()


class ItemsAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Items in order, best first."""

    items: tuple[ScoredItem, ...]
    as_of: Positions


class ItemAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One item, as the catalogue has it, and how it does."""

    item_id: Id
    title: str
    text: str | None = None
    categories: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    is_available: bool = True
    taken: Annotated[float | None, Meta(description="How often it was taken; fades.")] = None
    as_of: Positions


class Neighbour(msgspec.Struct, frozen=True, gc=False):
    """A user like another, with the items that they share."""

    user_id: Id
    score: float
    shared: tuple[Id, ...]


class NeighboursAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Users like a user, the nearest first."""

    users: tuple[Neighbour, ...]
    as_of: Positions


class IntentAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What a user is after."""

    user_id: Id
    is_known: bool
    intent: Annotated[Distribution, Meta(description="What the newest event says.")]
    belief: Annotated[Distribution, Meta(description="What is believed of the session so far.")]
    novelty: Share | None
    reasons: tuple[Because, ...]
    as_of: Positions


class ProfileAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a user leans towards in the long run."""

    user_id: Id
    is_known: bool
    profile: tuple[Liking, ...]
    as_of: Positions


class PastEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is kept of one thing that a user did."""

    item_id: Id
    title: str
    type: str | None = None
    ts: Annotated[float | None, Meta(description="Seconds since 1970.")] = None


class HistoryAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The items that a user had lately, newest first, as far as they are kept."""

    user_id: Id
    is_known: bool
    events: tuple[PastEvent, ...]
    as_of: Positions


class WhyAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """Where an item stands for a user, and why (`learners.recommender.Explanation`)."""

    user_id: Id
    item_id: Id
    title: str
    standing: Literal["listed", "ranked", "not_ranked", "had", "unavailable"]
    place: int | None = None
    score: float | None = None
    reasons: tuple[str, ...] = ()
    signals: Annotated[
        dict[str, float], Meta(description="What each signal adds to the score, largest first.")
    ] = {}
    as_of: Positions


class Readiness(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Whether answers are as new as can be, and if not, why."""

    is_ready: bool
    checks: Annotated[dict[str, str], Meta(description="What was looked at, and what it said.")]
    age_seconds: Annotated[
        float | None, Meta(description="Since the newest record that was taken in.")
    ]
    as_of: Positions


class Receipt(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of one event of a request."""

    partition: str | None = None
    offset: int | None = None
    reason: Annotated[
        str | None, Meta(description="Why it was refused: one of a fixed set of words.")
    ] = None
    detail: str | None = None


class EventsAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What became of the events of a request, in their order."""

    taken: int
    refused: int
    events: tuple[Receipt, ...]
    list: Annotated[
        ListAnswer | None, Meta(description="With `wait=list`: that of the user of the last one.")
    ] = None
    list_missing: Annotated[
        str | None, Meta(description="With `wait=list`: why it is not there; the events are taken.")
    ] = None


class Problem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """Problem details (RFC 9457): every answer with a status from 400 on."""

    title: str
    status: int
    detail: Annotated[str, Meta(description="The value and the limit, in a sentence.")]
    type: str = "about:blank"
    remedy: Annotated[str | None, Meta(description="What to do about it.")] = None
    errors: Annotated[
        tuple[Receipt, ...], Meta(description="Of many events, what is wrong with each.")
    ] = ()
