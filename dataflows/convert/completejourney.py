"""The Complete Journey (groceries): a row of a receipt is a purchase; a basket is a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dataflows.convert.draft import Draft, ItemLine, Log, Timed
from dataflows.convert.tables import Cells, Layout, find_beside, find_file, read_table
from dataflows.convert.tally import RowRefused, Tally, read_moment, read_number, read_word

ROWS = Layout(
    "transactions of completejourney",
    ("household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"),
)
PRODUCTS = Layout(
    "products of completejourney",
    ("product_id", "department", "brand", "product_category", "product_type", "package_size"),
)
TABLES = ("csv", "csv.gz", "parquet")


def open_log(path: Path, tally: Tally) -> Log:
    """Find transactions* and, beside it, products*. Raises InputError without transactions."""
    rows = find_file(path, [f"transactions*.{kind}" for kind in TABLES], "completejourney")
    products = find_beside(rows, [f"products*.{kind}" for kind in TABLES])
    bought: set[str] = set()
    events = tally.each(rows.name, read_table(rows, ROWS, tally), _event_of(bought))
    if products is None:
        return Log(events, iter(()), ("There is no products table beside it: no items.",))
    return Log(
        events, _items(products, bought, tally), ("Items are the products that were bought.",)
    )


def _event_of(bought: set[str]) -> Callable[[int, Cells], Iterator[Timed]]:
    def event(line: int, row: Cells) -> Iterator[Timed]:
        item = read_word(row["product_id"], "product_id")
        context: dict[str, Any] = {"quantity": int(read_number(row["quantity"], "quantity"))}
        if row.get("store_id"):
            context["store"] = row["store_id"]
        draft = Draft(
            event_id=f"completejourney-{line}",
            user_id=read_word(row["household_id"], "household_id"),
            type="purchase",
            item_id=item,
            value=read_number(row["sales_value"], "sales_value"),
            session_id=read_word(row["basket_id"], "basket_id"),
            context=context,
        )
        # The shops' clocks tell no zone; read as UTC, so that order and gaps are kept.
        ts = read_moment(row["transaction_timestamp"], "transaction_timestamp")
        bought.add(item)
        yield ts, draft

    return event


def _items(path: Path, bought: set[str], tally: Tally) -> Iterator[ItemLine]:
    for line, row in read_table(path, PRODUCTS, tally):
        try:
            item = read_word(row["product_id"], "product_id")
        except RowRefused as refused:
            tally.refuse(path.name, line, refused.reason, refused.detail)
            continue
        if item in bought:
            yield _item(item, {name: cell.strip() for name, cell in row.items()})


def _item(item: str, row: Cells) -> ItemLine:
    kinds = [row["department"], row["product_category"]]
    attributes = {name: row[name] for name in ("brand", "package_size") if row[name]}
    return ItemLine(
        item_id=item,
        title=row["product_type"] or row["product_category"] or row["department"],
        text=", ".join(filter(None, [row["brand"] and f"{row['brand']} brand", *kinds])) or None,
        categories=tuple(dict.fromkeys(filter(None, kinds))),
        attributes=attributes or None,
    )
