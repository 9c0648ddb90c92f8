"""Check that the packages which Python found are ours.

The package index has distributions called `dataflows`, `learners` and
`encoders`. Installed into the same environment they would replace our files,
or hide them, and fail in strange places much later. So this is
checked at start.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

OWN = ("dataflows", "learners", "encoders")


class ForeignPackageError(RuntimeError):
    """A package of another project stands where one of ours should be."""


def check_own_packages() -> None:
    """Raise ForeignPackageError unless the three packages are the ones beside this file."""
    root = Path(__file__).resolve().parent.parent
    for name in OWN:
        _refuse_distribution(name)
        place = import_module(name).__file__
        if place is None or Path(place).resolve().parent != root / name:
            raise ForeignPackageError(
                f"the package {name} was loaded from {place}, not from {root / name}: "
                f"run penchant from its own virtual environment (make install)"
            )


def _refuse_distribution(name: str) -> None:
    try:
        version = distribution(name).version
    except PackageNotFoundError:
        return
    raise ForeignPackageError(
        f"another project's package {name} {version} is installed in this environment and "
        f"clashes with penchant: run `pip uninstall {name}`, then `make install`"
    )
