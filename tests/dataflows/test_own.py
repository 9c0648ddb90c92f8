from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.own import check_own_packages

ROOT = Path(__file__).resolve().parents[2]
CHECK = "from dataflows.own import check_own_packages; check_own_packages()"


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
