"""Records of the topic `items`: what can be recommended, and what no longer can."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dataflows.config.events import EventSettings
from dataflows.messages.fields import JsonId, read_id, read_text
from dataflows.messages.numbers import fit
from dataflows.messages.raw import Raw, Reason, Refused, Reject
from dataflows.messages.strict_json import Field, RecordReader, check_depth, is_id, is_text

MOST_CATEGORIES = 100


class ItemRecord(msgspec.Struct, frozen=True, gc=False):
    """One thing that can be recommended, as the catalogue's topic tells it.

    `title` is "" where the record has a blank one. `categories` are in the order
    given, each once. `cut` tells of title and text together, `repaired` of `attributes` too.
    """

    item_id: str
    title: str
    text: str | None = None
    categories: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    available: bool = True
    cut: bool = False
    repaired: bool = False


class RemovedItem(msgspec.Struct, frozen=True, gc=False):
    """An item that left the catalogue: its key came with a null value."""

    item_id: str


class ItemJson(msgspec.Struct, gc=False):
    """Topic `items`, keyed by item id: one thing that can be recommended.

    A null value (no object at all) removes the item that the key names.
    """

    item_id: Annotated[JsonId, Meta(description="An id.")]
    title: Annotated[int | float | str, Meta(description="What people call it. May be blank.")]
    text: Annotated[int | float | str | None, Meta(description="What it is, in sentences.")] = None
    categories: Annotated[
        list[int | str] | int | str | None,
        Meta(description="At most 100, or one alone. The order is kept, each counts once."),
    ] = None
    attributes: Annotated[
        dict[str, Any] | None,
        Meta(description="Anything else, nested as deep as the settings say. Not learnt from."),
    ] = None
    available: Annotated[
        bool | None, Meta(description="false: known, but not recommended. Left out: true.")
    ] = None


def _is_categories(found: object) -> bool:
    return is_id(found) or (isinstance(found, list) and all(map(is_id, found)))


_READER = RecordReader(
    ItemJson,
    {
        "item_id": Field("a string or an integer", is_id, required=True, reason=Reason.BAD_ID),
        "title": Field("a string", is_text, required=True),
        "text": Field("a string", is_text),
        "categories": Field(
            "a list of strings: of objects one field, such as their names, of lists one string "
            "each",
            _is_categories,
        ),
        "attributes": Field("an object", lambda found: isinstance(found, dict)),
        "available": Field("true or false, bare", lambda found: isinstance(found, bool)),
    },
)


def decode_item(raw: Raw, settings: EventSettings) -> ItemRecord | RemovedItem | Reject:
    """Return the item in `raw`; a null value removes the item that the key names. Never raises."""
    try:
        if raw.value is None:
            return RemovedItem(_removed(raw.key, settings.max_id_chars))
        wire = _READER.read(raw.value, settings.max_record_bytes)
        return _item(wire, raw.value, settings)
    except Refused as refused:
        return Reject(raw, refused.reason, refused.detail)


def _item(wire: ItemJson, value: bytes, settings: EventSettings) -> ItemRecord:
    title, title_cut, title_repaired = read_text(wire.title, settings.max_title_chars)
    text, text_cut, text_repaired = read_text(wire.text, settings.max_text_chars)
    attributes, was_mended = wire.attributes or {}, False
    if attributes:
        check_depth(attributes, "attributes", value, settings.max_depth)
        attributes, was_mended = fit(attributes, value)
    return ItemRecord(
        read_id(wire.item_id, "item_id", settings.max_id_chars),
        title or "",
        text,
        _categories(wire.categories, settings.max_title_chars),
        attributes,
        wire.available is not False,
        title_cut or text_cut,
        title_repaired or text_repaired or was_mended,
    )


def _categories(found: list[int | str] | int | str | None, limit: int) -> tuple[str, ...]:
    if found is None:
        return ()
    if not isinstance(found, list):
        found = [found]
    if len(found) > MOST_CATEGORIES:
        raise Refused(
            Reason.BAD_FIELD, f"categories has {len(found)} entries; the limit is {MOST_CATEGORIES}"
        )
    names = (read_text(name, limit)[0] for name in found)
    return tuple(dict.fromkeys(name for name in names if name))


def _removed(key: bytes | None, limit: int) -> str:
    """Read the key of a removal: the item id itself, as bare UTF-8 text, not as JSON."""
    if not key:
        raise Refused(Reason.BAD_KEY, "a null value removes an item, but the record has no key")
    try:
        return read_id(key.decode(), "the key", limit)
    except UnicodeDecodeError as error:
        raise Refused(
            Reason.BAD_KEY, "a null value's key is not UTF-8; it must be the item id"
        ) from error
    except Refused as refused:
        raise Refused(Reason.BAD_KEY, refused.detail) from refused
