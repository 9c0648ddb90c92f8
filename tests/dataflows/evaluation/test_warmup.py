"""What a first look at the warm-up finds."""

from __future__ import annotations

import json

import pytest

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.evaluation.log_order import read_order
from dataflows.evaluation.warmup import Warmup, look_at_warmup

SETTINGS = EventSettings(min_time=0.0)


def write_log(path, rows) -> None:
    fields = ("event_id", "user_id", "item_id", "ts", "type")
    path.write_text(
        "\n".join(
            row if isinstance(row, str) else json.dumps(dict(zip(fields, row, strict=True)))
            for row in rows
        )
    )


def look(tmp_path, rows, share=0.5) -> Warmup:
    write_log(tmp_path / "log.jsonl", rows)
    order = read_order(tmp_path / "log.jsonl", SETTINGS)
    return look_at_warmup(order, share, SETTINGS, CleanSettings(weights={"peek": 0.0}))


def test_only_what_is_learnt_counts(tmp_path) -> None:
    rows = [
        ("1", "u", "a", 1, "view"),
        ("1", "u", "a", 1, "view"),  # the same event again
        "no json",
        ("2", "u", "b", 2, "peek"),  # weight 0
        ("3", "u", "a", 3, "view"),  # a repeat
        *[(str(n), "v", str(n), n, "view") for n in range(4, 8)],
    ]
    # Half of the eight events: the copy and the peek are among them, the bad line is not.
    assert look(tmp_path, rows) == Warmup(learnt=2, ranks_from=2, repeat_share=0.5)


def test_a_group_that_goes_on_behind_the_warmup(tmp_path) -> None:
    rows = [
        ("1", "u", "a", 1, "view"),
        ("2", "v", "b", 2, "view"),
        ("3", "v", "c", 2, "view"),
        ("4", "v", "d", 2, "view"),
        ("5", "v", "e", 3, "view"),
        ("6", "v", "f", 4, "view"),
    ]
    assert look(tmp_path, rows).ranks_from == 1
    assert look(tmp_path, rows, share=4 / 6).ranks_from == 4
    assert look(tmp_path, rows, share=0.0) == Warmup(0, 0, 0.0)
    assert look(tmp_path, rows, share=1.0) == Warmup(6, 6, 0.0)


@pytest.mark.parametrize(
    ("wish", "share", "on"),
    [("auto", 0.05, False), ("auto", 0.051, True), ("on", 0.0, True), ("off", 0.9, False)],
)
def test_repeats_are_on_above_one_in_twenty(wish, share, on) -> None:
    assert Warmup(10, 10, share).repeats_on(wish) is on
