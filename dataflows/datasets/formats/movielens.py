"""MovieLens, all three layouts. An event is a rating with its value, or a tag with its words.

`u.data` + `u.item` (100k), `ratings.dat` + `movies.dat` + `tags.dat` (1M and 10M), and
`ratings.csv` + `movies.csv` + `tags.csv` (all later ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import bare_name, find_beside, find_file
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import Tally, read_key, read_number, read_seconds, read_word

# The order of the 19 flags at the end of a line of u.item (its README, file u.genre).
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime",
    "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance",
    "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
NO_GENRE = {"unknown", "(no genres listed)"}
IDS = ("userId", "movieId")
WHO = {"userId": "user_id", "movieId": "item_id"}
RATED = {**WHO, "rating": "value, type rating", "timestamp": "ts"}
TAGGED = {**WHO, "tag": "text, type tag", "timestamp": "ts"}
FILMS = {
    "movieId": "item_id",
    "title": "title, attributes.release_year",
    "genres": "categories",
}
FLAGGED = {
    "movieId": "item_id",
    "title": "title, attributes.release_year",
    "released": "left out: the year is in the title",
    "video": "left out: it is empty",
    "url": "left out: there is no field for it",
    **dict.fromkeys(GENRES, "categories"),
}

FILES = {
    "u.data": ("u.item", None),
    "ratings.csv": ("movies.csv", "tags.csv"),
    "ratings.dat": ("movies.dat", "tags.dat"),
}
"""The files of ratings, each with those of films and of tags that belong to it."""

UNREAD = {
    "links.csv": "ids of the films elsewhere",
    "genome-scores.csv": "scores worked out from all tags, later ones too",
    "genome-tags.csv": "names for genome-scores.csv",
}
_YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>\d{4})\)$")


def open_log(path: Path, tally: Tally) -> Log:
    """Find the ratings and, beside them, films and tags. Raises InputError without ratings."""
    ratings = find_file(path, tuple(FILES), "MovieLens")
    kind = next((n for n in FILES if Path(n).suffix == Path(bare_name(ratings)).suffix), "u.data")
    film_name, tag_name = FILES[kind]
    films = find_beside(ratings, (film_name,))
    tags = find_beside(ratings, (tag_name,)) if tag_name else None
    remarks = [] if films else [f"There is no {film_name} beside the ratings: no items."]
    if tags is not None and not path.is_dir():
        remarks.append(f"{tags.name} beside {ratings.name} was not read: give the folder.")
        tags = None
    rows = read_table(ratings, _layout(kind, RATED, ("userId", "movieId", "rating")), tally)
    events = tally.each(ratings.name, rows, _rating)
    if tags is not None:
        tagged = read_table(tags, _layout(tag_name or "", TAGGED, tuple(TAGGED)), tally)
        events = chain(events, tally.each(tags.name, tagged, _tag))
    return Log(
        events,
        iter(()) if films is None else _films(films, film_name, tally),
        tuple(remarks),
        UNREAD,
    )


def _layout(name: str, uses: dict[str, str], needed: tuple[str, ...]) -> Layout:
    """Return the layout of a file by its ending: only .csv has a header, the others an order."""
    what = f"{name} of MovieLens"
    if name.endswith(".csv"):
        return Layout(what, needed, uses, IDS)
    delimiter = {".dat": "::", ".data": "\t", ".item": "|"}[Path(name).suffix]
    return Layout(what, (), uses, IDS, delimiter=delimiter, columns=tuple(uses), quoted=False)


def _rating(line: int, row: Cells) -> Iterator[Timed]:
    moment = row.get("timestamp")
    yield (
        None if moment is None else read_seconds(moment, "timestamp"),
        Draft(
            event_id=f"movielens-{line}",
            user_id=read_key(row["userId"], "userId"),
            type="rating",
            item_id=read_key(row["movieId"], "movieId"),
            value=read_number(row["rating"], "rating"),
        ),
    )


def _tag(line: int, row: Cells) -> Iterator[Timed]:
    yield (
        read_seconds(row["timestamp"], "timestamp"),
        Draft(
            event_id=f"movielens-tag-{line}",
            user_id=read_key(row["userId"], "userId"),
            type="tag",
            item_id=read_key(row["movieId"], "movieId"),
            text=read_word(row["tag"], "tag"),
        ),
    )


def _films(path: Path, name: str, tally: Tally) -> Iterator[ItemLine]:
    uses = FLAGGED if name == "u.item" else FILMS
    layout = _layout(name, uses, tuple(FILMS))
    return tally.items(path.name, read_table(path, layout, tally), _item)


def _item(row: Cells) -> ItemLine:
    title = row["title"].strip()
    dated = _YEAR.match(title)
    if "genres" in row:
        genres = row["genres"].strip().split("|")
    else:
        genres = [name for name in GENRES if row[name] == "1"]
    return ItemLine(
        item_id=read_key(row["movieId"], "movieId"),
        title=dated["title"] if dated else title,
        categories=tuple(name for name in genres if name and name not in NO_GENRE),
        attributes={"release_year": dated["year"]} if dated else None,
    )
