"""The keys with which records of an authority are signed: from the environment, shown nowhere."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path

from dataflows.errors import InputError
from dataflows.lifecycle.redaction import remember

KEY = "PENCHANT_DECISIONS_KEY"
KEY_FILE = "PENCHANT_DECISIONS_KEY_FILE"
LEAST_BYTES = 16
"""A key that is shorter than this can be guessed."""


class Keys:
    """HMAC-SHA-256 under the first key; a signature under any of them holds.

    Without a key (`bool(keys)` is false) nothing can be signed, and nothing holds.
    """

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __repr__(self) -> str:
        return f"<{len(self._keys)} keys>"

    def sign(self, message: bytes) -> str:
        """Sign `message`: 64 hexadecimal digits. Raises IndexError without key."""
        return hmac.digest(self._keys[0], message, "sha256").hex()

    def holds(self, message: bytes, signature: bytes) -> bool:
        """Return whether `signature` (32 bytes) is one of ours; its time tells nothing of a key."""
        made = [hmac.digest(key, message, "sha256") for key in self._keys]
        return any([hmac.compare_digest(one, signature) for one in made])  # noqa: C419 - each is compared


def read_keys(environ: Mapping[str, str]) -> Keys:
    """Return the keys that the environment names, none where it names none.

    `PENCHANT_DECISIONS_KEY` is the key itself, `PENCHANT_DECISIONS_KEY_FILE` a file with one
    key a line: the first signs, all are taken, so that a key can be replaced. Raises InputError.
    """
    key, path = environ.get(KEY, ""), environ.get(KEY_FILE, "")
    if key and path:
        raise InputError(f"both {KEY} and {KEY_FILE} are set; set one of them")
    if path:
        return Keys([_checked(line, f"a line of {path}") for line in _lines(Path(path))])
    return Keys([_checked(key, KEY)] if key.strip() else [])


def _lines(path: Path) -> list[str]:
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(
            f"{KEY_FILE}: {path} cannot be read ({why}); give a file of one key a line"
        ) from None  # what was read may be a key
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{KEY_FILE}: {path} holds no key; write one a line")
    return lines


def _checked(key: str, where: str) -> bytes:
    remember({KEY: key.strip()})
    found = key.strip().encode("utf-8", "surrogateescape")
    if len(found) < LEAST_BYTES:
        raise InputError(
            f"{where}: this key has {len(found)} bytes, at least {LEAST_BYTES} are needed; "
            "make one with `openssl rand -hex 32`"
        )
    return found
