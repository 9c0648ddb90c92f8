"""What `penchant --version` says: our version, Python's, and those of what it stands on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

STANDS_ON = ("bytewax", "river", "torch")


def version_line() -> str:
    """Return the versions in one line; they are read from the metadata, so nothing is imported."""
    parts = [f"Python {platform.python_version()}"]
    parts += [f"{name} {installed(name) or 'missing'}" for name in STANDS_ON]
    return f"penchant {installed('penchant') or '(not installed)'} ({', '.join(parts)})"


def installed(name: str) -> str | None:
    """Return the version of a distribution in this environment; None where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
