"""Keeping passwords and keys out of errors and logs.

Two ways together: what is known to be secret is replaced wherever it stands, and what looks
like it (the user of a URL, `password=...`) is replaced unknown.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping

MASK = "***"

_NAME = re.compile(
    r"passw|passphrase|secret|token|credential|jaas|sasl|ssl|private|authorization"
    r"|(?:^|[^a-z])(?:[a-z]*key|pwd|pass|sig)(?:$|[^a-z])",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"sasl\.mechanisms?|security\.protocol|enable\.ssl.*|ssl\.endpoint.*|.*\.(location|providers)"
)
"""Properties of librdkafka that only sound secret: errors about them are read by people."""
_USER_OF_URL = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")
_PAIR = re.compile(
    r"(?i)((?:passw|passphrase|secret|token|credential|jaas|access.?key|api.?key|\bpwd|[?&]sig)"
    r"[\w.-]*(?:['\"]\s*[:=]|\s*=)\s*)(\"[^\"]*\"?|'[^']*'?|[^\s,;&}\])]+)"
)
_VARIABLE = re.compile(
    r"(?:\w+_)?(?:PASSWORD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS|\w*SECRET_KEY|\w*ACCESS_KEY|API_KEY"
    r"|DECISIONS_KEY)"
)
"""Environment variables that hold a secret: those of others too, which a library may quote."""
_SHORTEST = 4
"""A known secret with fewer characters is too common a piece of other words."""

_known: set[str] = set()


def is_secret_name(name: str) -> bool:
    """Return whether what goes by this name is likely a secret, or part of one."""
    return bool(_NAME.search(name)) and not _OPEN.fullmatch(name)


def remember(named: Mapping[str, object]) -> None:
    """Note the values that have a secret's name: `masked` finds them from now on."""
    _keep(value for name, value in named.items() if is_secret_name(name))


def remember_variables(environ: Mapping[str, str]) -> None:
    """Note the environment variables that hold a secret."""
    _keep(value for name, value in environ.items() if _VARIABLE.fullmatch(name))


def _keep(values: Iterable[object]) -> None:
    _known.update(one for one in values if isinstance(one, str) and len(one) >= _SHORTEST)


def masked(text: str) -> str:
    """Return a text with `***` for every secret that is known, or that shows by its place."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _PAIR.sub(rf"\1{MASK}", _USER_OF_URL.sub(MASK, text))


class MaskedFormatter(logging.Formatter):
    """Writes log lines, tracebacks included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, then mask it."""
        return masked(super().format(record))
