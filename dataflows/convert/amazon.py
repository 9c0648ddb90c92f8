"""Amazon reviews, one JSON object a line (the layouts of 2014 to 2018, and of 2023).

A review is an event with its text and stars. Titles come from a `meta_*` file
beside it, where there is one. The same user, product and time is the same review.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from dataflows.convert.draft import Draft, ItemLine, Log, Timed
from dataflows.convert.tables import find_beside, find_file, read_json_lines
from dataflows.convert.tally import RowRefused, Tally, read_number, read_word

ENDINGS = ("*.jsonl", "*.jsonl.gz", "*.json", "*.json.gz")


def open_log(path: Path, tally: Tally) -> Log:
    """Find the reviews and the meta file. Raises InputError without reviews."""
    file = find_file(path, ENDINGS, "Amazon reviews", but="meta_*")
    meta = find_beside(file, [f"meta_{ending}" for ending in ENDINGS])
    return Log(
        tally.each(file.name, read_json_lines(file, "a file of Amazon reviews", tally), _event),
        iter(()) if meta is None else _items(meta, tally),
        () if meta else ("There is no meta_*.json beside the reviews: no items.",),
    )


def _event(line: int, row: dict[str, Any]) -> Iterator[Timed]:  # noqa: ARG001 - one shape for all
    user = read_word(_cell(row, "reviewerID", "user_id"), "reviewerID")
    item = read_word(_cell(row, "asin", "parent_asin"), "asin")
    stars = read_number(_cell(row, "overall", "rating"), "overall")
    if "unixReviewTime" in row:
        ts = read_number(_cell(row, "unixReviewTime"), "unixReviewTime")
    else:
        ts = read_number(_cell(row, "timestamp"), "unixReviewTime") / 1000
    same = "\x1f".join((user, item, repr(ts)))
    draft = Draft(
        event_id=f"amazon-{blake2b(same.encode(), digest_size=10).hexdigest()}",
        user_id=user,
        type="review",
        item_id=item,
        text=_join(_cell(row, "summary", "title"), _cell(row, "reviewText", "text")),
        value=stars,
    )
    yield ts, draft


def _items(path: Path, tally: Tally) -> Iterator[ItemLine]:
    told: set[str] = set()
    for line, row in read_json_lines(path, "a meta file of Amazon products", tally):
        try:
            item = read_word(_cell(row, "asin", "parent_asin"), "asin")
        except RowRefused as refused:
            tally.refuse(path.name, line, refused.reason, refused.detail)
            continue
        if item not in told:
            told.add(item)
            yield _item(item, row)


def _item(item: str, row: dict[str, Any]) -> ItemLine:
    kinds = row.get("category") or row.get("categories") or row.get("main_category") or ()
    brand = _cell(row, "brand", "store")
    return ItemLine(
        item_id=item,
        title=_cell(row, "title") or "",
        text=_flat(row.get("description")) or None,
        categories=tuple(dict.fromkeys(_words(kinds))),
        attributes={"brand": brand} if brand else None,
    )


def _cell(row: dict[str, Any], *names: str) -> str | None:
    """Give the first of the fields that is there, as text; objects and lists are not text."""
    for name in names:
        found = row.get(name)
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
