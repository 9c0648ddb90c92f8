"""Where copies lie that can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the user's cache folder of this project; it may be one that cannot be made.

    A user without a home, as in a container, has the root of the file system for one.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else _home() / ".cache") / "penchant"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # neither HOME nor the file of accounts says
        return Path("/")
