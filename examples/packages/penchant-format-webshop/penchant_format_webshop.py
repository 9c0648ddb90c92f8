"""The log of a web shop: clicks.tsv, and products.tsv where it lies beside it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import find_beside, find_file
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import Tally, read_key, read_moment, read_word

CLICKS = Layout(
    "clicks.tsv of a web shop",
    ("time", "visitor", "action", "sku"),
    {
        "time": "ts",
        "visitor": "user_id",
        "action": "type",
        "sku": "item_id",
        "query": "text",
        "visit": "session_id",
    },
    ("visitor", "sku"),
    delimiter="\t",
    quoted=False,
)
PRODUCTS = Layout(
    "products.tsv of a web shop",
    ("sku", "name"),
    {"sku": "item_id", "name": "title", "shelf": "categories", "price": "attributes.price"},
    ("sku",),
    delimiter="\t",
    quoted=False,
)


def open_log(path: Path, tally: Tally) -> Log:
    """Find clicks.tsv and, beside it, products.tsv. Raises InputError without clicks."""
    file = find_file(path, ("clicks.tsv",), "a web shop's log")
    rows = read_table(file, CLICKS, tally)
    events = tally.each(file.name, rows, partial(_event, file.name, tally))
    products = find_beside(file, ("products.tsv",))
    if products is None:
        return Log(events, iter(()), ("There is no products.tsv beside it: no items.",))
    return Log(events, tally.items(products.name, read_table(products, PRODUCTS, tally), _item))


def _event(file: str, tally: Tally, line: int, row: Cells) -> Iterator[Timed]:
    yield (
        read_moment(row["time"], "time"),
        Draft(
            event_id=f"webshop-{line}",
            user_id=read_key(row["visitor"], "visitor"),
            type=read_key(row["action"], "action"),
            item_id=tally.optional(file, "sku", row["sku"], read_key),
            text=row.get("query", "").strip() or None,
            session_id=tally.optional(file, "visit", row.get("visit"), read_key),
        ),
    )


def _item(row: Cells) -> ItemLine:
    price = row.get("price", "").strip()
    return ItemLine(
        item_id=read_key(row["sku"], "sku"),
        title=read_word(row["name"], "name"),
        categories=tuple(filter(None, (row.get("shelf", "").strip(),))),
        attributes={"price": price} if price else None,
    )
