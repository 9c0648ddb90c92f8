"""The examples of the library run, and say what they are kept to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests import notebooks

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "examples" / "river_pipeline.ipynb"


def outputs(notebook) -> list:
    return [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_gives_the_outputs_that_are_kept_in_it() -> None:
    kept = json.loads(NOTEBOOK.read_text("utf-8"))
    assert outputs(notebooks.run(kept)) == outputs(kept)
    assert all(outputs(kept)), "a cell that shows nothing shows no reader anything"
    assert NOTEBOOK.stat().st_size < 20_000


def test_a_notebook_keeps_what_was_printed_and_the_last_value() -> None:
    source = ["x = 2\n", "print(x)\n", "x + 1"]
    plain = {"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "source": source}]}
    text, cell = notebooks.run(plain)["cells"]
    assert text == {"cell_type": "markdown"}
    printed, shown = cell["outputs"]
    assert printed["text"] == ["2\n"]
    assert shown["data"] == {"text/plain": ["3"]}
    assert notebooks.outputs_of("x = 1\nx == 1 and None", {}, 1) == []


def test_the_quick_start_of_the_library_runs(tmp_path) -> None:
    script = ROOT / "examples" / "library_quick_start.py"
    for args in ([], [str(tmp_path / "shop")]):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script), *args],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout.splitlines()
        assert said[0] == "fay took the kettle. Her list:"
        assert {line.split()[0] for line in said[1:3]} == {"teapot", "cups"}
        assert said[4].startswith("She searches for a lamp, and is shown the lamp")
        assert "Atlas of the seas" in said[5]
        assert said[-1] == "Saved and loaded, equal: True"
    assert (tmp_path / "shop" / "recommender.json").is_file()
