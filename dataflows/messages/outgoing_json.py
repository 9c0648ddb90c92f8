"""Messages out, as strict JSON: lists, intents, dead letters.

docs/reference/messages.md is for people.

The bytes are UTF-8 with no white space, the fields in the order of
`outgoing.py`; NaN and infinity are refused, since a consumer could not read
them.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice, starmap
from operator import attrgetter

import msgspec

from dataflows.messages.fields import iso
from dataflows.messages.narrative import NarrativeText, SentList
from dataflows.messages.outgoing import (
    Because,
    DeadLetter,
    Intents,
    Liking,
    Narrative,
    Place,
    Position,
    Recommendation,
    Refreshed,
    Spoke,
    Versions,
    Worded,
)
from dataflows.messages.raw import Reject
from learners.types import RecommendationList

RAW_LIMIT = 65_536
"""Bytes of a record that a dead letter carries at most."""

TOP_INTENTS = 5
"""Needs named with a list; the topic `intents` has all of them that are worth naming."""

_FIGURES_OF_ENTRY = attrgetter("score", "propensity")
_FIGURES_OF_LEANING = attrgetter("liking", "certainty")
_encoder = msgspec.json.Encoder(enc_hook=float)  # what it does not know: numbers of NumPy


class MessageError(ValueError):
    """A message cannot be written as strict JSON; says for whom and which figure is to blame."""


def user_key(user_id: str) -> bytes:
    """Return the key of a user's messages: the id in UTF-8."""
    return user_id.encode()


def dead_letter_key(reject: Reject) -> bytes:
    """Return the key of a dead letter, `partition:offset`: the same record, the same key."""
    return f"{reject.raw.partition}:{reject.raw.offset}".encode()


def render_recommendation(
    offered: RecommendationList,
    position: Position,
    versions: Versions,
    time: float,
    refreshed: Refreshed | None = None,
) -> bytes:
    """Write the list of one user; `time` is now, in seconds since 1970.

    `refreshed` says why a list was made that no event of the user made. Raises `MessageError` for
    a figure that is not finite, or an id that is not Unicode.
    """
    entries = offered.entries
    _check(offered, offered.intent.values(), *map(_FIGURES_OF_ENTRY, entries))
    places = [
        Place(entry.item_id, entry.title, entry.score, entry.reasons, entry.propensity)
        for entry in entries
    ]
    return _written(
        offered.user_id,
        Recommendation(
            offered.user_id,
            tuple(places),
            dict(islice(offered.intent.items(), TOP_INTENTS)),
            offered.sequence,
            position,
            versions,
            _moment(time),
            refreshed,
            offered.rules,
        ),
    )


def render_intents(
    offered: RecommendationList, position: Position, versions: Versions, time: float
) -> bytes:
    """Write what both learners know of one user; arguments and errors as for a list."""
    intent, belief, profile = offered.intent, offered.belief, offered.profile
    told = intent.values(), belief.values(), (offered.novelty or 0.0,)
    _check(offered, *told, *map(_FIGURES_OF_LEANING, profile))
    because = [
        Because(why.need, why.words, tuple(starmap(Spoke, why.events))) for why in offered.because
    ]
    likings = [Liking(one.category, one.liking, one.certainty) for one in profile]
    return _written(
        offered.user_id,
        Intents(
            offered.user_id,
            intent,
            _rest(intent),
            next(iter(intent), None),
            belief,
            _rest(belief),
            offered.novelty,
            tuple(because),
            tuple(likings),
            offered.sequence,
            position,
            versions,
            _moment(time),
        ),
    )


def render_narrative(
    listed: SentList, words: NarrativeText, language_model: str, time: float
) -> bytes:
    """Write a list in words. Raises `MessageError` for an id that is not Unicode."""
    reasons = zip(listed.item_ids, words.titles, words.reasons, strict=True)
    return _written(
        listed.user_id,
        Narrative(
            listed.user_id,
            words.headline.text,
            words.headline.by,
            tuple(Worded(item_id, title, line.text, line.by) for item_id, title, line in reasons),
            listed.need or None,
            listed.sequence,
            listed.position,
            listed.versions,
            language_model,
            _moment(time),
        ),
    )


def render_dead_letter(reject: Reject, time: float) -> bytes:
    """Write one record that could not be learnt, with its bytes up to `RAW_LIMIT`."""
    raw = reject.raw
    return _written(
        raw.partition,
        DeadLetter(
            raw.topic,
            raw.partition,
            raw.offset,
            str(reject.reason),
            reject.detail,
            _base64(raw.key),
            _base64(raw.value),
            len(raw.value or b""),
            _moment(time),
        ),
    )


def _written(whose: str, message: Recommendation | Intents | Narrative | DeadLetter) -> bytes:
    try:
        return _encoder.encode(message)
    except (UnicodeEncodeError, TypeError, OverflowError) as error:
        raise MessageError(f"a message for {whose!a} cannot be written: {error}") from error


def _check(offered: RecommendationList, *figures: Iterable[float]) -> None:
    # msgspec writes NaN and infinity as null: they are caught here, before they look like data.
    # A sum is finite only if all its parts are, and adds up faster than it asks each.
    if not math.isfinite(sum(map(sum, figures))):
        raise MessageError(
            f"the list of {offered.user_id!a} holds a figure that is not finite;"
            " it is not sent, since JSON has no NaN"
        )


def _rest(shares: dict[str, float]) -> float:
    """Return what is missing to 1, 0 where no need is known at all."""
    return max(0.0, round(1.0 - sum(shares.values()), 6)) if shares else 0.0


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data[:RAW_LIMIT]).decode()


@lru_cache(maxsize=16)  # the lists of one batch are made at one moment
def _moment(time: float) -> str:
    try:
        return iso(time)
    except ValueError as error:
        raise MessageError(str(error)) from error
