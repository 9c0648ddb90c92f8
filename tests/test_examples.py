"""Each script of examples/ runs as it stands, and prints what it is there to show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
SHOWN = {
    "follow_lists.py": r"ada took pot: next cup .*dee took pen: next ink \(chosen right after “",
    "replay_a_log.py": r"3,000 events learnt, .*penchant +HR@10 0\.[23].*popularity +HR@10 0\.0",
    "teach_intents.py": r"after camping with 9\d%.*is offered Head torch.*a label for it: learn",
}
ELSEWHERE = {
    "kafka_round_trip.py": "tests/dataflows/connectors/kafka/test_kafka_example.py",
    "library_quick_start.py": "tests/test_library_examples.py",
}
"""Where others are run: what needs a broker, and what is looked at more closely."""


def test_each_script_is_run() -> None:
    assert {path.name for path in SCRIPTS} == {*SHOWN, *ELSEWHERE}
    for test in ELSEWHERE.values():
        assert (ROOT / test).is_file()


@pytest.mark.parametrize("name", SHOWN)
def test_it_prints_what_it_shows(name: str, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert re.search(SHOWN[name], process.stdout, re.DOTALL), process.stdout
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"
