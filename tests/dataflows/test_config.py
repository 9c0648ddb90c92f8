import re
from pathlib import Path

import msgspec
import pytest

from dataflows.config import Config, load_config, settings
from dataflows.errors import InputError
from dataflows.limits import told as limits_of

ROOT = Path(__file__).resolve().parents[2]


def given(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "penchant.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_then_the_environment_then_the_command_line(tmp_path):
    path = given(tmp_path, "[learner]\nk = 3\nseed = 3\nrecent = 3\n[files]\nfollow = true\n")
    environ = {"PENCHANT_LEARNER__K": "4", "PENCHANT_LEARNER__SEED": "4", "PENCHANT_OTHER": "x"}
    found = load_config(path, {"learner.k": 5}, environ)
    assert (found.learner.k, found.learner.seed, found.learner.recent) == (5, 4, 3)
    assert found.files.follow
    assert load_config(None, None, {}) == Config()


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("KAFKA__GROUP_ID", "42", "42"),
        ("FILES__FOLLOW", "true", True),
        ("FILES__ITEMS", "i.jsonl", "i.jsonl"),
        ("FLOW__EPOCH_SECONDS", "2", 2.0),
        ("CLEAN__WEIGHTS", "{view = 0.5}", {"view": 0.5}),
        ("STATE__SHARDS", "3", 3),
    ],
)
def test_the_environment_is_read_as_the_type_wants_it(variable, text, value):
    found = load_config(None, None, {f"PENCHANT_{variable}": text})
    section, _, name = variable.lower().partition("__")
    assert getattr(getattr(found, section), name) == value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[learner]\nk = 0", ["learner.k is 0", "from 1 to 1000"]),
        ("[files]\nbatch_size = 0", ["files.batch_size is 0", "from 1 to 100000"]),
        ("[files]\nbatch_size = 'x'", ["files.batch_size is 'x'", "`int`", "from 1 to 100000"]),
        ("[flow]\nsource = 'kafak'", ["flow.source is 'kafak'", "'files', 'kafka'"]),
        ("[learner]\nkk = 1", ["no setting learner.kk", "did you mean learner.k?"]),
        ("[lerner]\nk = 1", ["no section lerner", "did you mean learner?"]),
        ("k = 1", ["k = 1 stands outside a section"]),
        (
            "[clean]\nweights = {view = 'x'}",
            ["clean.weights: 'view' is 'x'", "`float`", "-1000 to 1000"],
        ),
        ("[kafka]\nbatch_size = 0", ["kafka", "batch_size is 0", "from 1 to"]),
        ("[events]\nmin_time = inf", ["events.min_time is inf", "to 253402300799"]),
        ("[files\n", ["not TOML", "line 1"]),
    ],
)
def test_a_bad_file_is_one_line_with_place_value_limit_and_page(tmp_path, text, parts):
    path = given(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_config(path, None, {})
    message = str(caught.value)
    assert "\n" not in message
    for part in [str(path), "docs/config.md", *parts]:
        assert part in message


def test_a_bad_variable_or_option_is_named(tmp_path):
    for environ, overrides, where in [
        ({"PENCHANT_FILES__BATCH_SIZE": "many"}, {}, "PENCHANT_FILES__BATCH_SIZE"),
        ({"PENCHANT_FILES__BACH_SIZE": "1"}, {}, "PENCHANT_FILES__BACH_SIZE"),
        ({"PENCHANT_LEARNER__K": "0"}, {}, "PENCHANT_LEARNER__K"),
        ({}, {"learner.k": 0}, "the command line"),
    ]:
        with pytest.raises(InputError, match=where):
            load_config(None, overrides, environ)


def test_a_missing_or_binary_file_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_config(tmp_path / "none.toml", None, {})
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not TOML"):
        load_config(tmp_path / "b.toml", None, {})


def page() -> str:
    return (ROOT / "docs" / "config.md").read_text(encoding="utf-8")


def told(default: object) -> str:
    """Write a default as TOML would."""
    if default is None:
        return "(none)"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, dict):
        return "{}"
    if isinstance(default, tuple):
        return str(list(default))
    return f'"{default}"' if isinstance(default, str) else str(default)


def test_the_page_names_every_setting_with_its_default_and_no_other():
    pattern = r"^\| `(\w+\.\w+)` \| `([^`]+)` \|(?: (.*?))? \| \S"
    rows = {row[0]: row[1:] for row in re.findall(pattern, page(), re.MULTILINE)}
    wanted = {
        name: (
            told(
                field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            ),
            limits_of(field.type),
        )
        for name, field in settings()
    }
    assert rows == wanted


def test_the_example_on_the_page_is_a_configuration(tmp_path):
    examples = re.findall(r"```toml\n(.*?)```", page(), re.DOTALL)
    assert examples
    for example in examples:
        load_config(given(tmp_path, example), None, {})
