"""Harmful, empty, truncated, half-written and wrong-size versions: each refused, with its reason.

What is in force goes on being in force whatever is tried.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from dataflows.errors import ModelError
from dataflows.registry.registry import Registry
from tests.dataflows.registry.tiny import about, write_adapter, write_sentence


@pytest.fixture
def good(registry, adds):
    """A version in force, that must stay so."""
    version = adds(registry)
    registry.promote(version, "won", 1.0)
    return version


def file_of(registry, version, name="model.safetensors"):
    path = registry._shelf.here(f"versions/encoder/{version}") / name
    path.chmod(0o644)
    return path


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, r"model\.safetensors is cut off: \d+ of \d+ bytes"),
        (empty, r"is cut off: 0 of \d+ bytes"),
        (lengthen, "is too long"),
        (flip, "was changed"),
        (Path.unlink, "is missing"),
    ],
)
def test_damaged_weights_are_refused_and_the_old_one_serves(registry, adds, good, damage, reason):
    version = adds(registry)
    damage(file_of(registry, version))
    with pytest.raises(ModelError, match=reason):
        registry.fetch(version)
    with pytest.raises(ModelError, match=reason):
        registry.promote(version, "won", 1.0)
    assert registry.current("encoder").id == good


def test_a_damaged_settings_file_is_refused_too(registry, adds, good):
    version = adds(registry)
    flip(file_of(registry, version, "1_Pooling/config.json"))
    with pytest.raises(ModelError, match=r"1_Pooling/config\.json was changed"):
        registry.promote(version, "won", 1.0)


def test_a_rollback_does_not_go_to_what_is_damaged(registry, adds, good):
    registry.promote(adds(registry), "won", 1.0)
    truncate(file_of(registry, good))
    with pytest.raises(ModelError, match="cut off"):
        registry.rollback("encoder", "worse", 1.0)
    assert registry.rollback("encoder", "worse", 1.0, to="").version == ""


@pytest.mark.parametrize("text", ["", '{"format": 1, "kind', '{"format": 1}'])
def test_a_damaged_manifest_hides_the_version_and_no_other(registry, adds, good, caplog, text):
    version = adds(registry)
    file_of(registry, version, "manifest.json").write_text(text)
    with pytest.raises(ModelError, match=r"its manifest\.json cannot be read"):
        registry.get(version)
    assert [one.id for one in registry.versions()] == [good]
    assert version in caplog.text


def test_a_manifest_of_another_version_is_refused(registry, adds, good):
    version = adds(registry)
    other = file_of(registry, good, "manifest.json").read_bytes()
    file_of(registry, version, "manifest.json").write_bytes(other)
    with pytest.raises(ModelError, match=f"is of {good}"):
        registry.fetch(version)


def test_a_manifest_cannot_name_files_outside_of_its_version(registry, adds):
    version = adds(registry)
    path = file_of(registry, version, "manifest.json")
    manifest = json.loads(path.read_bytes())
    manifest["files"]["../../secret"] = manifest["files"].pop("modules.json")
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="lies outside"):
        registry.fetch(version)


def test_an_empty_folder_and_one_without_weights_are_not_taken_in(registry, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="is empty"):
        registry.add("encoder", tmp_path / "empty", about())
    with pytest.raises(ModelError, match="is not a folder"):
        registry.add("encoder", tmp_path / "nothing", about())
    folder = write_sentence(tmp_path / "m")
    save_file({}, folder / "model.safetensors")
    with pytest.raises(ModelError, match="no tensor in its weights"):
        registry.add("encoder", folder, about())
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no tensor in its weights"):
        registry.add("encoder", folder, about())
    assert registry.versions() == []


def test_truncated_weights_are_not_taken_in(registry, tmp_path):
    folder = write_sentence(tmp_path / "m")
    truncate(folder / "model.safetensors")
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        registry.add("encoder", folder, about())
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        registry.add("encoder", folder, about())
    assert registry.versions() == []


def test_vectors_of_another_size_than_said_are_not_taken_in(registry, tmp_path):
    with pytest.raises(ModelError, match="wrong size: its vectors have 16 numbers, not 8"):
        registry.add("encoder", write_sentence(tmp_path / "m", dim=16), about())


def test_a_layer_that_ends_in_another_size_counts(registry, tmp_path):
    folder = write_sentence(tmp_path / "m")
    modules = json.loads((folder / "modules.json").read_bytes())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text('{"in_features": 8, "out_features": 4}')
    with pytest.raises(ModelError, match="its vectors have 4 numbers, not 8"):
        registry.add("encoder", folder, about())


def test_adapters_that_do_not_fit_are_not_taken_in(registry, tmp_path):
    fits = about(form="adapter", dim=16)
    with pytest.raises(ModelError, match=r"the rank in adapter_config\.json is 2"):
        registry.add("language", write_adapter(tmp_path / "rank", saved_rank=4), fits)
    with pytest.raises(ModelError, match="its base packaged has 16"):
        registry.add("language", write_adapter(tmp_path / "wide", hidden=32), fits)
    alone = write_adapter(tmp_path / "alone")
    save_file({"x.lora_A.weight": np.ones((2, 16))}, alone / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="has no partner"):
        registry.add("language", alone, fits)
    (alone / "adapter_config.json").unlink()
    with pytest.raises(ModelError, match=r"it has no adapter_config\.json"):
        registry.add("language", alone, fits)
    assert registry.versions() == []
    assert registry.add("language", write_adapter(tmp_path / "good"), fits).dim == 16


@pytest.mark.parametrize("name", ["weights.bin", "model.pt", "learner.pkl"])
def test_files_that_could_run_code_are_not_taken_in(registry, tmp_path, name):
    folder = write_sentence(tmp_path / "m")
    (folder / name).write_bytes(b"cos\nsystem\n")
    with pytest.raises(ModelError, match=r"may run code.*safetensors"):
        registry.add("encoder", folder, about())


def test_a_version_cannot_be_written_to_by_accident(registry, adds):
    version = adds(registry)
    folder = registry.fetch(version)
    modes = {path.stat().st_mode & 0o222 for path in folder.rglob("*") if path.is_file()}
    assert modes == {0}


WRITER = """
import shutil, sys, time
from pathlib import Path
from dataflows.registry.registry import Registry
from tests.dataflows.registry.tiny import about
root, folder = sys.argv[1:]
def half(source, target):
    content = Path(source).read_bytes()
    with open(target, "wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        print("half", flush=True)
        time.sleep(600)
shutil.copyfile = half
Registry(root).add("encoder", Path(folder), about())
"""


def test_a_writer_killed_in_the_middle_leaves_no_version(registry, adds, good, tmp_path):
    folder = write_sentence(tmp_path / "m", seed=7)
    arguments = [sys.executable, "-c", WRITER, str(tmp_path / "models"), str(folder)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "half\n"
        writer.send_signal(signal.SIGKILL)
    aside = tmp_path / "models" / "aside"
    (left,) = aside.iterdir()
    assert [one.id for one in registry.versions()] == [good]
    assert registry.current("encoder").id == good
    registry.gc(keep=5)
    assert left.exists(), "it may still be being written"
    long_ago = time.time() - 7200
    for path in (left, *left.rglob("*")):
        os.utime(path, (long_ago, long_ago))
    assert registry.gc(keep=5) == []
    assert list(aside.iterdir()) == []
    assert adds(registry).startswith("encoder-0003-")


def test_half_a_version_in_a_store_without_rename_is_no_version(tmp_path, adds, request):
    registry = Registry(f"memory://half-{request.node.name}", cache=tmp_path / "cache")
    version = adds(registry)
    shelf = registry._shelf
    shelf._fs.rm_file(shelf._at(f"versions/encoder/{version}/manifest.json"))
    with pytest.raises(ModelError, match="there is no version"):
        registry.get(version)
    assert registry.versions() == []
    registry.gc(keep=0)
    assert shelf.names("versions/encoder") == [version], "it may still be being written"
    registry.gc(keep=0, abandoned=0.0)
    assert shelf.names("versions/encoder") == []


def test_what_a_store_lost_is_missed_and_a_bad_copy_is_made_anew(tmp_path, adds, request):
    registry = Registry(f"memory://lost-{request.node.name}", cache=tmp_path / "cache")
    version = adds(registry)
    copy = registry.fetch(version)
    assert copy == tmp_path / "cache" / version
    truncate(copy / "model.safetensors")
    assert registry.fetch(version) == copy
    shelf = registry._shelf
    shelf._fs.rm_file(shelf._at(f"versions/encoder/{version}/model.safetensors"))
    assert registry.fetch(version) == copy, "the copy is whole"
    shutil.rmtree(copy)
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        registry.fetch(version)
    assert list((tmp_path / "cache").iterdir()) == []
    shelf._fs.pipe_file(shelf._at(f"versions/encoder/{version}/model.safetensors"), b"short")
    with pytest.raises(ModelError, match="cut off: 5 of"):
        registry.fetch(version)


def test_a_copy_elsewhere_is_made_once(registry, adds, tmp_path):
    version = adds(registry)
    first = registry.fetch(version, into=tmp_path / "copies")
    stamp = (first / "model.safetensors").stat().st_mtime_ns
    assert registry.fetch(version, into=tmp_path / "copies") == first
    assert (first / "model.safetensors").stat().st_mtime_ns == stamp
    assert [path.name for path in (tmp_path / "copies").iterdir()] == [version]


def test_a_damaged_promotion_is_passed_over(registry, good, tmp_path, adds, caplog):
    (tmp_path / "models" / "promotions" / "000001.json").write_bytes(b'{"sequence": 1, "ki')
    assert registry.current("encoder").id == good
    assert "promotions/000001.json is passed over" in caplog.text
    assert registry.promote(adds(registry), "won", 1.0).sequence == 2
