"""Formats of ours do what a format must; and the checks find one that does not."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from dataflows.datasets.convert import FORMATS
from dataflows.datasets.rows.draft import Draft, ItemLine, Log
from dataflows.datasets.testing import FORMAT_CHECKS, check_format
from dataflows.errors import InputError
from tests.dataflows.datasets.convert_files import FILMS, RATED, put

SAMPLES = {
    "movielens": {
        "ratings.csv": f"{RATED}1,2,4.5,1000000000\n1,3,0.5,1000000007\n2,2,3.0,1000000009\n",
        "movies.csv": f"{FILMS}2,Jumanji (1995),Adventure|Children\n3,Heat (1995),Crime\n",
    },
    "recbole": {
        "set.inter": (
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
            "1\t2\t4\t1000000000\n1\t3\t5\t1000000003\n2\t2\t1\t1000000005\n"
        ),
        "set.item": "item_id:token\ttitle:token_seq\n2\tToy Story\n3\tHeat\n",
    },
    "serenade": {
        "train.txt": "SessionId\tItemId\tTime\n1\t2\t1000000000\n1\t3\t1000000007\n"
        "2\t2\t1000000009\n",
    },
    "deskdrop": {
        "users_interactions.csv": (
            "timestamp,eventType,contentId,personId,sessionId\n"
            "1465413032,VIEW,-35,-84,13\n1465413046,LIKE,-35,-84,13\n1465413052,VIEW,-36,-85,14\n"
        ),
        "shared_articles.csv": (
            "eventType,contentId,title\nCONTENT SHARED,-35,Ethereum\nCONTENT SHARED,-36,Java\n"
        ),
    },
}


@pytest.mark.parametrize("check", FORMAT_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_a_format(name, check, tmp_path) -> None:
    check(FORMATS[name], put(tmp_path / "in", SAMPLES[name]))


def lines_of(path, tally, draft):
    """A small format: each line is a user and an item; `draft` may make it a bad one."""
    if not path.is_file() or b"\x01" in path.read_bytes():
        raise InputError(f"{path}: is no file of text; give the one of the log")
    tally.use(path)

    def event(line, text):
        user, item = text.decode("utf-8", "replace").split(">")
        yield 1e9 + line, draft(line, user, item)

    rows = [row for row in path.read_bytes().splitlines() if b">" in row]
    return Log(tally.each(path.name, enumerate(rows, 1), event), iter([ItemLine("a1", "A")]))


def good(line, user, item) -> Draft:
    return Draft(f"e{line}", user, "view", item or None)


CALLS = count()


def without_id(line, user, item) -> Draft:
    return Draft("", user, "view", item)


def same_id(line, user, item) -> Draft:
    return Draft("e", user, "view", item)


def fresh_id(line, user, item) -> Draft:
    return Draft(f"e{next(CALLS)}", user, "view", item)


def strict(line, user, item) -> Draft:
    return Draft(f"e{line}", user, "view", {"a1": "a1", "b2": "b2"}[item])


def uncounted(path, tally):
    log = lines_of(path, tally, good)
    events = list(log.events)
    tally.rows = 0
    return Log(iter(events), log.items)


def greedy(path, tally):
    return Log(iter([(1e9, Draft("e1", "ada", "view"))]), iter(()))


def unread(path, tally):
    log = lines_of(path, tally, good)
    tally.files.clear()
    return log


@pytest.fixture
def sample(tmp_path) -> Path:
    path = tmp_path / "log.txt"
    path.write_text("ada>a1\nbo>b2\nada>b2\n")
    return path


def test_the_small_format_is_one(sample) -> None:
    check_format(lambda path, tally: lines_of(path, tally, good), sample)


@pytest.mark.parametrize(
    ("draft", "told"),
    [
        (without_id, "events.jsonl line 1 is refused"),
        (same_id, "2 events have an id of an earlier"),
        (fresh_id, "differs from one conversion"),
        (strict, "KeyError|''"),
    ],
)
def test_what_is_wrong_with_its_events_is_found(sample, draft, told) -> None:
    with pytest.raises((AssertionError, KeyError), match=told):
        check_format(lambda path, tally: lines_of(path, tally, draft), sample)


@pytest.mark.parametrize(
    ("open_log", "told"),
    [
        (lambda path, tally: [], "gave list, not a Log"),
        (uncounted, "no row was counted"),
        (greedy, "no row was counted"),
        (unread, "no file is noted as read"),
    ],
)
def test_what_is_wrong_with_the_whole_is_found(sample, open_log, told) -> None:
    with pytest.raises(AssertionError, match=told):
        check_format(open_log, sample)
