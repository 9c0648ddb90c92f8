"""A smaller form of an encoder as a version of its own, judged against the one it came from."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from dataflows.config.gate import GateSettings
from dataflows.errors import ModelError
from dataflows.finetune.gate import judge
from dataflows.finetune.preconditions import is_trainable
from dataflows.finetune.tuner import Base, StageProgress, Stop, Tell, Trained
from dataflows.finetune.window.window import Split
from dataflows.registry.decisions import Evidence, GateDecision, TrainingHealth
from dataflows.registry.manifest import About, Manifest
from dataflows.registry.registry import Registry
from encoders.base import Encoder
from encoders.load import load_encoder

SmallForm = Literal["int8", "static"]

BASE_NAME = "base"
"""What the encoder that the configuration names is called on the command line."""
UNTRAINED = TrainingHealth(finite=True, steps=0, changed=0.0, targets=0)


class Measurer(Protocol):
    """What compares two encoders on the newest events: the tuner of encoders."""

    def folder(self, base: Base) -> Path:
        """Return the folder of a model, also of the configured one."""
        ...

    def measure(
        self, parted: Split, base: Base, folder: Path, trained: Trained, tell: Tell, stop: Stop
    ) -> Evidence:
        """See `Tuner.measure`."""
        ...


def source_of(registry: Registry, version: str, configured: str) -> Base:
    """Find what is to be compressed: a version, or `base` for the configured encoder.

    Raises ModelError for what is no sentence-transformer.
    """
    if version == BASE_NAME:
        if not is_trainable(configured):
            raise ModelError(
                f"the configured encoder {configured!r} cannot be compressed: name a version, or "
                "set encoder.name to packaged, a folder or a hub name"
            )
        return Base("", configured, None)
    manifest = registry.get(version)
    if manifest.form != "sentence-transformers":
        raise ModelError(
            f"version {manifest.id} is {manifest.form}: compress the one it was made from"
            + (f", {manifest.parents[0]}" if manifest.parents else "")
        )
    return Base(manifest.id, manifest.base, registry.fetch(manifest.id))


def compress(
    base: Base,
    form: SmallForm,
    parted: Split,
    registry: Registry,
    measurer: Measurer,
    gate: GateSettings,
    tell: Tell = lambda step: None,  # noqa: ARG005 - nobody listens
) -> tuple[Manifest, GateDecision]:
    """Make the smaller form, judge it, and add it to the registry whatever the verdict.

    The gate asks that nothing is lost, not that anything is won. Promotes nothing. Raises
    ModelError, EncoderError, and what measuring raises.
    """
    with tempfile.TemporaryDirectory(prefix="penchant-compress-") as scratch:
        folder = Path(scratch) / form
        tell(StageProgress(f"compressing to {form}"))
        made = _make(measurer.folder(base), form, folder)
        trained = Trained(UNTRAINED, form, made.version, made.dim)
        tell(StageProgress("measuring"))
        evidence = measurer.measure(parted, base, folder, trained, tell, lambda: False)
        evidence = msgspec.structs.replace(evidence, health=None)
        decision = msgspec.structs.replace(
            judge(evidence, gate, goal="keep"),
            against=base.version,
            time=time.time(),
            data=parted.span(),
        )
        manifest = registry.add("encoder", folder, _about(base, trained, decision))
    decision = msgspec.structs.replace(decision, candidate=manifest.id)
    registry.decide(decision)
    return manifest, decision


def _make(source: Path, form: SmallForm, folder: Path) -> Encoder:
    if form == "int8":
        from encoders.compression.int8 import compress_int8

        return compress_int8(source, folder)
    from encoders.compression.static import distil_static

    # Of its source's size, so that it can take its place where vectors are stored.
    return distil_static(folder, source, load_encoder(str(source)).dim)


def _about(base: Base, trained: Trained, decision: GateDecision) -> About:
    return About(
        base=base.version or base.name,
        form=trained.form,
        fingerprint=trained.fingerprint,
        made=decision.time,
        parents=(base.version,) if base.version else (),
        dim=trained.dim,
        data=dict(decision.data),
        figures=msgspec.to_builtins(decision.evidence.figures),
        gate={"verdict": decision.verdict, "reasons": list(decision.reasons)},
    )
