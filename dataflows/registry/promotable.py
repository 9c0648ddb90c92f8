"""What may not be promoted: what the gate did not let through, and what does not fit."""

from __future__ import annotations

from dataflows.errors import ModelError
from dataflows.registry.manifest import PROMOTE, Manifest


def refuse_unjudged(manifest: Manifest) -> None:
    """Raise ModelError, with its reasons, where the gate did not say "promote"."""
    if manifest.verdict == PROMOTE:
        return
    if manifest.gate is None:
        raise ModelError(
            f"version {manifest.id} was never judged by the gate; promote it with --anyway if "
            "you know better"
        )
    reasons = "; ".join(map(str, manifest.gate.get("reasons", ()))) or "no reason is on record"
    raise ModelError(
        f"the gate refused version {manifest.id}: {reasons}; promote it with --anyway if you "
        "know better"
    )


def refuse_misfit(manifest: Manifest, other: Manifest | None) -> None:
    """Raise ModelError where the vectors of two versions differ in size.

    An adapter of another base is of no concern here: its `dim` is its base's.
    """
    if other is None or None in {manifest.dim, other.dim} or manifest.form == "adapter":
        return
    if manifest.dim != other.dim:
        raise ModelError(
            f"version {manifest.id} has {manifest.dim} dimensions, {other.id} has {other.dim}: "
            "what is stored could not go on beside it; make it of the same size"
        )
