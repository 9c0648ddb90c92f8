"""Runs a notebook as a kernel would: cell by cell, and shows what the last line of each gives.

`python -m tests.notebooks examples/river_pipeline.ipynb` writes the outputs anew. It needs neither
Jupyter nor a kernel, and an output that differs in one character is a difference.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def outputs_of(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run a cell in the names of those before it; return its outputs as a notebook keeps them."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(ast.Module(body, []), f"cell {number}", "exec"), names)
        shown = None
        if last is not None:
            shown = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    found: list[dict[str, Any]] = []
    if said.getvalue():
        text = said.getvalue().splitlines(keepends=True)
        found.append({"name": "stdout", "output_type": "stream", "text": text})
    if shown is not None:
        found.append(
            {
                "data": {"text/plain": repr(shown).splitlines(keepends=True)},
                "execution_count": number,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return found


def run(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook (format 4) with the outputs that its code gives now."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            made = outputs_of("".join(cell["source"]), names, number)
            cells.append({**cell, "execution_count": number, "outputs": made})
        else:
            cells.append(cell)
    return {**notebook, "cells": cells}


def written(notebook: dict[str, Any]) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(written(run(json.loads(path.read_text("utf-8")))), "utf-8")
