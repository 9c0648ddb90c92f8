"""Prior weights: what the ranking network knows before the first event of a log.

A network that starts from chance ranks the first lists by chance, and never learns what it never
sees. One that has learnt from many other logs begins with what held in all of them: what is
popular comes first, then what goes together with what the user has, and what is near in meaning
to their search. The weights are the start of learning, nothing more, as in meta-learning (Nichol,
Achiam and Schulman, 2018, "On first-order meta-learning algorithms").

Weights are kept by the names of features: one that the prior has no weights for begins at 0. One
that it has, but that is not there yet (nobody searched so far), counts as 0: its part is put into
the biases, and taken out again where the column appears (`grown`), so that scores stay what they
were for every candidate that has 0 in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.codec import DamagedError, pack, unpack_as
from learners.ranking.preference_learner import Layers, layers_of, to_scale

PACKAGED = "packaged"
NONE = "none"
KIND, VERSION = "prior", 1
STEPS = 500
"""So many steps the network counts as having taken: its average spans the last tenth of them."""
BATCHES = 20
"""So many batches the moments of its inputs count for."""

_FLAT = ("weights", "averaged", "mean_gradient", "mean_square")
"""The parts of a state that hold one number for each weight."""


class _Stored(msgspec.Struct, frozen=True):
    columns: tuple[str, ...]
    hidden: int
    weights: Any
    mean_square: Any
    mean: Any
    variance: Any
    made_of: dict[str, Any]


class Prior:
    """Weights of a ranking network by the names of its columns.

    `state` is that of a `PreferenceLearner` of so many `hidden` units, learnt with `columns`.
    `made_of` is a record of what it was made of, in plain values. `fingerprint` is that of the
    whole content.
    """

    def __init__(
        self,
        columns: Sequence[str],
        hidden: int,
        state: Mapping[str, Any],
        made_of: Mapping[str, Any],
    ) -> None:
        self.columns = tuple(columns)
        self.hidden = hidden
        self.made_of = dict(made_of)
        # The average is what is ranked by: single steps are noisy.
        self._state: dict[str, Any] = {
            "weights": np.asarray(state["averaged"], np.float32),
            "averaged": np.asarray(state["averaged"], np.float32),
            "mean_gradient": np.zeros(len(state["averaged"]), np.float32),
            "mean_square": np.asarray(state["mean_square"], np.float32),
            "mean": np.asarray(state["mean"], np.float64),
            "variance": np.asarray(state["variance"], np.float64),
            "batches": BATCHES,
            "steps": STEPS,
        }
        self.fingerprint = blake2b(self.packed(), digest_size=4).hexdigest()

    def packed(self) -> bytes:
        """Return the whole as bytes that `read_prior` reads."""
        state = self._state
        stored = _Stored(
            self.columns,
            self.hidden,
            state["weights"],
            state["mean_square"],
            state["mean"],
            state["variance"],
            self.made_of,
        )
        return pack(KIND, VERSION, stored)

    def start(self, columns: Sequence[str], hidden: int) -> dict[str, Any] | None:
        """Return the state in which a network of these columns begins.

        None where it has another number of `hidden` units: then it begins from chance.
        """
        if hidden != self.hidden:
            return None
        state = dict(refitted(self._state, self.columns, columns, hidden))
        gone = [name for name in self.columns if name not in columns]
        for name in ("weights", "averaged"):
            flat = state[name].copy()
            layers_of(flat, len(columns), hidden)[1][:] += self._at_zero(gone)
            state[name] = flat
        return state

    def grown(
        self, state: Mapping[str, Any], before: Sequence[str], columns: Sequence[str]
    ) -> Mapping[str, Any]:
        """Return a state that began here for more columns than it had `before`, with their weights.

        Scores of candidates that have 0 in all new columns stay what they were.
        """
        new = [name for name in columns if name in self.columns and name not in before]
        made = dict(refitted(state, before, columns, self.hidden))
        places = [list(columns).index(name) for name in new]
        mine = [self.columns.index(name) for name in new]
        for name in ("weights", "averaged", "mean_square"):
            flat = made[name].copy()
            into = layers_of(flat, len(columns), self.hidden)
            own = self._layers(self._state[name])
            into[0][places], into[3][places] = own[0][mine], own[3][mine]
            if name != "mean_square":
                into[1][:] -= self._at_zero(new)
            made[name] = flat
        for name in ("mean", "variance"):
            moments = made[name].copy()
            moments[places] = self._state[name][mine]
            made[name] = moments
        return made

    def _layers(self, flat: NDArray[np.float32]) -> Layers:
        return layers_of(flat, len(self.columns), self.hidden)

    def _at_zero(self, columns: Sequence[str]) -> NDArray[np.float32]:
        """Return what these columns add to the hidden units (h,) where they are 0."""
        places = [self.columns.index(name) for name in columns]
        mean, variance = self._state["mean"][places], self._state["variance"][places]
        zero = -mean.astype(np.float32) * to_scale(variance)
        added: NDArray[np.float32] = zero @ self._layers(self._state["weights"])[0][places]
        return added


def read_prior(blob: bytes) -> Prior:
    """Read what `Prior.packed` wrote.

    Raises `learners.codec.StateError` where it is damaged, or of another version.
    """
    stored = unpack_as(blob, KIND, VERSION, _Stored)
    features, hidden = len(stored.columns), stored.hidden
    sizes = {
        "weights": features * hidden + 2 * hidden + features,
        "mean_square": features * hidden + 2 * hidden + features,
        "mean": features,
        "variance": features,
    }
    for name, size in sizes.items():
        array = getattr(stored, name)
        if not isinstance(array, np.ndarray) or array.shape != (size,):
            raise DamagedError(f"its {name} are not the {size} numbers that its columns need")
        if not np.isfinite(array).all():
            raise DamagedError(f"its {name} hold a number that is not finite")
    state = {**msgspec.structs.asdict(stored), "averaged": stored.weights}
    return Prior(stored.columns, hidden, state, stored.made_of)


@cache
def packaged_prior() -> Prior:
    """Return the prior weights that the package brings (docs/explanation/prior.md)."""
    return read_prior(files("learners.ranking").joinpath("prior.msgpack").read_bytes())


def prior_of(name: str) -> Prior | None:
    """Return the prior weights of the setting `prior`: "packaged", or None for "none".

    Raises ValueError for any other: it names a file, which is for the caller to read.
    """
    if name == PACKAGED:
        return packaged_prior()
    if name == NONE:
        return None
    raise ValueError(
        f"prior is {name!r}: read that file with learners.ranking.prior.read_prior, and hand it "
        "to OnlineModel as `prior`"
    )


def refitted(
    state: Mapping[str, Any], before: Sequence[str], columns: Sequence[str], hidden: int
) -> Mapping[str, Any]:
    """Return a state of the preference learner, learnt with the columns `before`, for others.

    Columns that stay keep all that was learnt; new ones start with nothing, so that the scores are
    what they were until there is something to learn.

    One with another hidden layer is given back as it is.
    """
    fits = len(before) * hidden + 2 * hidden + len(before) == len(state["weights"])
    if list(before) == list(columns) or not fits:
        return state
    pairs = [(new, before.index(name)) for new, name in enumerate(columns) if name in before]
    places = np.array(pairs, np.intp).reshape(-1, 2)
    made = {name: _flat(state[name], places, len(before), len(columns), hidden) for name in _FLAT}
    made["mean"] = _moved(state["mean"], places, len(columns), 0.0)
    made["variance"] = _moved(state["variance"], places, len(columns), 1.0)
    return {**state, **made}


def _flat(
    flat: NDArray[np.float32], places: NDArray[np.intp], before: int, features: int, hidden: int
) -> NDArray[np.float32]:
    """Refit inner (f, h), bias (h,), outer (h,) and direct (f,), one after the other."""
    inner = before * hidden
    rows = _moved(flat[:inner].reshape(before, hidden), places, features, 0.0)
    middle = flat[inner : inner + 2 * hidden]
    direct = _moved(flat[inner + 2 * hidden :], places, features, 0.0)
    return np.concatenate((rows.ravel(), middle, direct))


def _moved(array: NDArray[Any], places: NDArray[np.intp], rows: int, fill: float) -> NDArray[Any]:
    """Return so many rows: from `places` (n, 2), each new one and its old one, else filled."""
    moved = np.full((rows, *array.shape[1:]), fill, array.dtype)
    moved[places[:, 0]] = array[places[:, 1]]
    return moved
