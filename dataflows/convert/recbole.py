"""RecBole atomic files: `NAME.inter` and `NAME.item`, tab separated, headers `name:type`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from dataflows.convert.draft import Draft, ItemLine, Log, Timed
from dataflows.convert.tables import Cells, Layout, find_beside, find_file, read_table
from dataflows.convert.tally import RowRefused, Tally, read_number, read_word
from dataflows.errors import InputError

TYPES = {"token", "token_seq", "float", "float_seq"}
TITLES = ("title", "name")
CATEGORIES = ("class", "genre", "genres", "category", "categories")

INTER = Layout("a RecBole .inter file", ("user_id:token", "item_id:token"), "\t", quoted=False)
ITEM = Layout("a RecBole .item file", ("item_id:token",), "\t", quoted=False)


class Header(msgspec.Struct, frozen=True):
    """Which typed columns of a .item file hold what; None where there is none."""

    title: str | None
    categories: str | None
    others: tuple[str, ...]


def open_log(path: Path, tally: Tally) -> Log:
    """Find the .inter file and the .item file of the same name. Raises InputError without one."""
    inter = find_file(path, ("*.inter",), "RecBole")
    item = find_beside(inter, (f"{inter.stem}.item",))
    rows = read_table(inter, INTER, tally)
    return Log(
        tally.each(inter.name, rows, _event_of(inter.stem)),
        iter(()) if item is None else _items(item, tally),
        () if item else (f"There is no {inter.stem}.item beside it: no items.",),
    )


def _event_of(name: str) -> Callable[[int, Cells], Iterator[Timed]]:
    def event(line: int, row: Cells) -> Iterator[Timed]:
        rating, moment = row.get("rating:float"), row.get("timestamp:float")
        draft = Draft(
            event_id=f"{name}-{line}",
            user_id=read_word(row["user_id:token"], "user_id"),
            type="interaction" if rating is None else "rating",
            item_id=read_word(row["item_id:token"], "item_id"),
            value=None if rating is None else read_number(rating, "rating"),
        )
        yield None if moment is None else read_number(moment, "timestamp"), draft

    return event


def _items(path: Path, tally: Tally) -> Iterator[ItemLine]:
    header: Header | None = None
    for line, row in read_table(path, ITEM, tally):
        header = header or _read_header(path, tuple(row))
        try:
            yield _item(row, header)
        except RowRefused as refused:
            tally.refuse(path.name, line, refused.reason, refused.detail)


def _read_header(path: Path, columns: tuple[str, ...]) -> Header:
    for column in columns:
        if column.rpartition(":")[2] not in TYPES:
            raise InputError(
                f"{path}: column {column!r} has no type; it must end with one of "
                f"{', '.join(':' + kind for kind in sorted(TYPES))}"
            )
    rest = [column for column in columns if not column.startswith("item_id:")]
    title = next((c for c in rest if _name(c).lower().endswith(TITLES)), None)
    categories = next((c for c in rest if _name(c).lower() in CATEGORIES), None)
    return Header(title, categories, tuple(c for c in rest if c not in (title, categories)))


def _item(row: Cells, header: Header) -> ItemLine:
    # Words of a token_seq are separated by blanks; a hyphen or apostrophe is part of a word.
    kinds = row[header.categories] if header.categories else ""
    several = (header.categories or "").endswith("_seq")
    attributes = {_name(column): value for column in header.others if (value := _read(row, column))}
    return ItemLine(
        item_id=read_word(row["item_id:token"], "item_id"),
        title=row[header.title].strip() if header.title else "",
        categories=tuple(kinds.split()) if several else tuple(filter(None, [kinds.strip()])),
        attributes=attributes or None,
    )


def _read(row: Cells, column: str) -> Any:
    cell, kind = row[column].strip(), column.rpartition(":")[2]
    if not cell:
        return None
    if kind == "float":
        return read_number(cell, _name(column))
    if kind == "float_seq":
        return [read_number(part, _name(column)) for part in cell.split()]
    return cell


def _name(column: str) -> str:
    return column.rpartition(":")[0]
