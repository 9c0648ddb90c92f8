"""One round of one model: split, train, judge, register, promote or refuse; resumable.

Each stage leaves a file in the round's folder, written aside and renamed, so that a round
that was killed goes on after the last stage that it finished. What it does to the registry
is looked up there before it is done again: a decision is kept once, a version made once.
"""

from __future__ import annotations

import shutil
import time as clock
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from dataflows.config.finetune import Kind
from dataflows.config.gate import GateSettings
from dataflows.errors import InputError, ModelError
from dataflows.finetune.gate import judge
from dataflows.finetune.tuner import Base, StageProgress, Stop, Tell, Trained, Tuner
from dataflows.finetune.window.window import Split, Window, split
from dataflows.registry.decisions import Evidence, GateDecision
from dataflows.registry.manifest import About, Manifest
from dataflows.registry.registry import Registry
from dataflows.state.private_files import write_private

CANDIDATE = "candidate"
TRAINED = "trained.msgpack"
JUDGED = "judged.msgpack"
TRAINABLE = {"encoder": "sentence-transformers", "language": "adapter"}

T = TypeVar("T")


class RoundSettings(msgspec.Struct, frozen=True):
    """What part of a window is never trained on, and the rules of the gate."""

    share: float = 0.2
    gate: GateSettings = GateSettings()


class _Kept(msgspec.Struct, frozen=True):
    """What was trained, and from which version, or model of the configuration."""

    base: str
    name: str
    trained: Trained


def run_round(
    window: Window,
    tuner: Tuner,
    registry: Registry,
    folder: Path,
    settings: RoundSettings,
    *,
    tell: Tell = lambda step: None,  # noqa: ARG005 - nobody listens
    stop: Stop = lambda: False,
    now: Callable[[], float] = clock.time,
) -> GateDecision:
    """Run a round to its decision, which is kept in the registry; promote where it says so.

    `folder` is the round's own: give the same one to go on with a round, and remove it when
    the decision is there. Raises `RoundStopped`, and what training and the registry raise
    (`refuse_round` makes a decision of that).
    """
    folder.mkdir(parents=True, exist_ok=True)
    decision = _read(folder / JUDGED, GateDecision)
    if decision is None:
        parted = split(window, settings.share)
        decision = _decide(parted, tuner, registry, folder, settings.gate, tell, stop)
        decision = msgspec.structs.replace(
            decision, time=now(), data=parted.span(), round=round_key(window)
        )
        write_private(folder / JUDGED, msgspec.msgpack.encode(decision))
    return _keep(decision, tuner.base_name, registry, folder)


def refuse_round(
    window: Window, settings: RoundSettings, reason: str, registry: Registry, time: float
) -> GateDecision:
    """Decide on a round that came to no model, such as one that crashed; the decision is kept."""
    decision = GateDecision(
        window.kind,
        "refuse",
        (reason,),
        Evidence(window.kind, 0, {}, None),
        time=time,
        data=split(window, settings.share).span(),
        round=round_key(window),
    )
    _decided_once(decision, registry)
    return decision


def _decided_once(decision: GateDecision, registry: Registry) -> None:
    """Keep a decision in the registry, unless that round's is there already."""
    if all(kept.round != decision.round for kept in registry.decisions()):
        registry.decide(decision)


def round_key(window: Window) -> str:
    """Name a round for ever: its kind, its number and its last event."""
    last = window.events[-1].event_id if window.events else ""
    return f"{window.kind}-{window.number}-{last}"


def base_of(kind: Kind, name: str, registry: Registry) -> Base:
    """Return the model in force in the form that can be trained on.

    For a compressed one that is the version that it was made from. An adapter of another model
    than `name` is of no use: a round then begins from that model. Raises ModelError.
    """
    manifest = registry.current(kind)
    while manifest is not None and manifest.form != TRAINABLE[kind]:
        manifest = registry.get(manifest.parents[0]) if manifest.parents else None
    is_foreign = kind == "language" and manifest is not None and manifest.base != name
    if manifest is None or is_foreign:
        return Base("", name, None)
    return Base(manifest.id, manifest.base or name, registry.fetch(manifest.id))


def _decide(
    parted: Split,
    tuner: Tuner,
    registry: Registry,
    folder: Path,
    gate: GateSettings,
    tell: Tell,
    stop: Stop,
) -> GateDecision:
    """Train and judge."""
    base = base_of(tuner.kind, tuner.base_name, registry)
    if not parted.train or not parted.newest:
        reason = f"too little: {len(parted.train)} events to train on, {len(parted.newest)} new"
        return GateDecision(
            tuner.kind, "refuse", (reason,), Evidence(tuner.kind, 0, {}, None), against=base.version
        )
    trained = _train(parted, tuner, base, folder, tell, stop)
    tell(StageProgress("measuring"))
    evidence = tuner.measure(parted, base, folder / CANDIDATE, trained, tell, stop)
    return msgspec.structs.replace(judge(evidence, gate), against=base.version)


def _train(
    parted: Split, tuner: Tuner, base: Base, folder: Path, tell: Tell, stop: Stop
) -> Trained:
    """Train, or take up what was trained before from the same base."""
    kept = _read(folder / TRAINED, _Kept)
    if kept is not None and kept.base == base.version and (folder / CANDIDATE).is_dir():
        return kept.trained
    aside = folder / "aside"
    for left in (aside, folder / CANDIDATE):
        shutil.rmtree(left, ignore_errors=True)
    tell(StageProgress("training"))
    trained = tuner.train(parted, base, aside, tell, stop)
    aside.rename(folder / CANDIDATE)
    kept = _Kept(base.version, base.name, trained)
    write_private(folder / TRAINED, msgspec.msgpack.encode(kept))
    return trained


def _keep(decision: GateDecision, name: str, registry: Registry, folder: Path) -> GateDecision:
    """Register and promote where the gate said so; then keep the decision."""
    if decision.is_promoted:
        manifest = _registered(decision, registry, folder)
        decision = msgspec.structs.replace(decision, candidate=manifest.id)
        refusal = _promote(decision, name, registry)
        if refusal is not None:
            decision = msgspec.structs.replace(decision, verdict="refuse", reasons=(refusal,))
    _decided_once(decision, registry)
    return decision


def _promote(decision: GateDecision, name: str, registry: Registry) -> str | None:
    """Promote, once; say why not where it cannot be."""
    if any(done.version == decision.candidate for done in registry.promotions()):
        return None
    try:
        now = base_of(decision.kind, name, registry).version
        if now != decision.against:
            return f"{now or 'the configured model'} came into force while the round went on"
        registry.promote(decision.candidate, _why(decision), decision.time)
    except ModelError as error:
        return str(error)
    return None


def _registered(decision: GateDecision, registry: Registry, folder: Path) -> Manifest:
    """Make the version, or find the one that this round made before it was killed."""
    for manifest in reversed(registry.versions(decision.kind)):
        if manifest.data.get("round") == decision.round:
            return manifest
    kept = _read(folder / TRAINED, _Kept)
    if kept is None:
        raise InputError(f"{folder}: the round was judged, but what it trained is gone; remove it")
    trained = kept.trained
    about = About(
        base=trained.needs or decision.against or kept.name,
        form=trained.form,
        fingerprint=trained.fingerprint,
        made=decision.time,
        parents=(decision.against,) if decision.against else (),
        dim=trained.dim,
        data={**decision.data, "round": decision.round},
        settings=trained.settings,
        figures=msgspec.to_builtins(decision.evidence.figures),
        gate={"verdict": decision.verdict, "reasons": list(decision.reasons)},
    )
    return registry.add(decision.kind, folder / CANDIDATE, about)


def _why(decision: GateDecision) -> str:
    figure = decision.evidence.figures.get("log_rank")
    return f"gate: -log2(rank) {figure.gain:+.3f}" if figure else "gate"


def _read(path: Path, kind: type[T]) -> T | None:
    return msgspec.msgpack.decode(path.read_bytes(), type=kind) if path.is_file() else None
