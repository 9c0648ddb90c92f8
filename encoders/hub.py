"""The hub of models, asked once whether it answers: its library asks twenty times, for minutes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from encoders.base_errors import one_line

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
