"""Deskdrop (articles at a workplace): five kinds of events. Rows stand in no order.

Items are the articles of shared_articles.csv, where it lies beside the events.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from pathlib import Path

from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import find_beside, find_file
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import Tally, read_key, read_seconds

WHERE = "left out: where and with what a person read"
ROWS = Layout(
    "users_interactions.csv of Deskdrop",
    ("timestamp", "eventType", "contentId", "personId", "sessionId"),
    {
        "timestamp": "ts",
        "eventType": "type",
        "contentId": "item_id",
        "personId": "user_id",
        "sessionId": "session_id",
        "userAgent": WHERE,
        "userRegion": WHERE,
        "userCountry": WHERE,
    },
    ("contentId", "personId", "sessionId"),
)
TYPES = {"COMMENT CREATED": "comment"}
SHARED = "CONTENT SHARED"
ARTICLES = Layout(
    "shared_articles.csv of Deskdrop",
    ("eventType", "contentId", "title"),
    {
        "eventType": f"left out: rows that are not {SHARED} add no item",
        "contentId": "item_id",
        "title": "title",
        "text": "text",
        "lang": "attributes.lang",
        "contentType": "attributes.contentType",
    },
    ("contentId",),
)


def open_log(path: Path, tally: Tally) -> Log:
    """Find users_interactions* and, beside it, the articles. Raises InputError without events."""
    file = find_file(path, ("users_interactions*.csv",), "Deskdrop")
    rows = read_table(file, ROWS, tally)
    events = tally.each(file.name, rows, partial(_event, file.name, tally))
    articles = find_beside(file, ("shared_articles*.csv",))
    if articles is None:
        return Log(events, iter(()), ("There is no shared_articles.csv beside it: no items.",))
    return Log(events, tally.items(articles.name, read_table(articles, ARTICLES, tally), _item))


def _event(file: str, tally: Tally, line: int, row: Cells) -> Iterator[Timed]:  # noqa: ARG001 - one shape for all formats
    ts = read_seconds(row["timestamp"], "timestamp")
    kind = read_key(row["eventType"], "eventType")
    item = read_key(row["contentId"], "contentId")
    user = read_key(row["personId"], "personId")
    yield (
        ts,
        Draft(
            event_id=f"deskdrop-{fingerprint(user, item, kind, row['timestamp'])}",
            user_id=user,
            type=TYPES.get(kind, kind.lower()),
            item_id=item,
            session_id=tally.optional(file, "sessionId", row["sessionId"], read_key),
        ),
    )


def _item(row: Cells) -> ItemLine | None:
    if row["eventType"].strip() != SHARED:
        return None
    attributes = {name: row[name] for name in ("lang", "contentType") if row.get(name)}
    return ItemLine(
        item_id=read_key(row["contentId"], "contentId"),
        title=row["title"].strip(),
        text=row.get("text", "").strip() or None,
        attributes=attributes or None,
    )


def fingerprint(*parts: str) -> str:
    """Return an id that is the same for rows that say the same, so that a copy shows as one."""
    return blake2b("\x1f".join(parts).encode(), digest_size=10).hexdigest()
