"""The peers by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dataflows.errors import InputError
from dataflows.peers.protocol import Peer

ALL = "all"
NONE = "none"
DEFAULT = ("popularity", "popularity-decayed")


def _popularity(_seed: int) -> Peer:
    from dataflows.peers.popularity import Popularity

    return Popularity()


def _popularity_decayed(_seed: int) -> Peer:
    from dataflows.peers.popularity import DECAYED_HALF_LIFE, Popularity

    return Popularity(DECAYED_HALF_LIFE)


def _own_popularity(_seed: int) -> Peer:
    from dataflows.peers.own_popularity import OwnPopularity

    return OwnPopularity()


def _markov(_seed: int) -> Peer:
    from dataflows.peers.markov import Markov

    return Markov()


def _markov_last(_seed: int) -> Peer:
    from dataflows.peers.markov import Markov

    return Markov(steps=1)


def _item_knn(_seed: int) -> Peer:
    from dataflows.peers.item_knn import ItemKnn

    return ItemKnn()


def _vmis_knn(_seed: int) -> Peer:
    from dataflows.peers.vmis_knn import VmisKnn

    return VmisKnn()


def _bpr(seed: int) -> Peer:
    from dataflows.peers.bpr import Bpr

    return Bpr(seed)


def _isgd(seed: int) -> Peer:
    from dataflows.peers.isgd import Isgd

    return Isgd(seed)


def _ials(seed: int) -> Peer:
    from dataflows.peers.ials import Ials

    return Ials(seed)


def _ease(_seed: int) -> Peer:
    from dataflows.peers.ease import Ease

    return Ease()


def _river_biased_mf(seed: int) -> Peer:
    from dataflows.peers.river_mf import biased

    return biased(seed)


def _river_funk_mf(seed: int) -> Peer:
    from dataflows.peers.river_mf import funk

    return funk(seed)


def _vowpal_wabbit(seed: int) -> Peer:
    from dataflows.peers.vowpal_wabbit import VowpalWabbit

    return VowpalWabbit(seed)


def _sasrec(seed: int) -> Peer:
    from dataflows.peers.sasrec import SasRec

    return SasRec(seed)


PEERS: dict[str, Callable[[int], Peer]] = {
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
"""Name of each peer, and how to make it from a seed."""


class Entrants(NamedTuple):
    """The peers of one replay, by name, and why others of those asked for are not among them."""

    peers: dict[str, Peer]
    left_out: dict[str, str]


def read_names(text: str) -> tuple[str, ...]:
    """Read names with commas between them, "all" or "none"; each name once, in the order given.

    Raises InputError for a name that is no peer's.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if names in ((ALL,), (NONE,)):
        return () if names == (NONE,) else names
    for name in names:
        if name not in PEERS:
            raise InputError(
                f"peer {name!r} is unknown; give {ALL}, {NONE}, or some of {', '.join(PEERS)}"
            )
    if not names:
        raise InputError(f"no peer was named; give {NONE} to run without")
    return names


def open_peers(names: Sequence[str], seed: int) -> Entrants:
    """Make the peers with these names, or all of them.

    Raises InputError for an unknown name, and for a named peer whose library is missing;
    among all, such a one is left out, with the reason.
    """
    if tuple(names) != (ALL,):
        wanted = read_names(",".join(names)) if names else ()
        return Entrants({name: open_peer(name, seed) for name in wanted}, {})
    entrants = Entrants({}, {})
    for name in PEERS:
        try:
            entrants.peers[name] = open_peer(name, seed)
        except InputError as error:
            entrants.left_out[name] = str(error)
    return entrants


def open_peer(name: str, seed: int) -> Peer:
    """Make one peer. Raises InputError where the library that it runs on is missing."""
    try:
        return PEERS[name](seed)
    except ImportError as error:
        raise InputError(
            f"peer {name} needs {error.name or error}, which is not installed; "
            "run pip install 'penchant[peers]'"
        ) from None
