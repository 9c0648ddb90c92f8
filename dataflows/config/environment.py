"""Environment variables: `PENCHANT_LEARNER__K=20` sets `k` in section `[learner]`.

Every other variable that begins with `PENCHANT_` is reported: one that looks like a slip for a
setting is refused, what somebody else set there (Kubernetes does, for a service of that name)
is logged and passed over.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from dataflows.errors import InputError

PREFIX = "PENCHANT_"
BETWEEN = "__"
PAGE = "docs/reference/config.md"

_OURS = re.compile(
    r"CONFIG|DEBUG|ML100K|SHARED|INTENTS|TEST_\w+|DECISIONS_\w+|SERVE_TOKENS(?:_FILE)?"
)
"""Variables that are no settings, and read elsewhere."""
_OF_A_SERVICE = re.compile(
    r"(?:\w+_)?(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)"
)
"""What Kubernetes tells of services whose names begin with ours."""

_log = logging.getLogger(__name__)


def given_by(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return variable to setting, for those that set one of `names` (`learner.k`).

    Raises InputError, with the name that is nearest, for a slip of the pen.
    """
    known = {name.upper().replace(".", BETWEEN): name for name in names}
    found: dict[str, str] = {}
    others: list[str] = []
    for variable in sorted(environ):
        rest = variable.removeprefix(PREFIX)
        if rest == variable or _OURS.fullmatch(rest):
            continue
        if rest in known:
            found[variable] = known[rest]
        elif _is_slip(rest, known):
            raise InputError(
                f"environment variable {variable}: there is no such setting"
                f"{_nearest(rest, known)}; {PAGE} has them all"
            )
        else:
            others.append(variable)
    if others:
        _log.warning("passed over, since they are no settings: %s", ", ".join(others))
    return found


def _is_slip(rest: str, known: Iterable[str]) -> bool:
    """Return whether this was meant as a setting: two underscores, or a section before one."""
    sections = {name.partition(BETWEEN)[0] for name in known}
    if BETWEEN in rest:
        return True
    if _OF_A_SERVICE.fullmatch(rest):
        return False
    return rest.upper().partition("_")[0] in sections


def _nearest(rest: str, known: Iterable[str]) -> str:
    """Return words on which variable is nearest; "" where none is near."""
    plain = {name.replace(BETWEEN, "_"): name for name in known}
    near = get_close_matches(rest.upper().replace(BETWEEN, "_"), plain, n=1)
    return f"; did you mean {PREFIX}{plain[near[0]]}?" if near else ""
