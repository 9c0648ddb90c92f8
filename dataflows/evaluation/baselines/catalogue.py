"""The baselines by name, ours and those of other packages, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import NamedTuple, cast

from dataflows.errors import InputError
from dataflows.evaluation.baselines.protocol import Baseline
from learners.entry_points import brought, failure, find, load, origin

GROUP = "penchant.baselines"
"""The entry points by which other packages bring baselines: what makes one from a seed."""

ALL = "all"
NONE = "none"
DEFAULT = ("popularity", "popularity-decayed")


def _popularity(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.popularity import PopularityBaseline

    return PopularityBaseline()


def _popularity_decayed(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.popularity import DECAYED_HALF_LIFE, PopularityBaseline

    return PopularityBaseline(DECAYED_HALF_LIFE)


def _own_popularity(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.own_popularity import OwnPopularity

    return OwnPopularity()


def _markov(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.markov import Markov

    return Markov()


def _markov_last(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.markov import Markov

    return Markov(steps=1)


def _item_knn(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.item_knn import ItemKnn

    return ItemKnn()


def _vmis_knn(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.vmis_knn import VmisKnn

    return VmisKnn()


def _bpr(seed: int) -> Baseline:
    from dataflows.evaluation.baselines.bpr import Bpr

    return Bpr(seed)


def _isgd(seed: int) -> Baseline:
    from dataflows.evaluation.baselines.isgd import Isgd

    return Isgd(seed)


def _ials(seed: int) -> Baseline:
    from dataflows.evaluation.baselines.ials import Ials

    return Ials(seed)


def _ease(_seed: int) -> Baseline:
    from dataflows.evaluation.baselines.ease import Ease

    return Ease()


def _river_biased_mf(seed: int) -> Baseline:
    from dataflows.evaluation.baselines.river_mf import biased

    return biased(seed)


def _river_funk_mf(seed: int) -> Baseline:
    from dataflows.evaluation.baselines.river_mf import funk

    return funk(seed)


def _vowpal_wabbit(seed: int) -> Baseline:
    from dataflows.evaluation.baselines.vowpal_wabbit import VowpalWabbit

    return VowpalWabbit(seed)


def _sasrec(seed: int) -> Baseline:
    from dataflows.evaluation.baselines.sasrec import SasRec

    return SasRec(seed)


BASELINES: dict[str, Callable[[int], Baseline]] = {
    "popularity": _popularity,
    "popularity-decayed": _popularity_decayed,
    "own-popularity": _own_popularity,
    "markov-last": _markov_last,
    "markov": _markov,
    "item-knn": _item_knn,
    "vmis-knn": _vmis_knn,
    "bpr": _bpr,
    "isgd": _isgd,
    "ials": _ials,
    "ease": _ease,
    "river-biased-mf": _river_biased_mf,
    "river-funk-mf": _river_funk_mf,
    "vowpal-wabbit": _vowpal_wabbit,
    "sasrec": _sasrec,
}
"""Name of each baseline, and how to make it from a seed."""


_NOBODY: Mapping[str, str] = MappingProxyType({})


class Entrants(NamedTuple):
    """The baselines of one replay, by name, and why others that were asked for are left out.

    `brought` names the package and version of each that another package brings.
    """

    baselines: dict[str, Baseline]
    left_out: dict[str, str]
    brought: Mapping[str, str] = _NOBODY


def read_names(text: str) -> tuple[str, ...]:
    """Read names with commas between them, "all" or "none"; each name once, in the order given.

    Nothing is imported. Raises InputError for a name that is no baseline's, or has two meanings.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if names in ((ALL,), (NONE,)):
        return () if names == (NONE,) else names
    for name in names:
        if _brought(name) is None and name not in BASELINES:
            raise _unknown(name)
    if not names:
        raise InputError(f"no baseline was named; give {NONE} to run without")
    return names


def open_baselines(names: Sequence[str], seed: int) -> Entrants:
    """Make the baselines with these names, or all of them.

    Raises InputError for an unknown name, and for a named baseline that cannot be made: its
    library is missing, or the package that brings it is broken. Among all, such a one is left
    out, with the reason.
    """
    is_all = tuple(names) == (ALL,)
    wanted = read_names(",".join(names)) if names else ()
    baselines, left_out = {}, {}
    for name in dict.fromkeys((*BASELINES, *brought(GROUP))) if is_all else wanted:
        try:
            baselines[name] = open_baseline(name, seed)
        except InputError as error:
            if not is_all:
                raise
            left_out[name] = str(error)
    found = {name: origin(entry) for name in baselines if (entry := _brought(name))}
    return Entrants(baselines, left_out, found)


def open_baseline(name: str, seed: int) -> Baseline:
    """Make one baseline.

    Raises InputError for an unknown name, where the library that it runs on is missing, and for
    one of another package that cannot be made or is none.
    """
    entry = _brought(name)
    if entry is not None:
        return _foreign(entry, seed)
    if name not in BASELINES:
        raise _unknown(name)
    try:
        return BASELINES[name](seed)
    except ImportError as error:
        raise InputError(
            f"baseline {name} needs {error.name or error}, which is not installed; "
            "run pip install 'penchant[baselines]'"
        ) from None


def _brought(name: str) -> EntryPoint | None:
    """Return what another package brings under a name; nothing is imported."""
    try:
        return find(GROUP, name, BASELINES)
    except ValueError as error:
        raise InputError(f"baseline {error}") from None


def _foreign(entry: EntryPoint, seed: int) -> Baseline:
    """Make a baseline of another package, and see that it is one."""
    try:
        make = cast("Callable[[int], object]", load(entry))
    except ValueError as error:
        raise InputError(f"baseline {error}") from error
    try:
        made = make(seed)
    except Exception as error:
        raise InputError(
            f"baseline {entry.name!r} of {origin(entry)} cannot be made from a seed: "
            f"{failure(error)}"
        ) from error
    lacking = [each for each in ("scores", "learn") if not callable(getattr(made, each, None))]
    if lacking:
        raise InputError(
            f"baseline {entry.name!r} of {origin(entry)} is none: {type(made).__name__} has no "
            f"{' and no '.join(lacking)}; docs/how-to/plugins.md says what it must have"
        )
    return cast("Baseline", made)


def _unknown(name: str) -> InputError:
    known = (*BASELINES, *brought(GROUP))
    near = get_close_matches(name.lower(), known, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return InputError(
        f"baseline {name!r} is unknown{meant}; give {ALL}, {NONE}, or some of {', '.join(known)}"
    )
