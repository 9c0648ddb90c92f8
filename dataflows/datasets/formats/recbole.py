"""RecBole atomic files: `NAME.inter` and `NAME.item`, tab separated, headers `name:type`.

Which column holds what is known by the names that RecBole's own sets have. A `label` of 0 says
that a user did not take an item: such a row is an event of the type `negative`, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from dataflows.config.event_types import NEGATIVE
from dataflows.config.events import EventSettings
from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import bare_name, find_beside, find_file
from dataflows.datasets.rows.tables import Cells, Layout, read_columns, read_table
from dataflows.datasets.rows.tally import Tally, check_time, read_key, read_number, read_word
from dataflows.errors import InputError
from dataflows.messages.fields import PER_SECOND

TYPES = {"token", "token_seq", "float", "float_seq"}
TITLES = ("title", "name")
CATEGORIES = ("class", "genre", "genres", "category", "categories")
TEXTS = ("description", "text", "summary", "abstract")
SAID = ("review", "review_text", "text", "comment", "query", "tag")
NO_TYPE = "left out: its header has no type"
USERS = "left out: what a user is has no place in a log"

USER, ITEM = "user_id:token", "item_id:token"
IDS = (USER, ITEM, "session_id:token")
INTER = Layout("a RecBole .inter file", (USER, ITEM), {}, IDS, delimiter="\t", quoted=False)
ITEMS = Layout("a RecBole .item file", (ITEM,), {}, IDS, delimiter="\t", quoted=False)
USERS_FILE = Layout("a RecBole .user file", (USER,), {}, IDS, delimiter="\t", quoted=False)

_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_PLAUSIBLE = EventSettings()


class Fields(msgspec.Struct, frozen=True):
    """Which columns of a .inter file hold what; None where there is none."""

    rating: str | None
    label: str | None
    moment: str | None
    session: str | None
    text: str | None
    others: tuple[str, ...]

    def uses(self) -> dict[str, str]:
        """Return what becomes of each column."""
        label = f"type: {NEGATIVE} where it is 0" + ("" if self.rating else ", and value")
        named = {
            self.rating: "value, type rating",
            self.label: label,
            self.moment: "ts",
            self.session: "session_id",
            self.text: "text",
        }
        named_uses = {column: use for column, use in named.items() if column is not None}
        return {USER: "user_id", ITEM: "item_id", **named_uses} | {
            column: f"context.{_name(column)}" for column in self.others
        }


class Header(msgspec.Struct, frozen=True):
    """Which typed columns of a .item file hold what; None where there is none."""

    title: str | None
    text: str | None
    categories: str | None
    others: tuple[str, ...]

    def uses(self) -> dict[str, str]:
        """Return what becomes of each column."""
        named = {self.title: "title", self.text: "text", self.categories: "categories"}
        named_uses = {column: use for column, use in named.items() if column is not None}
        return {ITEM: "item_id", **named_uses} | {
            column: f"attributes.{_name(column)}" for column in self.others
        }


def open_log(path: Path, tally: Tally) -> Log:
    """Find the .inter file and the .item file of the same name. Raises InputError without one."""
    inter = find_file(path, ("*.inter",), "RecBole")
    name = bare_name(inter).removesuffix(".inter")
    item, user = (find_beside(inter, (f"{name}.{kind}",)) for kind in ("item", "user"))
    columns = read_columns(inter, INTER, tally)
    fields = _fields(columns)
    untyped = {column: NO_TYPE for column in columns if _type(column) not in TYPES}
    layout = msgspec.structs.replace(INTER, uses=fields.uses() | untyped)
    rows = read_table(inter, layout, tally)
    remarks = [] if item else [f"There is no {name}.item beside it: no items."]
    if fields.label:
        remarks.append(
            f"Rows whose {_name(fields.label)} is 0 are events of the type {NEGATIVE!r}: nothing "
            f"is learnt from them, unless the configuration says so ([clean] weights = "
            f"{{ {NEGATIVE} = -0.2 }} learns against their items)."
        )
    if user is not None:
        columns = read_columns(user, USERS_FILE, tally)
        tally.columns.declare(user.name, columns, dict.fromkeys(columns, USERS))
    return Log(
        tally.each(inter.name, rows, _event_of(inter.name, name, fields, tally)),
        iter(()) if item is None else _items(item, tally),
        tuple(remarks),
    )


def _event_of(
    file: str, name: str, fields: Fields, tally: Tally
) -> Callable[[int, Cells], Iterator[Timed]]:
    def event(line: int, row: Cells) -> Iterator[Timed]:
        value = read_number(row[fields.rating], fields.rating) if fields.rating else None
        kind = "interaction" if value is None else "rating"
        if fields.label:
            label = read_number(row[fields.label], fields.label)
            kind = kind if label > 0 else NEGATIVE
            value = label if value is None else value
        draft = Draft(
            event_id=f"{name}-{line}",
            user_id=read_key(row[USER], USER),
            type=kind,
            item_id=read_key(row[ITEM], ITEM),
            text=(row[fields.text].strip() or None) if fields.text else None,
            value=value,
            session_id=tally.optional(file, fields.session, row[fields.session], read_key)
            if fields.session
            else None,
            context=_others(file, row, fields.others, tally),
        )
        yield _time(row[fields.moment], fields.moment, tally) if fields.moment else None, draft

    return event


def _fields(columns: tuple[str, ...]) -> Fields:
    rest = [c for c in columns if c not in (USER, ITEM) and _type(c) in TYPES]
    names = {_name(column).lower(): column for column in reversed(rest)}
    found = {
        "rating": names.get("rating"),
        "label": names.get("label"),
        "moment": names.get("timestamp"),
        "session": names.get("session_id"),
        "text": next((names[name] for name in SAID if name in names), None),
    }
    return Fields(**found, others=tuple(c for c in rest if c not in found.values()))


def _time(cell: str, column: str, tally: Tally) -> float:
    """Return seconds: RecBole says no unit, so it is the one that gives a time of our days."""
    number = read_number(cell, column)
    for unit, per_second in PER_SECOND.items():
        seconds = number / per_second
        if unit == "s" and seconds <= _PLAUSIBLE.max_time:
            return check_time(seconds, column)
        if _PLAUSIBLE.min_time <= seconds <= _PLAUSIBLE.max_time:
            tally.note(f"times read as {_UNITS[unit]}")
            return seconds
    return check_time(number, column)


def _items(path: Path, tally: Tally) -> Iterator[ItemLine]:
    header = _read_header(path, read_columns(path, ITEMS, tally))
    layout = msgspec.structs.replace(ITEMS, uses=header.uses())
    make = partial(_item, path.name, header, tally)
    return tally.items(path.name, read_table(path, layout, tally), make)


def _read_header(path: Path, columns: tuple[str, ...]) -> Header:
    for column in columns:
        if _type(column) not in TYPES:
            raise InputError(
                f"{path}: column {column!r} has no type; it must end with one of "
                f"{', '.join(':' + kind for kind in sorted(TYPES))}"
            )
    rest = [column for column in columns if column != ITEM]
    title = next((c for c in rest if _name(c).lower().endswith(TITLES)), None)
    text = next((c for c in rest if _name(c).lower() in TEXTS), None)
    categories = next((c for c in rest if _name(c).lower() in CATEGORIES), None)
    named = (title, text, categories)
    return Header(title, text, categories, tuple(c for c in rest if c not in named))


def _item(file: str, header: Header, tally: Tally, row: Cells) -> ItemLine:
    # Words of a token_seq are separated by blanks; a hyphen or apostrophe is part of a word.
    kinds = row[header.categories] if header.categories else ""
    several = (header.categories or "").endswith("_seq")
    return ItemLine(
        item_id=read_key(row[ITEM], ITEM),
        title=row[header.title].strip() if header.title else "",
        text=(row[header.text].strip() or None) if header.text else None,
        categories=tuple(kinds.split()) if several else tuple(filter(None, [kinds.strip()])),
        attributes=_others(file, row, header.others, tally),
    )


def _others(file: str, row: Cells, columns: tuple[str, ...], tally: Tally) -> dict[str, Any] | None:
    """Return what the other columns hold, by their names; None where they hold nothing."""
    found = {
        _name(column): value
        for column in columns
        if (value := tally.optional(file, column, row[column], _read)) is not None
    }
    return found or None


def _read(cell: str, column: str) -> Any:
    if _type(column) == "float":
        return read_number(cell, column)
    if _type(column) == "float_seq":
        return [read_number(part, column) for part in cell.split()]
    return read_word(cell, column)


def _name(column: str) -> str:
    return column.rpartition(":")[0]


def _type(column: str) -> str:
    return column.rpartition(":")[2] if ":" in column else ""
