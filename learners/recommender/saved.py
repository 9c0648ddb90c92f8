"""A recommender in a folder: one file of JSON that says what it is, one of records.

Nothing is pickled. The records are written under a name of their own (their digest) before the
JSON names them, and that takes the place of the one before in one step: whenever a save is cut
short, the folder holds the recommender of before, whole.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import msgspec

from learners.codec import DamagedError, StateError, pack, unpack_as
from learners.recommender.intake import Intake
from learners.recommender.vectors import version_of
from learners.settings import LearnerSettings
from learners.types import Item

FORMAT = "penchant-recommender"
VERSION = 1
MANIFEST = "recommender.json"
_KIND = "recommender"
_RECORDS = "records-*.msgpack"
_HALF = ".half"


class SavedRecords(msgspec.Struct, frozen=True):
    """Settings, version of the encoder, the catalogue with vectors, and the model's records.

    These are (kind, key, blob). `signals` are the names of those that were added.
    """

    learner: LearnerSettings
    encoder: str | None
    model: list[tuple[str, str, bytes]]
    items: list[Item]
    signals: tuple[str, ...] = ()


class SavedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in the JSON: what the folder is, and the file of records with its digest."""

    format: str
    version: int
    file: str
    bytes: int
    sha256: str


class _Head(msgspec.Struct, frozen=True):
    """What every version of the JSON begins with."""

    format: str
    version: int


def save(intake: Intake, folder: Path) -> None:
    """Write a recommender into a folder, over the one that it holds.

    Raises StateError for a folder that holds something else.
    """
    manifest = folder / MANIFEST
    if folder.exists() and not folder.is_dir():
        raise StateError(f"{folder} is a file; name a folder")
    if manifest.exists():
        _head(manifest)
    elif folder.exists() and {*folder.iterdir()} - _left(folder):
        raise StateError(
            f"{folder} holds something else, and no {MANIFEST}: name a new folder, or an empty one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    intake.store()
    model = intake.model
    items = [
        msgspec.structs.replace(item, vector=model.item_vector(item.item_id))
        for item in intake.catalogue.values()
    ]
    records = [(*name, kept) for name, kept in sorted(intake.records.records.items())]
    told = model.settings, version_of(intake.encoder)
    blob = pack(_KIND, VERSION, SavedRecords(*told, records, items, intake.signals))
    digest = sha256(blob).hexdigest()
    name = _RECORDS.replace("*", digest[:16])
    _replace(folder / name, blob)
    head = SavedHead(FORMAT, VERSION, name, len(blob), digest)
    _replace(manifest, msgspec.json.format(msgspec.json.encode(head)) + b"\n")
    for old in _left(folder) - {folder / name}:
        old.unlink(missing_ok=True)


def read(folder: Path) -> SavedRecords:
    """Read what `save` wrote. Raises StateError, in one line, for all else."""
    path = folder / MANIFEST
    if not path.is_file():
        raise StateError(f"{folder} holds no saved recommender: there is no {MANIFEST} in it")
    _head(path)
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=SavedHead)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError(f"{path} is damaged ({error}): take another copy") from None
    name = manifest.file
    if Path(name).name != name or not Path(name).match(_RECORDS):
        raise DamagedError(f"{path} is damaged (file is {name!r}): take another copy")
    try:
        blob = (folder / name).read_bytes()
    except FileNotFoundError:
        raise DamagedError(f"{folder / name} is missing: take another copy of {folder}") from None
    if len(blob) != manifest.bytes or sha256(blob).hexdigest() != manifest.sha256:
        raise DamagedError(
            f"{folder / name} is damaged ({len(blob)} bytes, which are not the {manifest.bytes} "
            f"that {MANIFEST} names): take another copy"
        )
    return unpack_as(blob, _KIND, VERSION, SavedRecords)


def restore(intake: Intake, folder: Path, records: SavedRecords) -> None:
    """Restore a recommender that is new.

    Raises StateError where it has other signals, and where a record is none.
    """
    check_same(folder, "signals", records.signals, intake.signals)
    intake.records.keep(records.model)
    try:
        intake.model.restore(intake.records.scan)
        for item in records.items:
            intake.restore_item(item)
    except StateError as error:
        raise DamagedError(f"{folder} is damaged: {error}") from error


def check_same(folder: Path, what: str, was: object, now: object) -> None:
    """Raise StateError where what was saved with one thing is given another."""
    if was != now:
        raise StateError(
            f"{folder} was saved with the {what} {was}, and {now} was handed in: hand in the same, "
            f"as in Recommender.load(folder, {what}=...)"
        )


def _head(path: Path) -> None:
    """Raise StateError where the JSON is of something else, or of another version."""
    try:
        head = msgspec.json.decode(path.read_bytes(), type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        head = None
    if head is None or head.format != FORMAT:
        raise StateError(f"{path} is no saved recommender: name another folder")
    if head.version != VERSION:
        raise StateError(
            f"{path} is of version {head.version}, and this release reads {VERSION}: use the "
            "release that saved it, or save it anew"
        )


def _left(folder: Path) -> set[Path]:
    """Return the files of records in a folder, also those that a save cut short left there."""
    return {*folder.glob(_RECORDS), *folder.glob(f".*{_HALF}")}


def _replace(path: Path, blob: bytes) -> None:
    """Write a file whole, or not at all."""
    half = path.with_name(f".{path.name}{_HALF}")
    try:
        with half.open("wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
