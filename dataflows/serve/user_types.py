"""What is told of users who were there lately, and of what was believed of one, as types."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dataflows.messages.outgoing import Distribution, Id, Moment
from dataflows.serve.api_types import Positions


class ActiveUser(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A user who was there lately, with the newest item that they had."""

    user_id: Id
    ts: Annotated[
        float | None, Meta(description="Of their newest event, in seconds since 1970.")
    ] = None
    item_id: Id | None = None
    title: str | None = None


class UsersAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Users, the last who were there first."""

    users: tuple[ActiveUser, ...]
    as_of: Positions


class PastBelief(msgspec.Struct, frozen=True, gc=False):
    """What was believed of a user after one of their events."""

    time: Moment
    intent: Annotated[Distribution, Meta(description="What that event said.")]
    belief: Annotated[Distribution, Meta(description="What was believed of the session then.")]


class BeliefsAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What was believed of a user lately, oldest first, as far as it is remembered."""

    user_id: Id
    beliefs: tuple[PastBelief, ...]
    as_of: Positions
