"""banking77: questions to a bank, each with its intent. Every row is a user of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dataflows.datasets.rows.draft import Draft, Log, Timed
from dataflows.datasets.rows.find import bare_name, find_each
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import Tally, read_key, read_word

ROWS = Layout(
    "train.csv or test.csv of banking77",
    ("text", "category"),
    {"text": "text", "category": "intent"},
)
FILES = ("train.csv", "test.csv")
UNREAD = {"categories.json": "a list of the intents, which stand in each row"}


def open_log(path: Path, tally: Tally) -> Log:
    """Find train.csv and test.csv, or take the one file given. Raises InputError without any."""
    files = find_each(path, FILES, "banking77")
    events = (
        timed
        for file in files
        for timed in tally.each(
            file.name, read_table(file, ROWS, tally), _event_of(Path(bare_name(file)).stem)
        )
    )
    return Log(events, iter(()), ("The set has no items.",), UNREAD)


def _event_of(split: str) -> Callable[[int, Cells], Iterator[Timed]]:
    def event(line: int, row: Cells) -> Iterator[Timed]:
        yield query(
            f"banking77-{split}-{line}",
            read_word(row["text"], "text"),
            read_key(row["category"], "category"),
            {"split": split},
        )

    return event


def query(event_id: str, text: str, intent: str, context: dict[str, str]) -> Timed:
    """Return one labelled sentence as the only event of a user, without a time."""
    return None, Draft(
        event_id=event_id,
        user_id=event_id,
        type="query",
        text=text,
        intent=intent,
        context=dict(context),
    )
