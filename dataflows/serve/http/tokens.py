"""Who may ask what: bearer tokens with scopes, from the environment or a file.

A line is `SCOPE[,SCOPE] TOKEN`. Only digests of tokens are kept; they are compared without a hint
in the time that it takes.
"""

from __future__ import annotations

import hmac
import stat
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from dataflows.config.serve import ServeSettings
from dataflows.errors import InputError
from dataflows.lifecycle.redaction import remember
from dataflows.serve.http.problems import ProblemError

READ = "read"
WRITE = "write"
ADMIN = "admin"
SCOPES = frozenset({READ, WRITE, ADMIN})

VARIABLE = "PENCHANT_SERVE_TOKENS"
FILE_VARIABLE = "PENCHANT_SERVE_TOKENS_FILE"
SHORTEST = 16
"""A token with fewer characters can be guessed."""
MOST = 1_000
"""Each request is compared with every token."""

_BEARER = b"bearer "
_MADE_BY = "make one with `openssl rand -hex 32`"


class Caller(NamedTuple):
    """Who asks: what their requests are counted under, and what they may do."""

    name: bytes
    scopes: frozenset[str]


NOBODY = frozenset[str]()


class Tokens:
    """The tokens that are known. Without any (`bool(tokens)` is false) everybody may all."""

    def __init__(self, lines: Iterable[tuple[frozenset[str], str]] = ()) -> None:
        self._digests = [
            (sha256(token.encode()).digest(), Caller(sha256(token.encode()).digest()[:8], scopes))
            for scopes, token in lines
        ]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __repr__(self) -> str:
        return f"<{len(self._digests)} tokens>"

    def caller(self, authorization: bytes | None, address: str) -> Caller:
        """Return who asks with this header from this address. Raises ProblemError: 401."""
        if not self._digests:
            return Caller(address.encode(), SCOPES)
        if authorization is None:
            return Caller(address.encode(), NOBODY)
        if authorization[:7].lower() != _BEARER:
            raise unauthorized("the header Authorization is not `Bearer TOKEN`")
        digest = sha256(authorization[7:].strip()).digest()
        found = None
        for known, caller in self._digests:
            if hmac.compare_digest(known, digest):
                found = caller
        if found is None:
            raise unauthorized("this token is not known")
        return found


def check_scope(caller: Caller, scope: str) -> None:
    """Raise ProblemError where a caller lacks a scope: 401 without a token, else 403."""
    if scope in caller.scopes:
        return
    if not caller.scopes:
        raise unauthorized("a token is required here")
    raise ProblemError(
        403,
        f"this token has {', '.join(sorted(caller.scopes))}, and {scope} is required",
        f"ask with a token whose line in {VARIABLE} names {scope}",
        {"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


def unauthorized(detail: str) -> ProblemError:
    """Return the answer to somebody who is not known."""
    return ProblemError(
        401,
        detail,
        "send the header `Authorization: Bearer TOKEN`",
        {"www-authenticate": "Bearer"},
    )


def read_tokens(settings: ServeSettings, environ: Mapping[str, str]) -> Tokens:
    """Return the tokens of the environment, or of the file that it or the settings name.

    Raises InputError for a line that is none, for a file that others may read, and where there
    are none though others than this machine can ask.
    """
    text = environ.get(VARIABLE, "")
    path = environ.get(FILE_VARIABLE, "") or settings.tokens_file or ""
    if text.strip() and path:
        raise InputError(f"both {VARIABLE} and a file of tokens are given; give one of them")
    found = [*_read(_text_of(Path(path)), path)] if path else [*_read(text, VARIABLE)]
    if path and not found:
        raise InputError(f"{path}: holds no token; write lines `SCOPE[,SCOPE] TOKEN`")
    if not found and not settings.is_loopback:
        raise InputError(
            f"serve.host is {settings.host!r}, which others than this machine can reach, and there "
            f"is no token; set {VARIABLE} to lines `SCOPE[,SCOPE] TOKEN`, or listen on 127.0.0.1"
        )
    if len(found) > MOST:
        raise InputError(f"there are {len(found)} tokens; the limit is {MOST}")
    return Tokens(found)


def _text_of(path: Path) -> str:
    path = path.expanduser()
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & 0o077:
            raise InputError(
                f"{path}: others than its owner may read these tokens (mode {mode & 0o777:o}); "
                f"chmod 600 {path}"
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(
            f"{path}: the tokens cannot be read ({why}); give a file of lines `SCOPE[,SCOPE] TOKEN`"
        ) from None  # what was read may be a token


def _read(text: str, where: str) -> Iterable[tuple[frozenset[str], str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        names, _, token = line.strip().partition(" ")
        token = token.strip()
        remember({"token": token})
        scopes = frozenset(name.strip() for name in names.split(","))
        if not token:
            raise InputError(f"{where}, line {number}: want `SCOPE[,SCOPE] TOKEN`; {_MADE_BY}")
        if not scopes <= SCOPES:
            raise InputError(
                f"{where}, line {number}: a scope is none of {', '.join(sorted(SCOPES))}; write "
                "`SCOPE[,SCOPE] TOKEN`"
            )
        if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
            raise InputError(
                f"{where}, line {number}: this token has {len(token)} characters; at least "
                f"{SHORTEST} of ASCII without blanks are needed; {_MADE_BY}"
            )
        yield scopes, token
