"""Amazon reviews, one JSON object a line (the layouts of 2014 to 2018, and of 2023).

A review is an event with its text and stars. Titles come from a `meta_*` file
beside it, where there is one. The same user, product and time is the same review.

A product has variants (sizes, colours): reviews of 2023 name the variant in `asin` and the
product in `parent_asin`, the meta file of 2023 the product alone, and all of 2018 have `asin`
alone. Events and items are named by the product, or by `asin` where the meta file has no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import find_beside, find_file
from dataflows.datasets.rows.json_rows import read_json_lines
from dataflows.datasets.rows.tally import Tally, check_time, read_key, read_number, read_seconds

ENDINGS = ("*.jsonl", "*.json")
REVIEWS = "a file of Amazon reviews"
META = "a meta file of Amazon products"
SUMS = "left out: it sums up all reviews, later ones too"
EVENT_USES = {
    "reviewerID": "user_id",
    "user_id": "user_id",
    "overall": "value",
    "rating": "value",
    "unixReviewTime": "ts",
    "timestamp": "ts, milliseconds",
    "reviewTime": "left out: it is in unixReviewTime",
    "summary": "text",
    "title": "text",
    "reviewText": "text",
    "text": "text",
    "helpful_vote": SUMS,
    "vote": SUMS,
    "helpful": SUMS,
}
ITEM_USES = {
    "title": "title",
    "description": "text",
    "features": "text",
    "feature": "text",
    "category": "categories",
    "categories": "categories",
    "main_category": "categories where there are no others",
    "brand": "attributes.brand",
    "store": "attributes.brand",
    "price": "attributes.price",
    "average_rating": SUMS,
    "rating_number": SUMS,
}
SCALARS = ("summary", "title", "reviewText", "text", "brand", "store", "price")
"""What is one word or number; a list or an object there cannot be read."""

BY_PRODUCT = ("parent_asin", "asin")
BY_ASIN = ("asin", "parent_asin")


def open_log(path: Path, tally: Tally) -> Log:
    """Find the reviews and the meta file. Raises InputError without reviews."""
    file = find_file(path, ENDINGS, "Amazon reviews", but="meta_*")
    meta = find_beside(file, [f"meta_{ending}" for ending in ENDINGS])
    names = BY_PRODUCT if meta is None or _has_products(meta, tally) else BY_ASIN
    uses = EVENT_USES | _id_uses(names, "context.asin where it differs")
    rows = read_json_lines(file, REVIEWS, uses, tally)
    return Log(
        tally.each(file.name, rows, partial(_event, file.name, names, tally)),
        iter(()) if meta is None else _items(meta, names, tally),
        () if meta else ("There is no meta_*.json beside the reviews: no items.",),
    )


def _id_uses(names: tuple[str, str], other: str) -> dict[str, str]:
    if names == BY_ASIN:
        return {"asin": "item_id", "parent_asin": "item_id where there is no asin"}
    return {"parent_asin": "item_id", "asin": f"item_id where there is no parent_asin, {other}"}


def _has_products(meta: Path, tally: Tally) -> bool:
    """Return whether the meta file names products, by its first id: all are of one shape."""
    for _, row in read_json_lines(meta, META, {}, Tally(tally.encoding)):
        if _cell(row, "parent_asin", "asin") is not None:
            return _cell(row, "parent_asin") is not None
    return False


def _event(
    file: str,
    names: tuple[str, str],
    tally: Tally,
    line: int,  # noqa: ARG001 - one shape for all formats
    row: dict[str, Any],
) -> Iterator[Timed]:
    _count_unreadable(file, row, tally)
    user = read_key(*_needed(row, "reviewerID", "user_id"))
    item = read_key(*_needed(row, *names))
    stars = read_number(*_needed(row, "overall", "rating"))
    if "unixReviewTime" in row:
        ts = read_seconds(*_needed(row, "unixReviewTime"))
    else:
        ts = check_time(read_number(*_needed(row, "timestamp")) / 1000, "timestamp")
    variant = _cell(row, *BY_ASIN) or item
    same = "\x1f".join((user, variant, repr(ts)))
    draft = Draft(
        event_id=f"amazon-{blake2b(same.encode(), digest_size=10).hexdigest()}",
        user_id=user,
        type="review",
        item_id=item,
        text=_join(_cell(row, "summary", "title"), _cell(row, "reviewText", "text")),
        value=stars,
        context={"asin": variant} if variant != item and names == BY_PRODUCT else None,
    )
    yield ts, draft


def _items(path: Path, names: tuple[str, str], tally: Tally) -> Iterator[ItemLine]:
    uses = ITEM_USES | _id_uses(names, "not read else")
    rows = read_json_lines(path, META, uses, tally)
    return tally.items(path.name, rows, partial(_item, path.name, names, tally))


def _item(file: str, names: tuple[str, str], tally: Tally, row: dict[str, Any]) -> ItemLine:
    _count_unreadable(file, row, tally)
    kinds = row.get("category") or row.get("categories") or row.get("main_category") or ()
    parts = [_flat(row.get(name)) for name in ("description", "features", "feature")]
    attributes = {
        "brand": _cell(row, "brand", "store"),
        "price": tally.optional(file, "price", _cell(row, "price"), _price),
    }
    return ItemLine(
        item_id=read_key(*_needed(row, *names)),
        title=_cell(row, "title") or "",
        text=" ".join(filter(None, parts)) or None,
        categories=tuple(dict.fromkeys(_words(kinds))),
        attributes={name: value for name, value in attributes.items() if value} or None,
    )


def _count_unreadable(file: str, row: dict[str, Any], tally: Tally) -> None:
    for name in SCALARS:
        if isinstance(row.get(name), list | dict):
            tally.columns.spoilt(file, name, str(row[name]))


def _price(cell: str, column: str) -> float:
    return read_number(cell.strip().removeprefix("$").replace(",", ""), column)


def _needed(row: dict[str, Any], *names: str) -> tuple[str | None, str]:
    """Return the first of the fields that is there, and its name (the last, if there is none)."""
    name = next((name for name in names if _cell(row, name) is not None), names[-1])
    return _cell(row, name), name


def _cell(row: dict[str, Any], *names: str) -> str | None:
    """Return the first of the fields that is there, as text; objects and lists are not text."""
    for name in names:
        found = row.get(name)
        if isinstance(found, float) and found.is_integer():
            return str(int(found))
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            return str(found)
    return None


def _words(found: Any) -> list[str]:
    if isinstance(found, str):
        return [found] if found.strip() else []
    return [word for part in found for word in _words(part)] if isinstance(found, list) else []


def _flat(found: Any) -> str:
    return " ".join(_words(found))


def _join(summary: str | None, text: str | None) -> str | None:
    parts = [part.strip() for part in (summary, text) if part and part.strip()]
    if len(parts) == 2 and parts[0][-1] not in ".!?":
        parts[0] += "."
    return " ".join(parts) or None
