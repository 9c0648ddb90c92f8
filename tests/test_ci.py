"""What runs at a commit and at a push: it can be read, and what it calls is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
BIN = Path(sys.executable).parent


def rule(target: str) -> tuple[str, str]:
    """Return what a target of the Makefile needs, and its commands."""
    found = re.search(rf"^{re.escape(target)}:(.*)\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1].strip(), found[2]


def jobs() -> dict[str, dict]:
    return yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]


def runs(job: dict) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def hooks() -> dict[str, dict]:
    (local,) = yaml.safe_load(HOOKS.read_text("utf-8"))["repos"]
    assert local["repo"] == "local"
    return {hook["id"]: hook for hook in local["hooks"]}


def test_the_hooks_are_valid() -> None:
    done = subprocess.run(
        [BIN / "pre-commit", "validate-config", HOOKS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_are_what_lint_runs() -> None:
    _, commands = rule("lint")
    of_lint = {line.split()[0] + line.rpartition("/")[2] for line in commands.splitlines()}
    assert len(of_lint) == 4
    for hook in hooks().values():
        words = [word for word in hook["entry"].split() if word != "--force-exclude"]
        assert any(line.split()[: len(words)] == words for line in commands.splitlines()), hook
    assert len(hooks()) == len(of_lint)


def test_the_hooks_are_run_from_the_environment() -> None:
    for hook in hooks().values():
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/")
        assert (BIN / Path(program).name).is_file(), f"{program}: run `make .venv/installed-test`"
        assert hook["language"] == "system"


def test_a_hook_that_takes_files_finds_what_is_wrong_and_leaves_it(tmp_path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import os\nx  =  1\n")
    for name in ("ruff", "ruff-format"):
        words = hooks()[name]["entry"].split()
        done = subprocess.run(
            [BIN / Path(words[0]).name, *words[1:], "--no-cache", wrong],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1
    assert wrong.read_text() == "import os\nx  =  1\n"


def test_the_workflow_runs_on_pushes_and_pull_requests_and_may_only_read() -> None:
    read = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    assert set(read[True]) == {"push", "pull_request"}  # YAML 1.1 takes `on` for true
    assert read["permissions"] == {"contents": "read"}
    assert set(read["jobs"]) == {"quick", "all"}


@pytest.mark.parametrize("name", ["quick", "all"])
def test_what_a_job_calls_is_there(name) -> None:
    called = runs(jobs()[name])
    assert called
    for line in called:
        program, *words = line.split()
        if program in {"make", "touch"}:
            assert all(rule(word) for word in words)
        else:
            assert os.access(ROOT / program, os.X_OK), program


def test_every_step_of_others_is_pinned_to_a_commit() -> None:
    used = [step["uses"] for job in jobs().values() for step in job["steps"] if "uses" in step]
    assert len(used) == 6
    assert [each for each in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each)] == []


def test_the_whole_job_is_the_one_that_every_change_must_pass() -> None:
    assert runs(jobs()["all"]) == [".ci/run"]
    versions = jobs()["all"]["strategy"]["matrix"]["python"]
    about = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    told = re.findall(r"Python :: (3\.\d+)", " ".join(about["classifiers"]))
    assert versions == told


def test_the_quick_job_is_lint_and_tests_that_are_there() -> None:
    assert runs(jobs()["quick"])[-1] == "make quick"
    needs, _ = rule("quick")
    assert needs == "lint"
    named = re.search(r"^QUICK := ((?:.*\\\n)*.*)", MAKEFILE, re.MULTILINE)
    assert named is not None
    paths = named[1].replace("\\\n", " ").split()
    assert "tests/learners" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
