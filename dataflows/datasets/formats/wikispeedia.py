"""Wikispeedia: players click from page to page towards a target page.

The log has one time per session. Its clicks are spread evenly over the session's
duration; a session that timed out had been idle for its last half hour, which is
taken off. `<` is a click on "back": an event of type `back` at the page before.
Each session begins with a `search` for its target, which players are told before the first page.
The last event of a session carries, as the label of all of it, the top category of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import find_beside, find_each
from dataflows.datasets.rows.opening import opened
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import (
    RowRefused,
    Tally,
    check_time,
    read_key,
    read_number,
    read_seconds,
    read_word,
)
from dataflows.errors import InputError
from dataflows.messages.special_events import SCOPE, SESSION

IDLE = 1800.0
BACK = "<"
Names = dict[str, None]
Categories = dict[str, Names]
FILES = ("paths_unfinished.tsv", "paths_finished.tsv")
COLUMNS = {
    "user": "user_id",
    "timestamp": "ts",
    "duration": "ts of each click",
    "path": "item_id of each click, type click, back or start",
}
UNFINISHED = {
    **COLUMNS,
    "target": "context.goal, text of a search, its category as intent",
    "end": "ts of each click",
}
FINISHED = {
    **COLUMNS,
    "path": "item_id of each click, type click, back or start; the last is the target: "
    "context.goal, text of a search, its category as intent",
    "rating": "left out: how hard a player found it, told afterwards",
}
CATEGORIES = {"page": "item_id, title", "category": "categories"}
UNREAD = {"articles.tsv": "pages without a category or a click", "links.tsv": "no events"}


def open_log(path: Path, tally: Tally) -> Log:
    """Find the paths (one or both files) and the categories. Raises InputError without paths."""
    paths = find_each(path, FILES, "Wikispeedia")
    seen: dict[str, None] = {}
    categories = find_beside(paths[0], ("categories.tsv",))
    known = _categories(categories, tally) if categories else {}
    return Log(
        (timed for file in paths for timed in _events(file, seen, known, tally)),
        _items(known, seen),
        () if categories else ("There is no categories.tsv beside the paths: no categories.",),
        UNREAD,
    )


def _events(path: Path, seen: Names, known: Categories, tally: Tally) -> Iterator[Timed]:
    is_finished = _width(path, tally) == len(FINISHED)
    name = "paths_finished.tsv" if is_finished else "paths_unfinished.tsv"
    rows = read_table(path, _layout(name, FINISHED if is_finished else UNFINISHED), tally)
    return tally.each(path.name, rows, _session_of(seen, known, is_finished))


def _layout(name: str, uses: dict[str, str]) -> Layout:
    return Layout(
        f"{name} of Wikispeedia",
        (),
        uses,
        delimiter="\t",
        columns=tuple(uses),
        quoted=False,
        comment="#",
    )


def _width(path: Path, tally: Tally) -> int:
    """Count the cells of the first row: the two files differ in it, whatever their names."""
    with opened(path, tally) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                return line.count("\t") + 1
    raise InputError(f"{path}: has no rows; paths_unfinished.tsv of Wikispeedia is wanted")


def _session_of(
    seen: Names, known: Categories, finished: bool
) -> Callable[[int, Cells], Iterator[Timed]]:
    def session(line: int, row: Cells) -> Iterator[Timed]:
        start = read_seconds(row["timestamp"], "timestamp")
        clicks = read_word(row["path"], "path").split(";")
        target = read_word(clicks[-1] if finished else row["target"], "target")
        pages = _walk(clicks)
        user, goal = read_key(row["user"], "user"), unquote(target)
        name = f"wikispeedia-{'done-' if finished else ''}{line}"
        times = _times(start, read_number(row["duration"], "duration"), len(pages), row)
        seen.update(dict.fromkeys(page for _, page in pages))
        after = next(iter(known.get(goal, ())), None)
        # The target is told before the first page is seen.
        yield (
            times[0],
            Draft(f"{name}-goal", user, "search", None, goal.replace("_", " "), session_id=name),
        )
        for number, (ts, (kind, page)) in enumerate(zip(times, pages, strict=True)):
            stated = after if number == len(pages) - 1 else None
            yield (
                ts,
                Draft(
                    event_id=f"{name}-{number}",
                    user_id=user,
                    type=kind,
                    item_id=page,
                    session_id=name,
                    intent=stated,
                    context={"goal": goal, **({SCOPE: SESSION} if stated else {})},
                ),
            )

    return session


def _walk(clicks: list[str]) -> list[tuple[str, str]]:
    """Return (type, page) per click: "start", "click", or "back" with the page gone back to."""
    trail: list[str] = []
    steps: list[tuple[str, str]] = []
    for click in clicks:
        if click == BACK:
            if len(trail) < 2:
                raise RowRefused("no page before", "it goes back from its first page")
            trail.pop()
            steps.append(("back", trail[-1]))
        else:
            trail.append(read_key(unquote(click), "path"))
            steps.append(("click" if steps else "start", trail[-1]))
    return steps


def _times(start: float, duration: float, count: int, row: Cells) -> list[float]:
    """Spread `count` clicks from `start` on, evenly, in whole milliseconds.

    In a timed-out session the last click was made half an hour before the end;
    in any other the end was one more step after the last click.
    """
    check_time(start + duration, "duration")
    if duration < 0:
        raise RowRefused("not a duration", f"duration is {duration:g}")
    timed_out = row.get("end") == "timeout" and duration >= IDLE
    active = duration - IDLE if timed_out else duration
    steps = max(1, count - 1 if timed_out else count)
    return [round(start + active * number / steps, 3) for number in range(count)]


def _categories(path: Path, tally: Tally) -> Categories:
    """Return the categories of each page, the most general of each branch first."""
    found: Categories = {}
    for _, row in read_table(path, _layout("categories.tsv", CATEGORIES), tally):
        levels = row["category"].removeprefix("subject.").split(".")
        names = dict.fromkeys(level.replace("_", " ") for level in levels if level)
        found.setdefault(unquote(row["page"]), {}).update(names)
    return found


def _items(known: Categories, seen: Names) -> Iterator[ItemLine]:
    """Yield every page that has a category, then those that were only clicked."""
    for page in dict.fromkeys([*known, *seen]):
        yield ItemLine(page, page.replace("_", " "), categories=tuple(known.get(page, ())))
