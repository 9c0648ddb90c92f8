"""The first start on a machine, which compiles: it says so, and does not only take long."""

from __future__ import annotations

import logging

from learners.arrays import keeps_compiled, kept_share

MOST = 0.5
"""The share of the loops that has to be kept for a start to be quick; some are seldom called."""

_log = logging.getLogger(__name__)


def compiling_line() -> str:
    """Return a line for a person where most loops are yet to be compiled; else "".

    Call it once the learners are imported.
    """
    if kept_share() >= MOST:
        return ""
    when = "once per machine" if keeps_compiled() else "at each start, as no folder keeps them"
    return (
        f"compiling the learner's loops, {when}: about half a minute until the first list, while "
        "events wait where they are"
    )


def announce_compiling() -> None:
    """Log that line, where there is one."""
    if line := compiling_line():
        _log.info(line)
