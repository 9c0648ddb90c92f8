"""Bytes of a record that know where they lie, so that an error about them can say so."""

from __future__ import annotations

from typing import Self

KEY_CHARACTERS = 60


class RecordBytes(bytes):
    """The bytes of the record (`kind`, `key`) in the file `file`; equal to the bytes alone."""

    file: str
    kind: str
    key: str

    def __new__(cls, value: bytes, file: str, kind: str, key: str) -> Self:
        """Wrap the bytes."""
        stored = super().__new__(cls, value)
        stored.file, stored.kind, stored.key = file, kind, key
        return stored

    @property
    def where(self) -> str:
        """The file and the record, as an error begins."""
        return where(self.file, self.kind, self.key)


def where(file: object, kind: str, key: str) -> str:
    """Name a record: its file, its kind, and its key, which is cut where it is long."""
    short = key if len(key) <= KEY_CHARACTERS else key[:KEY_CHARACTERS] + "..."
    return f"{file}: the record {kind} {short!r}"


def prefix(blob: bytes) -> str:
    """Return what an error about these bytes begins with, "" where it is not known."""
    return f"{blob.where}: " if isinstance(blob, RecordBytes) else ""
