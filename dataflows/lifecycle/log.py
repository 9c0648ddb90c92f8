"""What is written to the log of a process, and how it looks."""

from __future__ import annotations

import logging

from dataflows.lifecycle.own_packages import OWN
from dataflows.lifecycle.redaction import MaskedFormatter

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def set_up_log(level: str) -> None:
    """Write what our packages log from `level` on to stderr, and warnings of all others."""
    handler = logging.StreamHandler()
    handler.setFormatter(MaskedFormatter(FORM))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in OWN:
        logging.getLogger(name).setLevel(level.upper())
