"""Deskdrop (articles at a workplace): five kinds of events, no text. Rows stand in no order."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from dataflows.convert.draft import Draft, Log, Timed
from dataflows.convert.tables import Cells, Layout, find_file, read_table
from dataflows.convert.tally import Tally, read_number, read_word

ROWS = Layout(
    "users_interactions.csv of Deskdrop",
    ("timestamp", "eventType", "contentId", "personId", "sessionId"),
)
TYPES = {"COMMENT CREATED": "comment"}


def open_log(path: Path, tally: Tally) -> Log:
    """Find users_interactions*. Raises InputError without it."""
    file = find_file(path, ("users_interactions*.csv", "users_interactions*.csv.gz"), "Deskdrop")
    rows = read_table(file, ROWS, tally)
    return Log(
        tally.each(file.name, rows, _event), iter(()), ("The set has no text of items: no items.",)
    )


def _event(line: int, row: Cells) -> Iterator[Timed]:  # noqa: ARG001 - one shape for all formats
    ts = read_number(row["timestamp"], "timestamp")
    kind = read_word(row["eventType"], "eventType")
    item = read_word(row["contentId"], "contentId")
    user = read_word(row["personId"], "personId")
    yield (
        ts,
        Draft(
            event_id=f"deskdrop-{fingerprint(user, item, kind, row['timestamp'])}",
            user_id=user,
            type=TYPES.get(kind, kind.lower()),
            item_id=item,
            session_id=row["sessionId"].strip() or None,
        ),
    )


def fingerprint(*parts: str) -> str:
    """Give an id that is the same for rows that say the same, so that a copy shows as one."""
    return blake2b("\x1f".join(parts).encode(), digest_size=10).hexdigest()
