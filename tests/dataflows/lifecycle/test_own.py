from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.lifecycle.own_packages import check_own_packages

ROOT = Path(__file__).resolve().parents[3]
CHECK = "from dataflows.lifecycle.own_packages import check_own_packages; check_own_packages()"


def run_check(path: list[Path]) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path[:0] = {[str(p) for p in path]!r}\n{CHECK}"
    return subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )


def test_our_packages_pass():
    check_own_packages()
    assert run_check([ROOT]).returncode == 0


@pytest.mark.parametrize("name", ["learners", "encoders"])
def test_a_foreign_package_is_refused(tmp_path: Path, name: str):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    result = run_check([tmp_path, ROOT])
    assert result.returncode != 0
    assert "ForeignPackageError" in result.stderr
    assert str(tmp_path / name) in result.stderr


def test_a_foreign_distribution_is_refused(tmp_path: Path):
    folder = tmp_path / "learners-9.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: learners\nVersion: 9.1\n")
    result = run_check([tmp_path, ROOT])
    assert result.returncode != 0
    assert "learners 9.1" in result.stderr
    assert "pip uninstall learners" in result.stderr


def copy_of_ours(folder: Path, *, checkout: bool) -> Path:
    """Ours as a wheel puts it into an environment: the three packages, and nothing beside them."""
    for name in ("dataflows", "learners", "encoders"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("")
    lifecycle = folder / "dataflows" / "lifecycle"
    lifecycle.mkdir()
    shutil.copy(ROOT / "dataflows" / "lifecycle" / "own_packages.py", lifecycle)
    if checkout:
        (folder / "Makefile").write_text("install:\n")
    return folder


@pytest.mark.parametrize("what", ["folder", "first file"])
@pytest.mark.parametrize(
    ("checkout", "remedy"),
    [
        (False, "run `pip install --force-reinstall --no-deps penchant`"),
        (True, "restore the folder learners of the checkout, then run `make install`"),
    ],
)
def test_a_package_of_ours_that_is_gone_is_named_with_the_fitting_remedy(
    tmp_path: Path, what: str, checkout: bool, remedy: str
) -> None:
    ours = copy_of_ours(tmp_path / "site", checkout=checkout)
    assert run_check([ours]).returncode == 0
    if what == "folder":
        shutil.rmtree(ours / "learners")
    else:  # what `pip uninstall` of a package of that name leaves of it
        (ours / "learners" / "__init__.py").unlink()
    result = run_check([ours])
    assert result.returncode != 0
    last = result.stderr.splitlines()[-1]
    assert "MissingPackageError: penchant's own package learners is missing" in last
    assert last.endswith(remedy)


def test_a_clash_in_a_wheels_environment_does_not_name_make(tmp_path: Path) -> None:
    ours = copy_of_ours(tmp_path / "site", checkout=False)
    folder = ours / "learners-9.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: learners\nVersion: 9.1\n")
    last = run_check([ours]).stderr.splitlines()[-1]
    assert last.endswith(
        "run `pip uninstall learners`, then `pip install --force-reinstall --no-deps penchant`"
    )
    assert "make" not in last.split("clashes")[1]


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    """The whole command line, from a copy of the package that lacks one of its three parts."""
    shutil.copytree(ROOT / "dataflows", tmp_path / "dataflows")
    shutil.copytree(ROOT / "encoders", tmp_path / "encoders")
    for args in (["--version"], ["replay", "x.jsonl"]):
        done = subprocess.run(
            [sys.executable, "-m", "dataflows.cli.main", *args],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("penchant: penchant's own package learners is missing")
