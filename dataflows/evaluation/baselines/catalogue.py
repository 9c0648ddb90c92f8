"""The baselines by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dataflows.errors import InputError
from dataflows.evaluation.baselines.protocol import Baseline

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


class Entrants(NamedTuple):
    """The baselines of one replay, by name, and why others that were asked for are left out."""

    baselines: dict[str, Baseline]
    left_out: dict[str, str]


def read_names(text: str) -> tuple[str, ...]:
    """Read names with commas between them, "all" or "none"; each name once, in the order given.

    Raises InputError for a name that is no baseline's.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if names in ((ALL,), (NONE,)):
        return () if names == (NONE,) else names
    for name in names:
        if name not in BASELINES:
            raise InputError(
                f"baseline {name!r} is unknown; give {ALL}, {NONE}, or some of "
                f"{', '.join(BASELINES)}"
            )
    if not names:
        raise InputError(f"no baseline was named; give {NONE} to run without")
    return names


def open_baselines(names: Sequence[str], seed: int) -> Entrants:
    """Make the baselines with these names, or all of them.

    Raises InputError for an unknown name, and for a named baseline whose library is missing;
    among all, such a one is left out, with the reason.
    """
    if tuple(names) != (ALL,):
        wanted = read_names(",".join(names)) if names else ()
        return Entrants({name: open_baseline(name, seed) for name in wanted}, {})
    entrants = Entrants({}, {})
    for name in BASELINES:
        try:
            entrants.baselines[name] = open_baseline(name, seed)
        except InputError as error:
            entrants.left_out[name] = str(error)
    return entrants


def open_baseline(name: str, seed: int) -> Baseline:
    """Make one baseline. Raises InputError where the library that it runs on is missing."""
    try:
        return BASELINES[name](seed)
    except ImportError as error:
        raise InputError(
            f"baseline {name} needs {error.name or error}, which is not installed; "
            "run pip install 'penchant[baselines]'"
        ) from None
