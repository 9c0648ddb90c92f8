"""The hub of models: asked once, its libraries kept quiet, and where copies lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path

from platformdirs import user_cache_path

from encoders.base import one_line

ANSWER_SECONDS = 5.0
_NEAR = 0.75
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def may_be_of_hub(name: str) -> bool:
    """Return whether the hub could have a model of this name: an owner and a name, or a name."""
    return _HUB_NAME.fullmatch(name) is not None and not name.startswith(".")


def unreachable(name: str) -> str | None:
    """Return in one line why the hub cannot be asked about a model; None where it answers."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi().model_info(name, timeout=ANSWER_SECONDS)
    except HfHubHTTPError:  # an answer too: no such model, no access
        return None
    # No network, no proxy, told to stay offline: each has its own type.
    except Exception as error:  # noqa: BLE001
        return one_line(error)
    return None


def meant(name: str, ours: Iterable[str]) -> str | None:
    """Return which of our own names a name without an owner was likely meant for, if any."""
    if "/" in name:
        return None
    near = get_close_matches(name.lower().strip(), list(ours), n=1, cutoff=_NEAR)
    return near[0] if near else None


@contextmanager
def quiet() -> Iterator[None]:
    """Switch the progress bars of transformers off for a while."""
    from transformers.utils import logging

    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()


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
