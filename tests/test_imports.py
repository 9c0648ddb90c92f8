"""Heavy libraries are loaded only where they are used: what each way in leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

NOT_TO_START = {
    "accelerate",
    "bytewax",
    "confluent_kafka",
    "datasets",
    "jinja2",
    "numba",
    "numpy",
    "onnxruntime",
    "pandas",
    "peft",
    "pyarrow",
    "rich.console",
    "river",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "torch",
    "transformers",
}
"""What no help and no version needs."""
OF_A_CHECK = {"numpy", "rich.console"}
OF_A_RUN = {"bytewax", "numba", "numpy", "river", "scipy"}
"""SciPy's first module comes with Numba."""
BESIDE_A_RUN = {"river.datasets", "river.drift", "river.stream", "scipy.stats", "rich.live"}

AFTER = (
    "\nloaded = {name for name in %r if name in sys.modules}"
    "\nsys.exit(', '.join(sorted(loaded)) or None)"
)
COMMAND = """
import sys
from dataflows.cli.main import main
sys.argv = ["penchant", *%r]
try:
    main()
except SystemExit as ended:
    if ended.code:
        raise
"""


def loaded_by(script: str, heavy: set[str]) -> str:
    """Run a script in a new process; return which modules of `heavy` it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", script + AFTER % sorted(heavy)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return done.stderr.strip() or f"exit status {done.returncode}"
    return ""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "events.jsonl"
    with path.open("w") as lines:
        for number in range(40):
            event = {
                "event_id": f"e{number}",
                "user_id": f"u{number % 4}",
                "item_id": f"i{number % 7}",
                "type": "view",
                "ts": 1_700_000_000 + number,
            }
            lines.write(json.dumps(event) + "\n")
    return path


def test_a_module_that_is_loaded_is_told():
    assert loaded_by("import sys, json.decoder", {"json.decoder", "torch"}) == "json.decoder"


@pytest.mark.parametrize(
    "args", [[], ["--help"], ["--version"], ["replay", "--help"], ["models", "list", "--help"]]
)
def test_help_and_versions_load_nothing_heavy(args):
    assert loaded_by(COMMAND % args, NOT_TO_START) == ""


def test_a_check_loads_no_learner(log):
    assert loaded_by(COMMAND % ["check", str(log)], NOT_TO_START - OF_A_CHECK) == ""


def test_the_process_loads_no_library_that_it_may_not_need():
    heavy = NOT_TO_START - OF_A_RUN | BESIDE_A_RUN
    assert loaded_by("import sys, dataflows.app.run", heavy | {"fsspec"}) == ""


def test_a_replay_without_a_model_loads_none(log):
    command = COMMAND % ["replay", str(log), "--encoder", "hashing-16"]
    heavy = NOT_TO_START - OF_A_RUN - {"rich.console"} | BESIDE_A_RUN - {"rich.live"}
    assert loaded_by(command, heavy) == ""
