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

from dataflows.convert.draft import Draft, ItemLine, Log, Timed
from dataflows.convert.tables import Cells, Layout, find_beside, find_file, opened, read_table
from dataflows.convert.tally import RowRefused, Tally, read_number, read_word
from dataflows.errors import InputError
from dataflows.late_labels import SCOPE, SESSION

IDLE = 1800.0
BACK = "<"
Names = dict[str, None]
Categories = dict[str, Names]
FILES = ("paths_unfinished.tsv", "paths_finished.tsv")
COLUMNS = ("user", "timestamp", "duration", "path")
UNFINISHED = Layout(
    "paths_unfinished.tsv of Wikispeedia", COLUMNS, "\t", (*COLUMNS, "target", "end"), False,
    "utf-8", "#",
)  # fmt: skip
FINISHED = Layout(
    "paths_finished.tsv of Wikispeedia", COLUMNS, "\t", (*COLUMNS, "rating"), False, "utf-8", "#"
)


def open_log(path: Path, tally: Tally) -> Log:
    """Find the paths (one or both files) and the categories. Raises InputError without paths."""
    first = find_file(path, FILES, "Wikispeedia")
    paths = [first]
    if path.is_dir():
        paths = [found for name in FILES if (found := find_beside(path, (name,)))]
    seen: dict[str, None] = {}
    categories = find_beside(first, ("categories.tsv",))
    known = _categories(categories, tally) if categories else {}
    return Log(
        (timed for file in paths for timed in _events(file, seen, known, tally)),
        _items(known, seen),
        () if categories else ("There is no categories.tsv beside the paths: no categories.",),
    )


def _events(path: Path, seen: Names, known: Categories, tally: Tally) -> Iterator[Timed]:
    layout = FINISHED if _width(path) == len(FINISHED.columns) else UNFINISHED
    rows = read_table(path, layout, tally)
    return tally.each(path.name, rows, _session_of(seen, known, layout is FINISHED))


def _width(path: Path) -> int:
    """Count the cells of the first row: the two files differ in it, whatever their names."""
    with opened(path, "utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                return line.count("\t") + 1
    raise InputError(f"{path}: has no rows; {UNFINISHED.what} is wanted")


def _session_of(
    seen: Names, known: Categories, finished: bool
) -> Callable[[int, Cells], Iterator[Timed]]:
    def session(line: int, row: Cells) -> Iterator[Timed]:
        start = read_number(row["timestamp"], "timestamp")
        clicks = read_word(row["path"], "path").split(";")
        target = read_word(clicks[-1] if finished else row["target"], "target")
        pages = _walk(clicks)
        user, goal = read_word(row["user"], "user"), unquote(target)
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
            told = after if number == len(pages) - 1 else None
            yield (
                ts,
                Draft(
                    event_id=f"{name}-{number}",
                    user_id=user,
                    type=kind,
                    item_id=page,
                    session_id=name,
                    intent=told,
                    context={"goal": goal, **({SCOPE: SESSION} if told else {})},
                ),
            )

    return session


def _walk(clicks: list[str]) -> list[tuple[str, str]]:
    """Give (type, page) per click: "start", "click", or "back" with the page gone back to."""
    trail: list[str] = []
    steps: list[tuple[str, str]] = []
    for click in clicks:
        if click == BACK:
            if len(trail) < 2:
                raise RowRefused("no page before", "it goes back from its first page")
            trail.pop()
            steps.append(("back", trail[-1]))
        else:
            trail.append(unquote(read_word(click, "a page of the path")))
            steps.append(("click" if steps else "start", trail[-1]))
    return steps


def _times(start: float, duration: float, count: int, row: Cells) -> list[float]:
    """Spread `count` clicks from `start` on, evenly, in whole milliseconds.

    In a timed-out session the last click was made half an hour before the end;
    in any other the end was one more step after the last click.
    """
    if duration < 0:
        raise RowRefused("not a duration", f"duration is {duration:g}")
    timed_out = row.get("end") == "timeout" and duration >= IDLE
    active = duration - IDLE if timed_out else duration
    steps = max(1, count - 1 if timed_out else count)
    return [round(start + active * number / steps, 3) for number in range(count)]


def _categories(path: Path, tally: Tally) -> Categories:
    """Give the categories of each page, the most general of each branch first."""
    layout = Layout(
        "categories.tsv of Wikispeedia", (), "\t", ("page", "category"), False, "utf-8", "#"
    )
    found: Categories = {}
    for _, row in read_table(path, layout, tally):
        levels = row["category"].removeprefix("subject.").split(".")
        names = dict.fromkeys(level.replace("_", " ") for level in levels if level)
        found.setdefault(unquote(row["page"]), {}).update(names)
    return found


def _items(known: Categories, seen: Names) -> Iterator[ItemLine]:
    """Give every page that has a category, then those that were only clicked."""
    for page in dict.fromkeys([*known, *seen]):
        yield ItemLine(page, page.replace("_", " "), categories=tuple(known.get(page, ())))
