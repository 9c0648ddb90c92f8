"""A message that is too big for the topic: a list with fewer items, else a dead letter."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from dataflows.config.kafka import DEAD_LETTERS, RECOMMENDATIONS
from dataflows.messages.outgoing import DeadLetter, Position, Recommendation
from dataflows.messages.outgoing_json import dead_letter_key, render_dead_letter
from dataflows.messages.raw import Raw, Reason, Reject
from dataflows.state.outbox import Out

DETAIL_LIMIT = 200
"""Characters of a dead letter's detail that are kept where room is short."""

_encoder = msgspec.json.Encoder()


class _Placed(msgspec.Struct):
    """What every message about a user says of where it came from."""

    position: Position


def size(out: Out) -> int:
    """Return the bytes of key and value."""
    return len(out.key or b"") + len(out.value or b"")


def cut_list(out: Out, limit: int) -> Out | None:
    """Return the list with its last places left off until it fits; None where one is too big.

    `out` has the role `recommendations`.
    """
    whole = msgspec.json.decode(out.value or b"null", type=Recommendation)

    def first(count: int) -> Out:
        cut = msgspec.structs.replace(whole, items=whole.items[:count])
        return msgspec.structs.replace(out, value=_encoder.encode(cut))

    most = _most(len(whole.items), lambda count: size(first(count)) <= limit)
    return first(most) if most else None


def as_dead_letter(out: Out, limit: int) -> Out:
    """Return a dead letter, at most `limit` bytes, that stands for a message that does not fit.

    It tells role, key and the input position; of the message itself as much as there is
    room for. A dead letter that is itself too big is made smaller.
    """
    if out.topic == DEAD_LETTERS:
        letter = msgspec.json.decode(out.value or b"null", type=DeadLetter)
        return _within(msgspec.structs.replace(out, value=_encoder.encode(letter)), letter, limit)
    position = _position(out)
    raw = Raw(
        out.topic, position.partition, position.offset, position.offset + 1, out.key, out.value
    )
    detail = f"the message for {out.topic} has {size(out)} bytes, the limit is {limit}"
    reject = Reject(raw, Reason.OUTPUT_TOO_LARGE, detail)
    value = render_dead_letter(reject, time.time())
    letter = msgspec.json.decode(value, type=DeadLetter)
    return _within(Out(DEAD_LETTERS, dead_letter_key(reject), value, out.number), letter, limit)


def _position(out: Out) -> Position:
    try:
        return msgspec.json.decode(out.value or b"null", type=_Placed).position
    except msgspec.MsgspecError:  # a message of another program through the same sink
        return Position("unknown", 0)


def fit(out: Out, limit: int, count: Callable[[str], None]) -> Out:
    """Return the message as it can be sent: itself, a cut list (`cut`), or a dead letter."""
    if size(out) <= limit:
        return out
    if out.topic == RECOMMENDATIONS:
        cut = cut_list(out, limit)
        if cut is not None:
            count("cut")
            return cut
    count("too_large")
    return as_dead_letter(out, limit)


def _within(out: Out, letter: DeadLetter, limit: int) -> Out:
    """Leave off the end of `raw`, all of the key and of a long detail, until it fits."""
    if size(out) <= limit:
        return out
    short = msgspec.structs.replace(letter, key=None, detail=letter.detail[:DETAIL_LIMIT])
    raw = letter.raw or ""

    def with_raw(quarters: int) -> Out:  # base64 stays whole in groups of four characters
        value = msgspec.structs.replace(short, raw=raw[: 4 * quarters])
        return msgspec.structs.replace(out, value=_encoder.encode(value))

    return with_raw(_most(len(raw) // 4, lambda count: size(with_raw(count)) <= limit))


def _most(top: int, fits: Callable[[int], bool]) -> int:
    """Return the largest count up to `top` that fits, by bisection; 0 where none does."""
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
