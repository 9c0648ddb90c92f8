"""After the demo: what was played can be looked at, and is there until Ctrl-C where one asks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

from dataflows.cli.demo.demo import run_demo
from dataflows.config.config import load_config

ROOT = Path(__file__).parents[4]


def test_a_demo_that_stays_answers_for_what_was_played_until_it_is_interrupted(tmp_path):
    command = ["demo", "--events", "300", "--encoder", "hashing-16", "--no-rounds", "--stay"]
    said = tmp_path / "said.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "dataflows.cli.main", *command, "--out", str(tmp_path / "out")],
            stdout=file,
            stderr=file,
            env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        )
        try:
            deadline = time.monotonic() + 120
            while not (found := re.search(r"Look at it: (http://\S+)", said.read_text())):
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.05)
            with urlopen(found[1], timeout=30) as answer:
                assert b"/page/app.js" in answer.read()
            arrived = 0
            while arrived < 300:
                assert time.monotonic() < deadline
                with urlopen(f"{found[1]}v1/status", timeout=30) as answer:
                    arrived = json.load(answer).get("ledger", {}).get("arrived", 0)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, said.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert "Traceback" not in said.read_text()


def test_a_demo_that_does_not_stay_says_how_it_can_be_looked_at(tmp_path, capsys):
    out = tmp_path / "out"
    run_demo(None, None, 200, out, load_config(None, {"encoder.name": "hashing-16"}), rounds=False)
    said = re.search(
        r"penchant run --config (\S+), then http://127\.0\.0\.1:8080/", capsys.readouterr().out
    )
    assert said is not None
    made = load_config(Path(said[1]), None, {})
    assert made.serve.enabled
    assert Path(made.files.events).is_file()
    assert made.encoder.name == "hashing-16"
