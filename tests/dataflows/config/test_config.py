import re
from pathlib import Path

import pytest

from dataflows.cli.main import _arguments
from dataflows.config.config import Config, load_config, settings
from dataflows.config.kinds import PATH, is_marked
from dataflows.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


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
        (
            "[files]\nbatch_size = 'x'",
            ["files.batch_size is 'x': it must be a whole number from 1 to 100000"],
        ),
        ("[flow]\nsource = 'kafak'", ["flow.source is 'kafak'", "'files', 'kafka'"]),
        ("[learner]\nkk = 1", ["no setting learner.kk", "did you mean learner.k?"]),
        ("[lerner]\nk = 1", ["no section lerner", "did you mean learner?"]),
        ("k = 1", ["k = 1 stands outside a section"]),
        (
            "[clean]\nweights = {view = 'x'}",
            ["clean.weights: 'view' is 'x': it must be a number from -1000 to 1000"],
        ),
        ("[learner]\nk = 'x'", ["learner.k is 'x': it must be a whole number from 1 to 1000"]),
        ("[clean]\nweights = 3", ["clean.weights is 3: it must be a table of numbers from -1000"]),
        ("[files]\nfollow = 3", ["files.follow is 3: it must be true or false"]),
        ("[encoder]\nname = 3", ["encoder.name is 3: it must be text;"]),
        ("[encoder]\nrevision = ''", ["encoder.revision is '': it must not be empty;"]),
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
    for part in [str(path), "docs/reference/config.md", *parts]:
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
    return (ROOT / "docs" / "reference" / "config.md").read_text(encoding="utf-8")


def test_the_example_on_the_page_is_a_configuration(tmp_path):
    examples = re.findall(r"```toml\n(.*?)```", page(), re.DOTALL)
    assert examples
    for example in examples:
        load_config(given(tmp_path, example), None, {})


def test_a_file_with_a_mark_at_its_beginning_is_read(tmp_path):
    path = tmp_path / "penchant.toml"
    path.write_bytes(b"\xef\xbb\xbf[learner]\nk = 3\n")
    assert load_config(path, None, {}).learner.k == 3


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("PENCHANT_LEARNER_K", "PENCHANT_LEARNER__K"),
        ("PENCHANT_LEARNER__KK", "PENCHANT_LEARNER__K"),
        ("PENCHANT_KAFKA_BATCH_SIZE", "PENCHANT_KAFKA__BATCH_SIZE"),
        ("PENCHANT_KAFKA_BOOTSTRAP_SERVER", "PENCHANT_KAFKA__BOOTSTRAP_SERVERS"),
        ("PENCHANT_learner__k", "PENCHANT_LEARNER__K"),
    ],
)
def test_a_variable_that_looks_like_a_slip_is_refused_with_the_right_name(variable, near):
    with pytest.raises(InputError, match=f"{variable}: .*did you mean {near}?"):
        load_config(None, None, {variable: "20"})


def test_variables_of_others_are_passed_over_and_told(caplog):
    others = {
        "PENCHANT_SERVICE_HOST": "10.0.0.1",
        "PENCHANT_SERVICE_PORT": "8080",
        "PENCHANT_PORT": "tcp://10.0.0.1:8080",
        "PENCHANT_PORT_8080_TCP_ADDR": "10.0.0.1",
        "PENCHANT_KAFKA_SERVICE_HOST": "10.0.0.2",
        "PENCHANT_KAFKA_PORT_9092_TCP": "tcp://10.0.0.2:9092",
        "PENCHANT_HOME": "/x",
    }
    ours = {
        "PENCHANT_CONFIG": "x",
        "PENCHANT_DEBUG": "1",
        "PENCHANT_TEST_BROKERS": "x",
        "PENCHANT_DECISIONS_KEY": "x",
        "PENCHANT_DECISIONS_KEY_FILE": "x",
    }
    assert load_config(None, None, others | ours) == Config()
    (record,) = caplog.records
    assert all(name in record.getMessage() for name in others)
    assert not any(name in record.getMessage() for name in ours)


def test_the_home_may_stand_at_the_beginning_of_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = [name for name, field in settings() if is_marked(field.type, PATH)]
    assert {"files.events", "files.items", "files.output", "state.path", "encoder.name"} <= {*paths}
    assert {"models.root", "models.cache", "finetune.path", "generate.model"} <= {*paths}
    for name in paths:
        found = load_config(None, {name: "~/x"}, {})
        section, _, key = name.partition(".")
        assert getattr(getattr(found, section), key) == f"{tmp_path}/x"
        variable = "PENCHANT_" + name.upper().replace(".", "__")
        found = load_config(None, None, {variable: "~/x"})
        assert getattr(getattr(found, section), key) == f"{tmp_path}/x"
    static = load_config(None, {"encoder.name": "static:~/x"}, {})
    assert static.encoder.name == f"static:{tmp_path}/x"
    odd = load_config(None, {"files.output": "a~b", "files.events": "~someone-else/x"}, {})
    assert (odd.files.output, odd.files.events) == ("a~b", "~someone-else/x")


def test_every_setting_that_is_a_path_is_marked_as_one():
    words = re.compile(r"\b(path|folder|root|cache|model|output)\b")
    for name, field in settings():
        kind = str(field.type)
        if words.search(name.partition(".")[2]) and "str" in kind and "Literal" not in kind:
            assert is_marked(field.type, PATH), name


def test_the_command_line_knows_the_home_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        "sys.argv", ["penchant", "replay", "~/e.jsonl", "--items=~/i.jsonl", "--k=3", "~5 %"]
    )
    wanted = ["replay", f"{tmp_path}/e.jsonl", f"--items={tmp_path}/i.jsonl", "--k=3", "~5 %"]
    assert _arguments() == wanted
