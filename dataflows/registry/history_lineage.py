"""What was in force, one after another: what a rollback goes back to, and gc must not remove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dataflows.registry.manifest import Kind, Manifest, Promotion
from dataflows.registry.manifest_ids import kind_of, number_of

BASE = ""
"""The model that the configuration names, which is in force before any promotion."""


def line_of(promotions: Iterable[Promotion], kind: Kind) -> list[str]:
    """List the versions a rollback can go back through, oldest first, last the one in force.

    A promotion adds one; a rollback takes away all that came after its target. Whatever
    records were lost, the newest one says what is in force.
    """
    line = [BASE]
    for promotion in promotions:
        if promotion.kind != kind:
            continue
        if promotion.action == "rollback":
            del line[max(1, len(line) - 1) :]  # the one in force is left, whatever comes
            while len(line) > 1 and line[-1] != promotion.version:
                line.pop()
        if line[-1] != promotion.version:
            line.append(promotion.version)
    return line


def to_keep(
    versions: Mapping[str, Manifest], lines: Mapping[Kind, list[str]], keep: int
) -> set[str]:
    """Choose the ids that must stay.

    The newest `keep` of each kind, the one in force, the one before it, and whatever an
    adapter that stays was trained upon.
    """
    chosen: set[str] = set()
    for kind, line in lines.items():
        own = sorted((id_ for id_ in versions if kind_of(id_) == kind), key=number_of)
        chosen.update(own[len(own) - keep :] if keep else [])
        chosen.update(line[-2:])
    queue = list(chosen)
    while queue:
        manifest = versions.get(queue.pop())
        if manifest is None or manifest.form != "adapter":
            continue
        needed = {manifest.base, *manifest.parents} & versions.keys() - chosen
        chosen |= needed
        queue.extend(needed)
    return chosen
