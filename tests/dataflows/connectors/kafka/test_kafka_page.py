"""docs/how-to/kafka.md: its commands run in order, and print what it says.

The page has the default names of topics, so only a broker of our own will do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.told import as_told, marked

PAGE = Path(__file__).resolve().parents[4] / "docs" / "how-to" / "kafka.md"

pytestmark = [pytest.mark.slow, pytest.mark.kafka]


def test_the_page_does_what_it_says(own_broker, shell) -> None:
    blocks = marked(PAGE.read_text("utf-8"), "kafka")
    assert len(blocks) > 5
    printed = ""
    try:
        for kind, block in blocks:
            if kind == "run":
                printed = shell("exec 2>&1\n" + block.replace("localhost:9092", own_broker.servers))
                continue
            missing = [line for line in block.splitlines() if not as_told(line).search(printed)]
            assert missing == [], printed
    finally:
        shell("kill -9 $(cat penchant.pid) 2> /dev/null || true")
