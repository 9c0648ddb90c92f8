"""NeMig: news in German or English; what each user read before, and five impressions of each.

An impression is what was shown at one time, some six articles, with a 1 behind the one that was
clicked. Articles are read from N-Triples: a headline and an abstract each.

No time is given, of an impression or of what was read before. Times are made: users one after
the other in the order of their first impression, of each first what they had read, in the order
of the list, then their impressions in the order of their numbers, every step one second after the
last. What was shown together has one time. So the order tells what a user did after what, and
nothing of who came first; no time says whether an article was out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataflows.config.event_types import NEGATIVE
from dataflows.datasets.output.writer import UNTIMED_START
from dataflows.datasets.rows.draft import Draft, ItemLine, Log, Timed
from dataflows.datasets.rows.find import PACKED, bare_name, find_beside, find_file
from dataflows.datasets.rows.tables import Cells, Layout, read_table
from dataflows.datasets.rows.tally import RowRefused, Tally, read_key, read_moment, read_whole
from dataflows.datasets.rows.triples import read_triples
from dataflows.errors import InputError

ROWS = Layout(
    "behaviors.tsv of NeMig",
    (),
    {
        "impression": "ts: the order of the impressions",
        "user": "user_id",
        "history": "events of the type read, before the user's first impression",
        "candidates": f"item_id: of the type click where it ends in 1, {NEGATIVE} where in 0",
    },
    delimiter="\t",
    columns=("impression", "user", "history", "candidates"),
    quoted=False,
)
BEHAVIORS = "*behaviors.tsv"
CONTENT = {"headline": "title", "abstract": "text"}
METADATA = {
    "datePublished": "attributes.published",
    "dateModified": "left out: there is no field for it",
    "url": "left out: there is no field for it",
}
MADE_TIMES = (
    "The set has no times: users stand one after the other, of each what was read before, then the "
    "impressions by their numbers, one second apart; what was shown together has one time."
)
NOT_CLICKED = (
    f"What was shown and not clicked is an event of the type {NEGATIVE!r}: nothing is learnt from "
    f"it, unless the configuration says so ([clean] weights = {{ {NEGATIVE} = -0.2 }} learns "
    "against the article)."
)
Articles = dict[str, dict[str, str]]


def open_log(path: Path, tally: Tally) -> Log:
    """Find behaviors.tsv and, beside it, the articles of its language.

    Raises InputError without it, and for a folder that holds it in two languages.
    """
    file = _behaviors(path)
    clock = _Clock(file.name, _language(file), tally)
    content, metadata = (_literals(file, kind) for kind in ("content", "metadata"))
    remarks = (
        NOT_CLICKED,
        *(() if content else ("There is no file of content_literals beside it: no items.",)),
    )
    return Log(
        tally.each(file.name, _in_order(file, tally), clock.step),
        _items(content, metadata, tally) if content else iter(()),
        remarks,
        made_times=MADE_TIMES,
    )


def _behaviors(path: Path) -> Path:
    """Return the file of impressions. Raises InputError for a folder that holds two, or none."""
    first = find_file(path, (BEHAVIORS,), "NeMig")
    if path.is_dir():
        found = {n for ending in PACKED for n in path.glob(BEHAVIORS + ending) if n.is_file()}
        if len(found) > 1:
            names = " and ".join(sorted(file.name for file in found))
            raise InputError(f"{path}: holds {names}; give one of these files, each is a log")
    return first


def _language(file: Path) -> str:
    """Return the word that the file's name begins with, such as "en"; "" where it is bare."""
    return bare_name(file).removesuffix("behaviors.tsv").strip("_-. ")


def _literals(file: Path, kind: str) -> Path | None:
    language = _language(file)
    names = f"*{kind}_literals.nt"
    return find_beside(file, (f"*_{language}_{names}",) if language else (names,))


def _in_order(file: Path, tally: Tally) -> Iterator[tuple[int, Cells]]:
    """Yield the rows by the number of their impression, a user's all in the place of the first."""
    rows = sorted(read_table(file, ROWS, tally), key=lambda row: _number(row[1]["impression"]))
    places: dict[str, int] = {}
    for _, row in rows:
        places.setdefault(row["user"], len(places))
    yield from sorted(rows, key=lambda row: places[row[1]["user"]])


def _number(cell: str) -> float:
    """Return the number of an impression; one that cannot be read comes last, and is refused."""
    try:
        return read_whole(cell, "impression")
    except RowRefused:
        return math.inf


class _Clock:
    """Makes the events of each impression, and their times."""

    def __init__(self, file: str, language: str, tally: Tally) -> None:
        self._file = file
        self._name = f"nemig-{language}" if language else "nemig"
        self._tally = tally
        self._ts = UNTIMED_START
        self._histories: dict[str, str] = {}

    def step(self, line: int, row: Cells) -> Iterator[Timed]:  # noqa: ARG002 - one shape for all
        """Yield what the user had read, at the first impression, then what was shown."""
        number = read_whole(row["impression"], "impression")
        user = read_key(row["user"], "user")
        shown = [_candidate(word) for word in row["candidates"].split()]
        if not shown:
            raise RowRefused("missing", "candidates is empty", "candidates")
        before = self._read_before(user, row["history"])
        name = f"{self._name}-{number}"
        for place, article in enumerate(before):
            yield self._tick(), Draft(f"{name}-read-{place}", user, "read", article)
        ts = self._tick()
        for place, (article, is_clicked) in enumerate(shown):
            kind = "click" if is_clicked else NEGATIVE
            yield ts, Draft(f"{name}-{place}", user, kind, article, context={"impression": number})

    def _tick(self) -> float:
        ts = self._ts
        self._ts += 1
        return ts

    def _read_before(self, user: str, history: str) -> list[str]:
        """Return the articles of a user's history, once: it is the same at every impression."""
        if user in self._histories:
            if self._histories[user] != history:
                self._tally.note("impressions with another history than the user's first one")
            return []
        self._histories[user] = history
        words = history.split()
        read = [self._tally.optional(self._file, "history", word, read_key) for word in words]
        return [article for article in read if article is not None]


def _candidate(word: str) -> tuple[str, bool]:
    """Return an article and whether it was clicked. Raises RowRefused for what says neither."""
    article, _, label = word.rpartition("-")
    if label not in {"0", "1"}:
        raise RowRefused(
            "no label", f"{word[:40]!r} ends neither in -0 nor in -1", "candidates", word
        )
    return read_key(article, "candidates"), label == "1"


def _items(content: Path, metadata: Path | None, tally: Tally) -> Iterator[ItemLine]:
    """Yield every article that has a headline."""
    articles = _articles(content, CONTENT, tally)
    dates = _articles(metadata, METADATA, tally) if metadata else {}
    for article, known in articles.items():
        if not known.get("headline", "").strip():
            tally.note("articles without a headline left out")
            continue
        day = dates.get(article, {}).get("datePublished")
        yield ItemLine(
            item_id=article,
            title=known["headline"].strip(),
            text=known.get("abstract", "").strip() or None,
            attributes=_published(metadata, day, tally),
        )


def _articles(path: Path, uses: dict[str, str], tally: Tally) -> Articles:
    """Return what is said of each article: news_title_7 is the headline of news_7."""
    tally.columns.declare(path.name, uses, uses)
    found: Articles = {}
    for triple in read_triples(path, "a file of literals of NeMig", tally):
        if triple.property not in uses:
            tally.columns.declare(path.name, [triple.property], uses)
            continue
        article = triple.subject.replace("_title_", "_").replace("_abstract_", "_")
        found.setdefault(article, {}).setdefault(triple.property, triple.text)
    return found


def _published(metadata: Path | None, day: str | None, tally: Tally) -> dict[str, Any] | None:
    """Return the day of an article as an attribute, 2021-03-18 for 18.03.2021."""
    if metadata is None or day is None:
        return None
    turned = "-".join(reversed(day.split(".")))
    if tally.optional(metadata.name, "datePublished", turned, read_moment) is None:
        return None
    return {"published": turned}
