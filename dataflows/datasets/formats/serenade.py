"""Serenade: clicks in a shop, session by session; who clicks is not known, so a session is a user.

The ids of sessions begin anew in each of the three files (train, valid, test), so they are
written with the name of their file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dataflows.datasets.rows.draft import Draft, Log, Timed
from dataflows.datasets.rows.find import bare_name, find_each
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import Tally, read_key, read_seconds

FILES = ("train.txt", "valid.txt", "test.txt")
ROWS = Layout(
    "train.txt, valid.txt or test.txt of Serenade",
    ("SessionId", "ItemId", "Time"),
    {
        "SessionId": "user_id and session_id, behind the name of the file",
        "ItemId": "item_id",
        "Time": "ts",
    },
    ("SessionId", "ItemId"),
    delimiter="\t",
    quoted=False,
)
SESSIONS = "Each session is a user of its own: the set does not say who comes back."


def open_log(path: Path, tally: Tally) -> Log:
    """Find train.txt, valid.txt and test.txt, or take the one file. Raises InputError without."""
    events = (
        timed
        for file in find_each(path, FILES, "Serenade")
        for timed in tally.each(
            file.name, read_table(file, ROWS, tally), _event_of(Path(bare_name(file)).stem)
        )
    )
    return Log(events, iter(()), ("The set has no texts: no items.", SESSIONS))


def _event_of(part: str) -> Callable[[int, Cells], Iterator[Timed]]:
    def event(line: int, row: Cells) -> Iterator[Timed]:
        session = f"{part}-{read_key(row['SessionId'], 'SessionId')}"
        yield (
            read_seconds(row["Time"], "Time"),
            Draft(
                event_id=f"serenade-{part}-{line}",
                user_id=session,
                type="click",
                item_id=read_key(row["ItemId"], "ItemId"),
                session_id=session,
            ),
        )

    return event
