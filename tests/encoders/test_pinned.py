"""Models of packages are used only where their files are the known ones."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

import encoders.llm.packaged as language
from encoders.backends import minilm, multilingual
from encoders.base import EncoderError
from encoders.llm.errors import LanguageError
from encoders.load import load_encoder
from encoders.pinned import MINILM, MULTILINGUAL, SMOLLM2

ROOT = Path(__file__).resolve().parents[2]
ALL = pytest.mark.parametrize(
    ("pinned", "module", "inside"),
    [(MINILM, minilm, "model"), (MULTILINGUAL, multilingual, ""), (SMOLLM2, language, "")],
    ids=lambda of: getattr(of, "distribution", ""),
)


def folder_of(module, inside: str) -> Path:
    spec = find_spec(module.PACKAGE)
    if spec is None:
        pytest.skip(f"{module.PACKAGE} is not installed")
    return Path(spec.origin).parent / inside


@ALL
def test_what_is_installed_is_what_is_known(pinned, module, inside):
    assert pinned.mismatch(folder_of(module, inside)) is None
    assert version(pinned.distribution) == pinned.version
    for path in folder_of(module, inside).rglob("*"):
        is_read = path.suffix in {".json", ".safetensors", ".txt", ".gguf"}
        if is_read and path.name != "data_config.json":  # it says what was trained on
            assert str(path.relative_to(folder_of(module, inside))) in pinned.files


@ALL
def test_the_version_that_is_known_is_the_one_that_is_asked_for(pinned, module, inside):
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    assert f"{pinned.distribution}=={pinned.version}" in constraints
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*asked["dependencies"], *asked["optional-dependencies"]["multilingual"]]
    if pinned is not SMOLLM2:  # installed by hand, without its own dependencies
        assert f"{pinned.distribution}=={pinned.version}" in wanted


@ALL
def test_the_page_names_package_and_version(pinned, module, inside):
    page = (ROOT / "docs" / "how-to" / "models.md").read_text()
    assert f"{pinned.distribution} {pinned.version}" in page


def installed_in(folder: Path, module, inside: str, pinned, monkeypatch) -> Path:
    """A package of another content, where the module looks for it."""
    (folder / inside).mkdir(parents=True, exist_ok=True)
    for name in pinned.files:
        path = folder / inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"somebody's " + name.encode())
    spec = SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr(module, "find_spec", lambda name: spec)
    return folder / inside


def asked(module):
    if module is minilm:
        return minilm.packaged_folder
    return language.packaged_file if module is language else multilingual.MultilingualEncoder


@ALL
def test_another_content_is_refused_in_one_line(tmp_path, pinned, module, inside, monkeypatch):
    folder = installed_in(tmp_path, module, inside, pinned, monkeypatch)
    first = next(iter(pinned.files))
    found = sha256((folder / first).read_bytes()).hexdigest()
    with pytest.raises((EncoderError, LanguageError)) as caught:
        asked(module)()
    told = str(caught.value)
    assert "\n" not in told
    assert f"{pinned.distribution} {version(pinned.distribution)} " in told
    assert f"{folder / first} has the SHA-256 {found[:12]}..." in told
    assert f"{pinned.files[first][:12]}... is expected" in told
    assert f"{pinned.distribution}=={pinned.version}" in told


@ALL
def test_a_newer_package_with_the_same_files_is_as_good(
    tmp_path, pinned, module, inside, monkeypatch
):
    folder = installed_in(tmp_path, module, inside, pinned, monkeypatch)
    known = {name: sha256((folder / name).read_bytes()).hexdigest() for name in pinned.files}
    newer = replace(pinned, version="99.0", files=known)
    assert newer.mismatch(folder) is None
    (name, *_) = known
    (folder / name).write_bytes(b"changed, and of another size")
    assert "is expected" in newer.mismatch(folder)
    (folder / name).unlink()
    assert "cannot be read (No such file or directory)" in newer.mismatch(folder)


def test_one_changed_byte_of_a_setting_is_noticed(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(folder_of(minilm, "model"), folder)
    assert MINILM.mismatch(folder) is None
    config = folder / "1_Pooling" / "config.json"
    config.write_text(config.read_text().replace("true", "True", 1))
    assert "1_Pooling/config.json has the SHA-256" in MINILM.mismatch(folder)


def test_a_trusted_folder_is_loaded_as_it_is(model_folders, tiny):
    assert load_encoder(str(model_folders[0])).version == tiny[0].version
