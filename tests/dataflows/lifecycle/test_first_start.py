"""The line that says that a first start compiles."""

from __future__ import annotations

import logging

import pytest

from dataflows.lifecycle import first_start
from dataflows.lifecycle.first_start import announce_compiling, compiling_line


@pytest.mark.parametrize(
    ("share", "keeps", "said"),
    [
        (0.0, True, "once per machine: about half a minute"),
        (0.4, False, "at each start, as no folder keeps them: about half a minute"),
        (0.6, True, ""),
        (1.0, True, ""),
    ],
)
def test_it_is_said_where_most_is_yet_to_be_compiled(monkeypatch, caplog, share, keeps, said):
    monkeypatch.setattr(first_start, "kept_share", lambda: share)
    monkeypatch.setattr(first_start, "keeps_compiled", lambda: keeps)
    caplog.set_level(logging.INFO)
    announce_compiling()
    assert bool(caplog.text) == bool(said)
    assert said in caplog.text
    assert said in compiling_line()


def test_a_run_says_it_before_its_flow_starts(monkeypatch, caplog, tmp_path):
    from dataflows.app import run as running
    from dataflows.config.config import load_config

    monkeypatch.setattr(first_start, "kept_share", lambda: 0.0)
    (tmp_path / "events.jsonl").write_text(
        '{"event_id":1,"user_id":"u","type":"view","item_id":"a","ts":1700000000}\n'
    )
    settings = {
        "encoder.name": "hashing-32",
        "files.events": str(tmp_path / "events.jsonl"),
        "files.output": str(tmp_path / "output"),
        "state.path": str(tmp_path / "state"),
    }
    begun = []
    monkeypatch.setattr(running, "cli_main", lambda *_, **__: begun.append(caplog.text))
    caplog.set_level(logging.INFO)
    running.run(load_config(None, settings, {}))
    assert "compiling the learner's loops" in begun[0]
