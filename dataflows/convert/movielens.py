"""MovieLens, all three layouts. An event is a rating with its value.

`u.data` + `u.item` (100k), `ratings.dat` + `movies.dat` (1M and 10M), and
`ratings.csv` + `movies.csv` (all later ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dataflows.convert.draft import Draft, ItemLine, Log, Timed
from dataflows.convert.tables import Cells, Layout, find_beside, find_file, read_table
from dataflows.convert.tally import RowRefused, Tally, read_number, read_word

RATED = ("userId", "movieId", "rating", "timestamp")
FILMS = ("movieId", "title", "genres")
# The order of the 19 flags at the end of a line of u.item (its README, file u.genre).
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime",
    "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance",
    "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
NO_GENRE = {"unknown", "(no genres listed)"}

RATINGS = {
    ".csv": Layout("ratings.csv of MovieLens", RATED[:3]),
    ".dat": Layout("ratings.dat of MovieLens", RATED, "::", RATED, False, "latin-1"),
    ".data": Layout("u.data of MovieLens", RATED, "\t", RATED, False, "latin-1"),
}
MOVIES = {
    ".csv": Layout("movies.csv of MovieLens", FILMS),
    ".dat": Layout("movies.dat of MovieLens", FILMS, "::", FILMS, False, "latin-1"),
    ".item": Layout(
        "u.item of MovieLens",
        (),
        "|",
        ("movieId", "title", "released", "video", "url", *GENRES),
        False,
        "latin-1",
    ),
}
_YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>\d{4})\)$")


def open_log(path: Path, tally: Tally) -> Log:
    """Find the ratings and, beside them, the films. Raises InputError without ratings."""
    ratings = find_file(
        path, ("u.data", "ratings.csv", "ratings.csv.gz", "ratings.dat"), "MovieLens"
    )
    kind = ".csv" if ".csv" in ratings.suffixes else ratings.suffix
    layout = RATINGS.get(kind, RATINGS[".data"])
    beside = {".csv": "movies.csv*", ".dat": "movies.dat"}.get(kind, "u.item")
    films = find_beside(ratings, (beside,))
    rows = read_table(ratings, layout, tally)
    return Log(
        tally.each(ratings.name, rows, _event),
        iter(()) if films is None else _items(films, tally),
        () if films else (f"There is no {beside.rstrip('*')} beside the ratings: no items.",),
    )


def _event(line: int, row: Cells) -> Iterator[Timed]:
    moment = row.get("timestamp")
    yield (
        None if moment is None else read_number(moment, "timestamp"),
        Draft(
            event_id=f"movielens-{line}",
            user_id=read_word(row["userId"], "user"),
            type="rating",
            item_id=read_word(row["movieId"], "movie"),
            value=read_number(row["rating"], "rating"),
        ),
    )


def _items(path: Path, tally: Tally) -> Iterator[ItemLine]:
    layout = MOVIES.get(".csv" if ".csv" in path.suffixes else path.suffix, MOVIES[".item"])
    for line, row in read_table(path, layout, tally):
        try:
            yield _item(row)
        except RowRefused as refused:
            tally.refuse(path.name, line, refused.reason, refused.detail)


def _item(row: Cells) -> ItemLine:
    title = read_word(row["title"], "title")
    dated = _YEAR.match(title)
    if "genres" in row:
        genres = row["genres"].strip().split("|")
    else:
        genres = [name for name in GENRES if row[name] == "1"]
    return ItemLine(
        item_id=read_word(row["movieId"], "movie"),
        title=dated["title"] if dated else title,
        categories=tuple(name for name in genres if name and name not in NO_GENRE),
        attributes={"release_year": dated["year"]} if dated else None,
    )
