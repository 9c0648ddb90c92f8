"""Which encoder a process starts with: the one in force in its state, else the configured one."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.engine.batch import Switch
from dataflows.engine.encoder_in_force import InForce, newest_in_force
from dataflows.errors import InputError, ModelError
from dataflows.hotswap.configured_encoder import load_configured, named
from dataflows.hotswap.load import Loader, Serving
from dataflows.registry.history import BASE
from dataflows.registry.registry import Registry, open_registry
from dataflows.state.store import Store
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder
from learners.settings import LearnerSettings

CACHE_FILE = "encoder-cache.db"
SHAPING = ("hidden", "neighbours", "similar")
"""Learner settings that stored arrays have their shape from."""

_log = logging.getLogger(__name__)


def identity_of(base_encoder: str, dim: int, learner: LearnerSettings) -> dict[str, str]:
    """Return what a state is bound to beside the number of its shards.

    The encoder is the configured one: which version of it is in force may change.
    """
    shapes = {f"learner.{name}": str(getattr(learner, name)) for name in SHAPING}
    return {"encoder": base_encoder, "dimensions": str(dim), **shapes}


def open_encoder(
    config: Config, folder: Path, encoder: Encoder | None = None
) -> tuple[Serving, Loader]:
    """Return the encoder that is in force, and what loads others. `encoder` replaces the base.

    Raises InputError, and `encoders.base.EncoderError`.
    """
    registry = open_registry(config)
    stored = newest_in_force(folder, config.state.shards)
    name = named(config.encoder) if encoder is None else f"given {encoder.version}"

    def load_base() -> Encoder:
        return load_configured(config.encoder) if encoder is None else encoder

    if stored is None or stored.version == BASE or stored.base != name:
        base = load_base()
        base_encoder, dim = base.version, base.dim
    else:
        base, base_encoder, dim = None, stored.base_encoder, _dim_of(config, folder)
    _check_state(config, folder, base_encoder, dim)
    loader = Loader(registry, load_base, base_encoder, dim)
    start = InForce(base_encoder, "") if stored is None else stored
    start = msgspec.structs.replace(
        start, base=name, base_encoder=base_encoder, sequence=_known(start.sequence, registry)
    )
    if start.version != BASE:
        found, start = _promoted(start, loader, registry)
    else:
        found = load_base() if base is None else base
    path = folder / CACHE_FILE if config.encoder.disk_texts else None
    cached = CachedEncoder(
        found, config.encoder.cached_texts, path, config.encoder.disk_texts or None
    )
    return Serving(cached, start), loader


def _known(sequence: int, registry: Registry) -> int:
    """Return the number of the last promotion, no higher than any that the registry holds.

    With a higher one, as from a registry that was made anew, all that come would be unheard.
    """
    try:
        newest = registry.newest_promotion()
    # Stores raise what they like; the state's own number does for now.
    except Exception as error:  # noqa: BLE001
        _log.warning("the registry of models cannot be read: %s", error)
        return sequence
    if sequence > newest:
        _log.warning(
            "the state knows of promotion %d, the registry of none after %d; what comes after "
            "that is heard",
            *(sequence, newest),
        )
    return min(sequence, newest)


def _promoted(start: InForce, loader: Loader, registry: Registry) -> tuple[Encoder, InForce]:
    """Load what is in force; where it is lost, what the registry now says is in force."""
    try:
        found = loader.load(start.version)
        if found.version == start.encoder:
            return found, start
        lost = ModelError(f"encoder {start.version} is another than the state was made with")
    except ModelError as error:
        lost = error
    newest = max(
        (one for one in registry.promotions() if one.kind == "encoder"),
        key=lambda one: one.sequence,
        default=None,
    )
    if newest is None or newest.version == start.version:
        raise InputError(
            f"the state goes on with {start.version}, which cannot be loaded ({lost}); put its "
            "files back, or go back with `penchant models rollback encoder`"
        ) from lost
    _log.error("%s; going on with what is in force now, %s", lost, newest.version or "the base")
    found = loader.load(newest.version)
    return found, start.after(Switch(newest.version, found.version, newest.sequence))


def _dim_of(config: Config, folder: Path) -> int:
    """Return the size of the vectors in a state that there is."""
    for shard in range(config.state.shards):
        store = Store.reader(folder, shard)
        if store is not None:
            with closing(store):
                return int(store.identity("dimensions") or 0)
    return 0


def _check_state(config: Config, folder: Path, base_encoder: str, dim: int) -> None:
    identity = identity_of(base_encoder, dim, config.learner)
    for shard in range(config.state.shards):
        Store.check(folder, config.state.shards, shard, identity)
