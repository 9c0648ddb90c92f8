"""Records of an authority: what they say, who says so, in which order, and the proof of it.

The envelope knows nothing of its content, so whatever only some people may do to a running
process can come in it. `kind` tells how the content is read. The signature is HMAC-SHA-256 over
all fields, each but the last on a line of its own: see `signed_bytes`.
"""

from __future__ import annotations

import re
import time
from typing import Annotated

import msgspec
from msgspec import Meta

from dataflows.config.signing_keys import Keys
from dataflows.messages.fields import JsonId, read_id
from dataflows.messages.raw import Reason, Refused, shown
from dataflows.messages.strict_json import Field, RecordReader, is_id

LARGEST = 2**63 - 1
"""The largest sequence: what 64 bits hold, and nanoseconds since 1970 up to the year 2262."""

_SIGNATURE = re.compile("[0-9a-f]{64}")


class SignedJson(msgspec.Struct, gc=False):
    """Topic `decisions`: what somebody decided, in an envelope that can be signed."""

    kind: Annotated[str, Meta(description="How `content` is read: `intents`.")]
    signer: Annotated[
        JsonId,
        Meta(
            description="Who decides: a name, an id as everywhere. Each name has sequences of its "
            "own, so give each machine one."
        ),
    ]
    sequence: Annotated[
        int,
        Meta(
            ge=0,
            le=LARGEST,
            description="Above the last one of that signer: nanoseconds since 1970 do.",
        ),
    ]
    content: Annotated[
        str,
        Meta(
            description="What is decided: a JSON object, as text, so that its bytes stay what was "
            "signed."
        ),
    ]
    signature: Annotated[
        str | None,
        Meta(
            description="HMAC-SHA-256 in 64 hexadecimal digits, needed where a key is set; "
            "docs/reference/messages.md has the bytes that it is over."
        ),
    ] = None


class Signed(msgspec.Struct, frozen=True):
    """An envelope that was opened. `is_signed`: a key of ours proves all of it."""

    kind: str
    signer: str
    sequence: int
    content: bytes
    is_signed: bool


class _Wire(msgspec.Struct, gc=False):
    """See `SignedJson`, with the limits left to us: their messages say more."""

    kind: str
    signer: int | str
    sequence: int
    content: str
    signature: str | None = None


def _is_text(found: object) -> bool:
    return isinstance(found, str)


def _is_whole(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


_READER = RecordReader(
    _Wire,
    {
        "kind": Field("a string", _is_text, required=True),
        "signer": Field("a string or an integer", is_id, required=True, reason=Reason.BAD_ID),
        "sequence": Field("an integer", _is_whole, required=True, reason=Reason.BAD_SEQUENCE),
        "content": Field("a string that holds a JSON object", _is_text, required=True),
        "signature": Field("a string", _is_text, reason=Reason.BAD_SIGNATURE),
    },
)


def read_signed(value: bytes | None, keys: Keys, max_bytes: int, max_id_chars: int) -> Signed:
    """Open an envelope. Raises `Refused`, and nothing else, for any bytes that do not hold.

    With keys its signature must be right, and what it says is looked at only then.
    """
    if value is None:
        raise Refused(Reason.NULL_VALUE, "a null value is no decision")
    wire = _READER.read(value, max_bytes)
    kind = read_id(wire.kind, "kind", max_id_chars)
    signer = read_id(wire.signer, "signer", max_id_chars)
    if not 0 <= wire.sequence <= LARGEST:
        raise Refused(
            Reason.BAD_SEQUENCE,
            f"sequence {shown(wire.sequence)} is not from 0 to {LARGEST}; it is a number that "
            "grows, such as nanoseconds since 1970",
        )
    try:
        content = wire.content.encode()
    except UnicodeEncodeError as error:
        raise Refused(Reason.BAD_FIELD, "content holds half of a surrogate pair") from error
    if keys:
        _prove(keys, signed_bytes(kind, signer, wire.sequence, content), wire.signature)
    return Signed(kind, signer, wire.sequence, content, bool(keys))


def write_signed(kind: str, signer: str, sequence: int, content: bytes, keys: Keys) -> bytes:
    """Write a record, signed where there is a key."""
    message = signed_bytes(kind, signer, sequence, content)
    signature = keys.sign(message) if keys else None
    wire = _Wire(kind, signer, sequence, content.decode(), signature)
    plain = {name: of for name, of in msgspec.structs.asdict(wire).items() if of is not None}
    return msgspec.json.encode(plain)


def signed_bytes(kind: str, signer: str, sequence: int, content: bytes) -> bytes:
    """Return the bytes that a signature is over.

    Neither kind nor signer can hold the end of a line, so no two records have the same bytes.
    """
    return b"\n".join(
        (b"penchant-signed-1", kind.encode(), signer.encode(), b"%d" % sequence, content)
    )


def next_sequence(last: int, clock: int | None = None) -> int:
    """Return a sequence above `last`: the nanoseconds since 1970, where they are."""
    return max(time.time_ns() if clock is None else clock, last + 1)


def _prove(keys: Keys, message: bytes, signature: str | None) -> None:
    if not signature:
        raise Refused(
            Reason.NOT_SIGNED,
            "the record carries no signature, and a key is set; sign it, as `penchant intents` "
            "does with the same key",
        )
    is_one = _SIGNATURE.fullmatch(signature) is not None
    if not is_one or not keys.holds(message, bytes.fromhex(signature)):
        raise Refused(
            Reason.BAD_SIGNATURE,
            "the signature is not that of this record under a key of ours; see that both sides "
            "have the same key",
        )
