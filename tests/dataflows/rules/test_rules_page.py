"""The page on rules: its file is one, and its calls are answered."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dataflows.rules.book import read_rules
from learners.ranking.rules.kinds import Rule
from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import Door, port_of

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "rules.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_file_of_the_page_holds_a_rule_of_each_kind_and_all_calls_are_answered(tmp_path):
    files = [text for language, text in BLOCKS if language == "toml"]
    (tmp_path / "rules.toml").write_text(files[1])
    book = read_rules(tmp_path / "rules.toml")
    every = {type(rule) for one in book.scenarios.values() for rule in one.rules}
    assert {type(rule) for rule in (*book.sent.rules, *book.asked.rules)} <= every
    kinds = {kind.__struct_config__.tag for kind in Rule.__args__}
    assert kinds == set(re.findall(r'^kind = "(\w+)"', files[1], re.MULTILINE))
    assert kinds == set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)))
    )
    settings = files[0].replace('"rules.toml"', f'"{tmp_path}/rules.toml"')
    run = Run(tmp_path, settings=f"{settings}\n[serve]\nenabled = true\nport = 0\n")
    run.write(40)
    run.start()
    try:
        port = port_of(run)
        with Door(port) as door:
            door.until_learnt(run)
        calls = [text for language, text in BLOCKS if language == "bash"]
        assert len(calls) == 2
        for call in calls:
            done = subprocess.run(
                ["bash", "-c", call.replace("8080", str(port)).replace("curl", "curl -f")],
                check=True,
                capture_output=True,
                text=True,
            )
            assert '"list_id"' in done.stdout
    finally:
        run.process.kill()
        run.process.wait()
