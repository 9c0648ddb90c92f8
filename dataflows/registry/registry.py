"""The registry: immutable versions of models, which of them is in force, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.errors import ModelError
from dataflows.registry import history
from dataflows.registry.decisions import GateDecision
from dataflows.registry.download import default_cache, fetch
from dataflows.registry.history import BASE, line_of, to_keep
from dataflows.registry.manifest import (
    KINDS,
    About,
    Kind,
    Manifest,
    Promotion,
    check_name,
    kind_of,
    make_id,
)
from dataflows.registry.manifest_files import half_written, list_manifests, place, read_manifest
from dataflows.registry.promotable import refuse_misfit, refuse_unjudged
from dataflows.registry.storage import ASIDE, open_shelf
from dataflows.registry.verify import check_folder, check_weights, facts_of

ABANDONED = 3600.0
"""Seconds without a change after which what is half-written counts as left behind."""

_log = logging.getLogger(__name__)


class Registry:
    """Immutable versions of models under one root, and the promotions that put them in force.

    Arguments:
        root: a folder, or a URL of a store that fsspec knows.
        cache: the local folder for versions of a root that is not a folder; the user's cache
            folder where None.

    Several processes may use one root at once: numbers are taken by creating a file that is
    not there yet. Raises ModelError where no store is known for `root`.
    """

    def __init__(self, root: str | Path, cache: Path | None = None) -> None:
        self._shelf = open_shelf(root)
        self._reported: set[str] = set()
        self._cache = default_cache(str(root)) if cache is None else cache

    def add(self, kind: Kind, folder: Path, about: About) -> Manifest:
        """Add a copy of the saved model in `folder` as a new version, and return its manifest.

        Raises ModelError for a folder that is empty, holds weights that are not whole or not
        of the size in `about`, or files that could run code; nothing is kept then.
        """
        if about.name:
            self._refuse_taken(about.name)
        files = facts_of(folder)
        fields = msgspec.structs.asdict(about)
        draft = Manifest(**fields, kind=kind, id=str(folder), files=files)
        check_weights(folder, draft)
        taken = msgspec.json.encode({"fingerprint": about.fingerprint})
        # Numbers from 1 on, as people count.
        number = history.append(self._shelf, f"numbers/{kind}", lambda _: taken) + 1
        made = msgspec.structs.replace(draft, id=make_id(kind, number, files))
        written = msgspec.json.format(msgspec.json.encode(made))
        self._shelf.publish(folder, list(files), written, place(made.id))
        return made

    def versions(self, kind: Kind | None = None) -> list[Manifest]:
        """List the versions by kind and number. A damaged manifest is left out and logged."""
        return list_manifests(self._shelf, kind)

    def get(self, version: str) -> Manifest:
        """Return the manifest of an id, or of a name that was given. Raises ModelError."""
        manifest = read_manifest(self._shelf, version)
        if manifest is None and version and kind_of(version) is None:
            manifest = next((one for one in self.versions() if one.name == version), None)
        if manifest is None:
            raise ModelError(
                f"there is no version {version!r}: `penchant models list` shows those there are"
            )
        return manifest

    def fetch(self, version: str, into: Path | None = None) -> Path:
        """Return a local folder with the version, every file of it verified.

        A registry in a folder gives its own copy, which must not be changed. With `into`, or
        where the root is elsewhere, it is copied to a folder of its id in there, once.
        Raises ModelError for what is unknown, missing a file, cut off, changed, or of another
        size than its manifest says.
        """
        manifest = self.get(version)
        own = self._shelf.here(place(manifest.id))
        if own is None or into is not None:
            return fetch(self._shelf, manifest, into or self._cache)
        check_folder(own, manifest)
        return own

    def current(self, kind: Kind) -> Manifest | None:
        """Return the version in force; None for the model that the configuration names."""
        version = self.line(kind)[-1]
        return None if version == BASE else self.get(version)

    def line(self, kind: Kind) -> list[str]:
        """List the ids a rollback can go back through, the last in force; first "", the base."""
        return line_of(self.promotions(), kind)

    def promote(self, version: str, reason: str, time: float, *, anyway: bool = False) -> Promotion:
        """Put a version in force, after its files were verified; `time` in seconds since 1970.

        Raises ModelError where the gate refused it or never judged it (unless `anyway`), it is
        damaged, in force already, or its vectors have another size than those in force.
        """
        manifest = self.get(version)
        if not anyway:
            refuse_unjudged(manifest)
        self.fetch(manifest.id)

        def made(sequence: int) -> Promotion:
            previous = self.line(manifest.kind)[-1]
            if previous == manifest.id:
                raise ModelError(f"version {manifest.id} is in force already")
            for other in (previous, *manifest.parents):
                refuse_misfit(manifest, read_manifest(self._shelf, other))
            return Promotion(
                sequence=sequence,
                kind=manifest.kind,
                version=manifest.id,
                previous=previous,
                action="promote",
                reason=reason,
                time=time,
            )

        return self._record(made)

    def rollback(self, kind: Kind, reason: str, time: float, to: str | None = None) -> Promotion:
        """Put the version in force that was before this one, or an earlier one: `to`.

        "" is the model that the configuration names. Versions that are no longer there are
        passed over. Raises ModelError where there is nothing to go back to, or it is damaged.
        """
        wanted = to if to is None or to == BASE else self.get(to).id

        def made(sequence: int) -> Promotion:
            line = self.line(kind)
            return Promotion(
                sequence=sequence,
                kind=kind,
                version=self._earlier(kind, line, wanted),
                previous=line[-1],
                action="rollback",
                reason=reason,
                time=time,
            )

        return self._record(made)

    def promotions(self, after: int = -1) -> list[Promotion]:
        """List promotions and rollbacks with a sequence number above `after`, oldest first.

        One that says it is another than its file does is logged and left out: a number that is
        too high would make all later ones unheard.
        """
        found = history.records(self._shelf, "promotions", Promotion, after, self._reported)
        for number, promotion in found.items():
            if promotion.sequence != number and str(number) not in self._reported:
                self._reported.add(str(number))
                _log.warning(
                    "promotion %d is passed over: it says that it is %d",
                    *(number, promotion.sequence),
                )
        return [one for number, one in found.items() if one.sequence == number]

    def newest_promotion(self) -> int:
        """Return the number of the newest promotion or rollback, -1 where there is none."""
        return max(history.numbers(self._shelf, "promotions"), default=-1)

    def decide(self, decision: GateDecision) -> int:
        """Keep a decision of the gate, whatever it says; return its sequence number."""
        written = msgspec.json.encode(decision)
        return history.append(self._shelf, "decisions", lambda _: written)

    def newest_decision(self) -> int:
        """Return the number of the newest decision of the gate, -1 where there is none."""
        return max(history.numbers(self._shelf, "decisions"), default=-1)

    def decisions(self, after: int = -1) -> list[GateDecision]:
        """List the decisions of the gate with a number above `after`, oldest first."""
        return list(
            history.records(self._shelf, "decisions", GateDecision, after, self._reported).values()
        )

    def gc(self, keep: int, abandoned: float = ABANDONED) -> list[str]:
        """Remove versions and return their ids; decisions and promotions stay.

        The newest `keep` of each kind stay, the one in force and the one before it, and what
        an adapter that stays needs. Half-written versions go once nothing in them has changed
        for `abandoned` seconds. Raises ModelError for a negative `keep`.
        """
        if keep < 0:
            raise ModelError(f"{keep} versions cannot be kept: the least is 0")
        versions = {manifest.id: manifest for manifest in self.versions()}
        staying = to_keep(versions, {kind: self.line(kind) for kind in KINDS}, keep)
        gone = [version for version in versions if version not in staying]
        for version in gone:
            self._shelf.discard(place(version))
        asides = [f"{ASIDE}/{name}" for name in self._shelf.names(ASIDE)]
        for path in half_written(self._shelf) + asides:
            if self._shelf.age(path) >= abandoned:
                self._shelf.discard(path)
        return gone

    def _record(self, make: Callable[[int], Promotion]) -> Promotion:
        made: list[Promotion] = []

        def written(sequence: int) -> bytes:
            made.append(make(sequence))
            return msgspec.json.encode(made[-1])

        history.append(self._shelf, "promotions", written)
        return made[-1]

    def _earlier(self, kind: Kind, line: list[str], wanted: str | None) -> str:
        """Choose what to go back to, verified."""
        earlier = [old for old in line[:-1] if old == BASE or read_manifest(self._shelf, old)]
        now = line[-1] or "the configured model"
        if not earlier:
            raise ModelError(f"{kind}: {now} is in force, and nothing was before it")
        if wanted == line[-1]:
            raise ModelError(f"{kind}: {now} is in force already")
        if wanted is not None and wanted not in earlier:
            raise ModelError(
                f"{kind}: {wanted} was not in force before {now}; go back to one of "
                f"{', '.join(old or 'base' for old in earlier)}, or promote it"
            )
        version = earlier[-1] if wanted is None else wanted
        if version != BASE:
            self.fetch(version)
        return version

    def _refuse_taken(self, name: str) -> None:
        check_name(name)
        if any(one.name == name for one in self.versions()):
            raise ModelError(f"there is a version called {name!r} already: choose another name")


def open_registry(config: Config) -> Registry:
    """Open the registry of this configuration; an empty one where there is none yet.

    Raises ModelError where its root cannot be opened.
    """
    root = config.models.root or str(Path(config.state.path) / "models")
    cache = config.models.cache
    return Registry(root, None if cache is None else Path(cache))
