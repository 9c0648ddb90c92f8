"""Figures on a narrow screen, and in a pipe: none is cut."""

from __future__ import annotations

import io

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dataflows.evaluation.narrow_tables import print_whole

HEADS = ["HR@100", "NDCG@100", "MRR@100", "95 % OF HR", "HR COLD", "HR WARM"]
ROWS = {
    "penchant": ["0.1234", "0.2345", "0.3456", "0.100 to 0.150", "0.4567", "0.5678"],
    "recommender-long-name": ["0.6789", "0.7891", "-", "0.600 to 0.700", "0.8912", "0.9123"],
}


def made() -> Table:
    table = Table(title="log.jsonl: 7 events scored", box=SIMPLE_HEAD)
    table.add_column("method", no_wrap=True)
    for head in HEADS:
        table.add_column(head, justify="right", no_wrap=True)
    for name, figures in ROWS.items():
        table.add_row(name, *figures)
    return table


def printed(width: int, *, terminal: bool) -> str:
    held = io.StringIO()
    console = Console(file=held, width=width, force_terminal=terminal, color_system=None)
    print_whole(made(), console)
    return held.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [24, 40, 60, 80, 200])
def test_every_figure_is_whole_at_any_width(width, terminal) -> None:
    told = printed(width, terminal=terminal)
    assert "\N{HORIZONTAL ELLIPSIS}" not in told
    for name, figures in ROWS.items():
        for words in (name, *figures):
            assert words in " ".join(told.split())
    for head in HEADS:
        assert head in told


@pytest.mark.parametrize("width", [40, 60])
def test_a_terminal_gets_lines_that_fit(width) -> None:
    lines = printed(width, terminal=True).splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    assert lines[1] == "penchant"
    assert any("NDCG@100 0.2345" in line for line in lines)


def test_a_pipe_gets_one_row_a_line() -> None:
    lines = printed(40, terminal=False).splitlines()
    (row,) = [line for line in lines if line.strip().startswith("penchant")]
    assert all(figure in row for figure in ROWS["penchant"])


def test_where_it_fits_it_is_a_table() -> None:
    assert printed(200, terminal=True).splitlines()[2].split()[0] == "method"
