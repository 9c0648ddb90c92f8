"""The messages that go out, as types: docs/reference/schemas is generated from here.

Readers must take what they know and ignore other fields: new ones may come.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MOST_PROMOTIONS = 999_999_999
"""The highest number of a promotion: the registry has no higher one."""

Id = Annotated[str, Meta(min_length=1, description="As on the input topics, as text.")]
Share = Annotated[float, Meta(ge=0, le=1)]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        description="When the message was made: ISO 8601, UTC, milliseconds.",
    ),
]
Sequence = Annotated[
    int,
    Meta(
        ge=0,
        description="Grows with every event of the user. Drop what is older than what you have.",
    ),
]
Distribution = Annotated[
    dict[str, Share],
    Meta(description="Need to probability, the most likely first."),
]
Rest = Annotated[
    Share,
    Meta(description="What all needs that are not named (below 0.0001 each) have together."),
]


class Versions(msgspec.Struct, frozen=True, gc=False):
    """Fingerprints of what made the message: vectors of different encoders never mix."""

    encoder: Annotated[str, Meta(description="What turned texts into vectors.")]
    model: Annotated[
        str, Meta(description="What ranked, its settings and the weights that it began with.")
    ]


class Position(msgspec.Struct, frozen=True, gc=False):
    """The input that the message is as of: the last record learnt before it was made."""

    partition: Annotated[
        str, Meta(description="Topic and number, as `events-0`; of a file its name.")
    ]
    offset: Annotated[int, Meta(ge=0, description="Of a file, in bytes.")]


class Place(msgspec.Struct, frozen=True, gc=False):
    """One place of a list."""

    item_id: Id
    title: Annotated[str, Meta(description="As the catalogue has it.")]
    score: Annotated[float, Meta(description="What the list is ordered by.")]
    reasons: Annotated[tuple[str, ...], Meta(description="The signals that carried it, in words.")]
    propensity: Annotated[Share, Meta(description="With what probability it was shown here.")]


class Refreshed(msgspec.Struct, frozen=True, gc=False):
    """Why a list was made for no event of its user: an item of their last one changed."""

    why: Annotated[
        Literal["removed", "unavailable", "renamed"],
        Meta(description="What became of the item."),
    ]
    item_id: Annotated[Id, Meta(description="An item of the last list.")]
    position: Annotated[
        Position, Meta(description="The input after which it was made, whosever that is.")
    ]


class Recommendation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Topic `recommendations`, keyed by user: what this user is offered, best first."""

    user_id: Id
    items: tuple[Place, ...]
    intent: Distribution
    sequence: Sequence
    position: Position
    versions: Versions
    time: Moment
    refreshed: Annotated[
        Refreshed | None,
        Meta(
            description="Only with a list that no event of the user made: its `position` is that "
            "of their newest event, its `sequence` that of when it was made."
        ),
    ] = None
    rules: Annotated[
        tuple[str, ...], Meta(description="The names of the rules that changed the list.")
    ] = ()


class Liking(msgspec.Struct, frozen=True, gc=False):
    """The long-term leaning of a user towards one category."""

    category: Annotated[str, Meta(description="As items carry it.")]
    liking: Annotated[Share, Meta(description="0.5 is as much as anybody.")]
    certainty: Annotated[Share, Meta(description="Grows from 0 towards 1 with what was seen.")]


class Spoke(msgspec.Struct, frozen=True, gc=False):
    """One event of the session that spoke for a need."""

    event_id: Id
    text: Annotated[str, Meta(description="What it said, cut after 100 characters.")]
    gain: Annotated[
        float, Meta(description="What it multiplied the odds of the need by, as a logarithm.")
    ]


class Because(msgspec.Struct, frozen=True, gc=False):
    """Why one need is believed in."""

    need: Annotated[str, Meta(description="One of `belief`.")]
    words: Annotated[
        tuple[str, ...], Meta(description="Words of these events that are typical of the need.")
    ]
    events: tuple[Spoke, ...]


class Intents(msgspec.Struct, frozen=True, gc=False):
    """Topic `intents`, keyed by user: what they are after now, and what they lean towards."""

    user_id: Id
    intent: Annotated[Distribution, Meta(description="What the newest event says.")]
    intent_rest: Rest
    top: Annotated[str | None, Meta(description="First of `intent`; null while none is known.")]
    belief: Annotated[Distribution, Meta(description="What is believed of the session so far.")]
    belief_rest: Rest
    novelty: Annotated[
        Share | None,
        Meta(description="How little the newest event fits any label; null where none is known."),
    ]
    reasons: Annotated[
        tuple[Because, ...], Meta(description="For the likeliest needs of `belief`.")
    ]
    profile: tuple[Liking, ...]
    sequence: Sequence
    position: Position
    versions: Versions
    time: Moment


class Worded(msgspec.Struct, frozen=True, gc=False):
    """One item of a list, in words."""

    item_id: Id
    title: Annotated[str, Meta(description="As in the list.")]
    reason: Annotated[str, Meta(description="A line on why, or on what it is.")]
    by: Annotated[
        Literal["model", "template"],
        Meta(description="Who wrote it: what a model wrote is checked against the record."),
    ]


class Narrative(msgspec.Struct, frozen=True, gc=False):
    """Topic `narratives`, keyed by user: a list of theirs in words."""

    user_id: Id
    headline: Annotated[str, Meta(description="A line on the whole list.")]
    headline_by: Annotated[Literal["model", "template"], Meta(description="Who wrote it.")]
    items: Annotated[tuple[Worded, ...], Meta(description="As in the list, in its order.")]
    need: Annotated[str | None, Meta(description="The likeliest need that the list was made for.")]
    sequence: Annotated[int, Meta(ge=0, description="That of the list which it tells of.")]
    position: Position
    versions: Versions
    language_model: Annotated[str, Meta(description="Fingerprint of what wrote it.")]
    time: Moment


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """Topic `dead-letters`, keyed by `partition:offset`: one input record that was not learnt."""

    topic: Annotated[str, Meta(description="Where the record came from.")]
    partition: Annotated[
        str, Meta(description="Topic and number, as `events-0`; of a file its name.")
    ]
    offset: Annotated[int, Meta(ge=0, description="Of a file, in bytes.")]
    reason: Annotated[str, Meta(description="One of a fixed set of words.")]
    detail: Annotated[str, Meta(description="A sentence for people; it may change.")]
    key: Annotated[str | None, Meta(description="The record's key, base64, cut like `raw`.")]
    raw: Annotated[
        str | None, Meta(description="The record's bytes, base64; null where it had no value.")
    ]
    raw_bytes: Annotated[
        int, Meta(ge=0, description="Their true number: `raw` is cut after 65536 bytes.")
    ]
    time: Moment


class PromotionMessage(msgspec.Struct, frozen=True, gc=False):
    """Topic `promotions`, keyed by kind: the version of a model that is in force from now on."""

    kind: Annotated[Literal["encoder", "language"], Meta(description="Which model.")]
    version: Annotated[
        str, Meta(description="Its id; empty for the model that the configuration names.")
    ]
    previous: Annotated[str, Meta(description="What was in force before, in the same way.")]
    fingerprint: Annotated[
        str | None,
        Meta(description="What lists carry in `versions`; null for the configured model."),
    ]
    action: Annotated[
        Literal["promote", "rollback"],
        Meta(description="A newer version was put in force, or an older one again."),
    ]
    reason: Annotated[str, Meta(description="Why, in words for people.")]
    sequence: Annotated[
        int,
        Meta(
            ge=0,
            le=MOST_PROMOTIONS,
            description="Grows with every promotion. Drop what is older.",
        ),
    ]
    time: Moment
