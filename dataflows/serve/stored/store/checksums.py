"""Checksums of the rows of a store, which find one that is not what was written."""

from __future__ import annotations

import zlib

from dataflows.serve.answers import NotReadyError


class DamagedRowError(NotReadyError):
    """A row is not what was written; the message says whose."""


def checksum(user_id: str, value: bytes) -> int:
    """Return the checksum of a row; whose it is counts, so a row in a wrong place is found."""
    return zlib.crc32(value, zlib.crc32(user_id.encode()))


def whole(user_id: str, value: object, stored: object) -> bytes:
    """Return the value of a row of this checksum. Raises DamagedRowError where it is another."""
    if not isinstance(value, bytes) or checksum(user_id, value) != stored:
        raise DamagedRowError(
            f"the row of {user_id!a} is damaged (its checksum is another): their next message "
            "mends it; or stop, delete the store and start again: it is made anew from the input"
        )
    return value
