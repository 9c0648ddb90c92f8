"""The page on HTTP: its examples are run, and its statuses are those that are described."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dataflows.config.config import settings
from dataflows.serve.http.openapi import document
from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door, port_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "serve.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(curl.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_curl_of_the_page_is_answered(tmp_path):
    run = Run(tmp_path, settings="[serve]\nenabled = true\nport = 0\n")
    run.write(60)
    run.start()
    try:
        port = port_of(run)
        with Door(port) as door:
            door.until_learnt(run)
        assert len(BLOCKS) == 5
        answers = []
        for block in BLOCKS:
            for command in re.split(r"\n(?=curl)", block.replace("\\\n", " ").strip()):
                here = command.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
                done = subprocess.run(
                    ["bash", "-c", here], capture_output=True, timeout=60, check=False
                )
                assert done.returncode == 0, (command, done.stdout, done.stderr)
                answers.append(json.loads(done.stdout))
    finally:
        run.process.kill()
        run.process.wait()
    assert answers[0]["list"]["user_id"] == "ann"
    assert len(answers[1]["items"]) == 5
    assert answers[3]["user_id"] is None


def test_the_page_names_every_status_and_settings_that_there_are():
    rows = re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE)
    told = {status for row in rows for status in row.split(", ")}
    described = {
        status
        for methods in json.loads(document())["paths"].values()
        for one in methods.values()
        for status in one["responses"]
        if status >= "400"
    }
    assert described - told <= {"409", "500"}
    known = {name for name, _ in settings()}
    for name in re.findall(r"`(serve\.\w+)`", PAGE):
        assert name in known
