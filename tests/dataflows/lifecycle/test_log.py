"""The log as JSON lines: one object a line, with what text says and without what it masks."""

import json
import logging
import subprocess
import sys

import pytest

from dataflows.config.config import load_config
from dataflows.finetune.run import finetune
from dataflows.lifecycle.log import JsonFormatter
from dataflows.lifecycle.redaction import remember
from tests.dataflows.processes import Run


def written(level=logging.WARNING, message="", args=(), extra=None, error=None):
    log = logging.getLogger("dataflows.test")
    record = log.makeRecord(log.name, level, __file__, 1, message, args, error, extra=extra)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    return json.loads(line)


def test_a_record_is_an_object_with_time_level_logger_and_message():
    line = written(message="%d lists\nof %s", args=(3, "u1"))
    assert set(line) == {"time", "level", "logger", "message"}
    assert line["message"] == "3 lists\nof u1"
    assert (line["level"], line["logger"]) == ("WARNING", "dataflows.test")
    assert line["time"].endswith("Z")
    assert len(line["time"]) == len("2026-12-01T06:00:00.000Z")


def test_extra_fields_stand_apart_as_json_has_them():
    extra = {"route": "/v1/items/{id}", "status": 200, "seconds": 0.5, "far": float("inf")}
    line = written(message="asked", extra=extra | {"of": [1], "none": None})
    assert line["fields"] == extra | {"far": "inf", "of": "[1]", "none": None}


def test_what_text_masks_is_masked_here_wherever_it_stands():
    remember({"password": 'pass"word\\of mine'})
    known = 'pass"word\\of mine'
    error = (ValueError, ValueError(f"refused with {known}"), None)
    extra = {"what": f"password={known}", "api_key": "k-1234", "url": "kafka://me:pw@host"}
    line = written(message="no %s at https://me:pw@host", args=(known,), extra=extra, error=error)
    text = json.dumps(line)
    assert "of mine" not in text
    assert "me:pw" not in text
    assert "k-1234" not in text
    assert line["fields"]["api_key"] == "***"
    assert "ValueError: refused with ***" in line["error"]


def test_a_process_writes_nothing_but_objects(tmp_path):
    run = Run(tmp_path, follow=False)
    text = run.config.read_text().replace("[flow]", "[flow]\nlog_format = 'json'")
    run.config.write_text(text)
    run.write(3)
    ended = subprocess.run(
        [sys.executable, "-m", "dataflows.cli.main", "run", "--config", str(run.config)],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert any(line["message"].startswith("began: ") for line in lines)
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)


def test_fine_tuning_writes_as_the_stream_does(monkeypatch):
    class AskedError(Exception):
        pass

    def set_up(*given):
        raise AskedError(given)

    monkeypatch.setattr("dataflows.finetune.run.set_up_log", set_up)
    config = load_config(None, {"flow.log_format": "json", "flow.log": "error"}, {})
    with pytest.raises(AskedError) as asked:
        finetune(config)
    assert asked.value.args[0] == ("error", "json")
