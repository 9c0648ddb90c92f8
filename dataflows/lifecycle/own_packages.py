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
ROOT = Path(__file__).resolve().parents[2]
REINSTALL = "run `pip install --upgrade penchant`"


class ForeignPackageError(RuntimeError):
    """A package of another project stands where one of ours should be."""


class MissingPackageError(RuntimeError):
    """One of our packages is gone, or its first file is: removed by mistake, or half installed."""


def check_own_packages() -> None:
    """Check that the three packages are the ones beside this file, and whole.

    Raises ForeignPackageError or MissingPackageError, with what to do.
    """
    for name in OWN:
        _refuse_distribution(name)
        if not (ROOT / name / "__init__.py").is_file():
            raise MissingPackageError(
                f"penchant's own package {name} is missing from {ROOT} (another project's "
                f"package of this name may have taken it along as it was uninstalled): "
                f"{mend(name)}"
            )
        place = import_module(name).__file__
        if place is None or Path(place).resolve().parent != ROOT / name:
            raise ForeignPackageError(
                f"the package {name} was loaded from {place}, not from {ROOT / name}: take it "
                f"off PYTHONPATH, or run penchant from a virtual environment of its own"
            )


def mend(name: str | None = None) -> str:
    """Return how to make the installation whole, for a checkout or a wheel.

    `name` is the package of ours that is gone, None for a library.
    """
    if not (ROOT / "Makefile").is_file():
        return "run `pip install --force-reinstall --no-deps penchant`" if name else REINSTALL
    if name is None:
        return "run `make install` (`make clean` first, where that does nothing)"
    return f"restore the folder {name} of the checkout, then run `make install`"


def _refuse_distribution(name: str) -> None:
    try:
        version = distribution(name).version
    except PackageNotFoundError:
        return
    # Its files may lie among ours, and go with it: a wheel is then to be put back.
    then = "" if (ROOT / "Makefile").is_file() else f", then {mend(name).removeprefix('run ')}"
    raise ForeignPackageError(
        f"another project's package {name} {version} is installed in this environment and "
        f"clashes with penchant: run `pip uninstall {name}`{then}"
    )
