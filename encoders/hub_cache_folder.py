"""Where copies lie that can be made again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """Return the user's cache folder of this project; it may be one that cannot be made.

    `$XDG_CACHE_HOME/penchant` or `~/.cache/penchant` on Linux, the system's own place elsewhere.
    A user without a home, as in a container, has the root of the file system for one.
    """
    # Where neither HOME nor the file of accounts names a home, releases of platformdirs differ:
    # they raise, or leave "~" as it stands.
    with suppress(RuntimeError):
        folder = user_cache_path("penchant", appauthor=False)
        if folder.is_absolute():
            return folder
    return Path("/.cache/penchant")
