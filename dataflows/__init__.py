"""Dataflows: events in, learning, lists and intents out; everything that streams.

The names below are the library's face (docs/how-to/library.md); they are imported when they are
first asked for, so that a command starts with what it needs alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflows.errors import InputError
    from dataflows.evaluation.replay_files import replay

__all__ = ["InputError", "replay"]

_WHERE = {"InputError": "dataflows.errors", "replay": "dataflows.evaluation.replay_files"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
