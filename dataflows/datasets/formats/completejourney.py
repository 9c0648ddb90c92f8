"""The Complete Journey (groceries): a row of a receipt is a purchase; a basket is a session."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import find_beside, find_file
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import Tally, read_key, read_moment, read_number, read_whole

ROWS = Layout(
    "transactions of completejourney",
    ("household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"),
    {
        "household_id": "user_id",
        "product_id": "item_id",
        "basket_id": "session_id",
        "sales_value": "value",
        "transaction_timestamp": "ts",
        "quantity": "context.quantity",
        "store_id": "context.store",
        "week": "left out: it is in the time",
    },
    ("household_id", "basket_id", "product_id", "store_id"),
)
PRODUCTS = Layout(
    "products of completejourney",
    ("product_id", "department", "brand", "product_category", "product_type", "package_size"),
    {
        "product_id": "item_id",
        "product_type": "title",
        "product_category": "categories, text",
        "department": "categories, text",
        "brand": "text, attributes.brand",
        "package_size": "attributes.package_size",
    },
    ("product_id",),
)
TABLES = ("csv", "parquet")


def open_log(path: Path, tally: Tally) -> Log:
    """Find transactions* and, beside it, products*. Raises InputError without transactions."""
    rows = find_file(path, [f"transactions*.{kind}" for kind in TABLES], "completejourney")
    products = find_beside(rows, [f"products*.{kind}" for kind in TABLES])
    bought: set[str] = set()
    make = partial(_event, rows.name, bought, tally)
    events = tally.each(rows.name, read_table(rows, ROWS, tally), make)
    if products is None:
        return Log(events, iter(()), ("There is no products table beside it: no items.",))
    return Log(
        events,
        tally.items(products.name, read_table(products, PRODUCTS, tally), partial(_item, bought)),
        ("Items are the products that were bought; the others are left out.",),
    )


def _event(file: str, bought: set[str], tally: Tally, line: int, row: Cells) -> Iterator[Timed]:
    item = read_key(row["product_id"], "product_id")
    context: dict[str, Any] = {
        "quantity": tally.optional(file, "quantity", row["quantity"], read_whole),
        "store": row.get("store_id") or None,
    }
    draft = Draft(
        event_id=f"completejourney-{line}",
        user_id=read_key(row["household_id"], "household_id"),
        type="purchase",
        item_id=item,
        value=tally.optional(file, "sales_value", row["sales_value"], read_number),
        session_id=tally.optional(file, "basket_id", row["basket_id"], read_key),
        context={name: value for name, value in context.items() if value is not None} or None,
    )
    # The shops' clocks tell no zone; read as UTC, so that order and gaps are kept.
    ts = read_moment(row["transaction_timestamp"], "transaction_timestamp")
    bought.add(item)
    yield ts, draft


def _item(bought: set[str], cells: Cells) -> ItemLine | None:
    item = read_key(cells["product_id"], "product_id")
    if item not in bought:
        return None
    row = {name: cell.strip() for name, cell in cells.items()}
    kinds = [row["department"], row["product_category"]]
    attributes = {name: row[name] for name in ("brand", "package_size") if row[name]}
    return ItemLine(
        item_id=item,
        title=row["product_type"] or row["product_category"] or row["department"],
        text=", ".join(filter(None, [row["brand"] and f"{row['brand']} brand", *kinds])) or None,
        categories=tuple(dict.fromkeys(filter(None, kinds))),
        attributes=attributes or None,
    )
