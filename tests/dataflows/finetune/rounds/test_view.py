from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest
from rich.console import Console

from dataflows.finetune.rounds.folder import RoundFolder
from dataflows.finetune.rounds.view import LogView, describe_decision, describe_step, terminal_view
from dataflows.finetune.tuner import StageProgress
from dataflows.registry.decisions import LOG_RANK, Evidence, GateDecision, PairedMeasure

FIGURES = {LOG_RANK: PairedMeasure(-6.0, -5.7, 0.3, 0.2, 0.4)}
EVIDENCE = Evidence("encoder", 1234, FIGURES, None)
PROMOTED = GateDecision("encoder", "promote", (), EVIDENCE, candidate="encoder-0001-abc")
REFUSED = GateDecision("encoder", "refuse", ("no [gain]", "harm"), Evidence("encoder", 0, {}, None))


@pytest.fixture
def folder(tmp_path: Path) -> RoundFolder:
    return RoundFolder(tmp_path, "encoder", 7, 0)


def test_a_decision_in_one_line():
    assert describe_decision(PROMOTED) == (
        "promoted encoder-0001-abc; -log2(rank) -6.000 -> -5.700, gain +0.300 "
        "[+0.200, +0.400] over 1,234 events"
    )
    assert describe_decision(REFUSED) == "refused: no [gain]; harm"


def test_a_step_in_one_line():
    assert (
        describe_step(StageProgress("training", 30, 150, "loss 1.61"))
        == "training 30 of 150, loss 1.61"
    )
    assert describe_step(StageProgress("measuring")) == "measuring"


def test_the_log_tells_stages_at_once_and_steps_now_and_then(folder, caplog):
    caplog.set_level(logging.INFO)
    now = [0.0]
    view = LogView(10.0, lambda: now[0])
    view.begun(folder)
    for second in range(25):
        now[0] = float(second)
        view.step(folder, StageProgress("training", second, 25))
    view.step(folder, StageProgress("measuring"))
    view.failed(folder, "the round crashed")
    folder.failed("the round crashed")
    view.begun(folder)
    view.decided(folder, PROMOTED)
    assert [record.getMessage() for record in caplog.records] == [
        "encoder round 7 begins",
        "encoder round 7: training 0 of 25",
        "encoder round 7: training 10 of 25",
        "encoder round 7: training 20 of 25",
        "encoder round 7: measuring",
        "encoder round 7: the round crashed; it is tried again",
        "encoder round 7 begins, attempt 2",
        f"encoder round 7: {describe_decision(PROMOTED)}",
    ]


def test_the_log_tells_how_far_reading_is_where_anything_moved(caplog):
    caplog.set_level(logging.INFO)
    now = [0.0]
    view = LogView(10.0, lambda: now[0])
    for second in range(40):
        now[0] = float(second)
        view.read(min(second, 15), 5)
    assert [record.getMessage() for record in caplog.records] == [
        "0 events read, the newest 5 kept",
        "10 events read, the newest 5 kept",
        "15 events read, the newest 5 kept",
    ]


def test_a_terminal_shows_a_bar_and_keeps_decisions(folder):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=160)
    with terminal_view(console) as view:
        view.step(folder, StageProgress("nothing begun"))
        view.read(1234, 1000)
        view.begun(folder)
        view.step(folder, StageProgress("training", 30, 150, "loss 1.61"))
        view._bars.refresh()
        view.failed(folder, "the round [crashed]")
        view.begun(folder)
        view.decided(folder, REFUSED)
    told = out.getvalue()
    assert "encoder round 7: training" in told
    assert "loss 1.61" in told
    assert "the round [crashed]; it is tried again" in told
    assert "encoder round 7: refused: no [gain]; harm" in told
    assert "1,234 events, the newest 1,000 kept" in told
    assert "nothing begun" not in told
