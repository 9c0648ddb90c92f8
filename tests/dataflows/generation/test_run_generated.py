"""The whole process on files with a language model beside it, and which model that is."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import jsonschema
import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.config.generate import GenerateSettings
from dataflows.errors import InputError
from dataflows.generation import open as opening
from dataflows.generation.open import Renewal, learner_with, open_worker
from encoders.backends.hashing import HashingEncoder
from encoders.llm.errors import AdapterError, LanguageError
from learners.settings import LearnerSettings
from tests.dataflows.generation.test_shard_client import SCHEMA
from tests.encoders.llm.tiny_model import WORDS, tiny_model

ENCODER = HashingEncoder(16)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    model, folder = tiny_model(), tmp_path_factory.mktemp("tiny")
    model.model.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def events(numbers):
    return [
        {
            "event_id": f"e{n}",
            "user_id": f"u{n % 4}",
            "item_id": f"i{n * 7 % 24}",
            "type": "view",
            "ts": 1.7e9 + n,
            "text": f"w{n % 12}",
        }
        for n in numbers
    ]


def config_of(folder, model, **changes):
    given = {
        "files.events": str(folder / "events.jsonl"),
        "files.items": str(folder / "items.jsonl"),
        "files.output": str(folder / "output"),
        "files.batch_size": 10,
        "state.path": str(folder / "state"),
        "generate.model": str(model),
        "generate.candidates": True,
        "generate.narratives": True,
        "generate.narrative_seconds": 0.0,
        "generate.narratives_per_minute": 1000.0,
        "generate.every": 4,
        "generate.items": 5,
        "generate.teacher_share": 0.5,
        "generate.teacher_labels": ["w1 w2", "w3"],
        "generate.teacher_margin": 0.0,
    }
    return load_config(None, {**given, **changes}, {})


def test_a_run_names_items_tells_lists_and_teaches_and_goes_on_after_a_restart(
    tmp_path, model_folder
):
    items = [
        {"item_id": f"i{n}", "title": f"{WORDS[n % 12]} {WORDS[n * 5 % 12]}", "categories": ["w3"]}
        for n in range(24)
    ]
    lines(tmp_path / "items.jsonl", items)
    lines(tmp_path / "events.jsonl", events(range(40)))
    config = config_of(tmp_path, model_folder)
    (engine,) = run(config, ENCODER)
    counts = engine.counts
    assert counts["generate_users"] > 0
    assert counts["generate_items"] > 0
    assert counts["narratives_sent"] > 0
    assert counts["teacher_learnt"] > 0
    assert not {name for name in counts if "failed" in name or "unavailable" in name}
    engine.ledger.balance()
    assert set(engine.model.generation.labels()) <= {"w1 w2", "w3"}
    schema = json.loads(SCHEMA.read_text())
    told = [json.loads(x) for x in (tmp_path / "output/narratives.jsonl").read_text().splitlines()]
    assert len(told) == counts["narratives_sent"]
    for message in told:
        jsonschema.validate(message, schema)
    titles = {item["item_id"]: item["title"] for item in items}
    assert all(p["title"] == titles[p["item_id"]] for m in told for p in m["items"])

    lines(tmp_path / "events.jsonl", events(range(60)))
    (again,) = run(config, ENCODER)
    assert len(again.model.generated) >= len(engine.model.generated) > 0
    off = {
        "generate.candidates": False,
        "generate.narratives": False,
        "generate.teacher_share": 0.0,
    }
    lines(tmp_path / "events.jsonl", events(range(70)))
    (plain,) = run(config_of(tmp_path, model_folder, **off), ENCODER)
    assert plain.model.learnt == 70
    assert not any(name.startswith(("generate", "narr", "teach")) for name in plain.counts)


def test_a_model_that_is_not_there_is_told_and_the_lists_come_all_the_same(tmp_path, caplog):
    lines(tmp_path / "items.jsonl", [{"item_id": "i1", "title": "w1"}])
    lines(tmp_path / "events.jsonl", events(range(12)))
    with caplog.at_level(logging.ERROR):
        (engine,) = run(config_of(tmp_path, tmp_path / "no model here"), ENCODER)
    assert engine.model.learnt == 12
    assert engine.counts["lists_sent"] > 0
    assert "nothing is generated" in caplog.text


def test_without_the_package_the_process_says_so_before_it_starts(monkeypatch):
    def missing():
        raise LanguageError("the packaged language model is not installed: run pip")

    monkeypatch.setattr(opening, "packaged_file", missing)
    config = load_config(None, {"generate.narratives": True}, {})
    with pytest.raises(InputError, match=r"generate\.model: .*not installed"):
        open_worker(config, lambda: False)
    assert open_worker(load_config(None, {}, {}), lambda: False) is None


def test_the_learner_has_room_for_named_items_only_where_they_are_asked_for():
    settings = LearnerSettings()
    assert learner_with(settings, GenerateSettings(narratives=True)) is settings
    assert learner_with(settings, GenerateSettings(candidates=True, items=7)).generated == 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"items": 101},
        {"beams": 0},
        {"teacher_share": 1.5},
        {"model": " "},
        {"narratives_per_minute": 0},
        {"nice": 20},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GenerateSettings(**wrong)


class Shelf:
    """A registry of language models: which is in force, and where it lies."""

    def __init__(self, path):
        self.version, self.path, self.asked = None, path, 0

    def current(self, kind):
        assert kind == "language"
        self.asked += 1
        if self.version == "lost":
            raise OSError("the disk is gone")
        return self.version and SimpleNamespace(id=self.version)

    def fetch(self, version):
        return self.path / version


class Base:
    def __init__(self, version="base"):
        self.version = version

    def with_adapter(self, folder, name):
        if name == "bad":
            raise AdapterError("the adapter 'bad' is refused")
        return Base(f"base+{folder.name}")


def test_the_model_follows_what_is_in_force(tmp_path, caplog):
    shelf, base, now = Shelf(tmp_path), Base(), [0.0]
    renewal = Renewal(shelf, base, 1.0, lambda: now[0])

    def renewed(model):
        now[0] += 2.0
        return renewal(model)

    assert renewed(base) is None
    shelf.version = "one"
    first = renewed(base)
    assert first.version == "base+one"
    assert renewed(first) is None
    asked = shelf.asked
    assert renewal(first) is None
    assert shelf.asked == asked
    for broken in ("lost", "bad"):
        shelf.version = broken
        assert renewed(first) is None
    assert caplog.text.count("the language model stays") == 1
    shelf.version = "two"
    assert renewed(first).version == "base+two"
    shelf.version = None
    assert renewed(first) is base
