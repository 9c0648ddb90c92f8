from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from penchant_format_webshop import open_log

from dataflows.datasets.convert import convert
from dataflows.datasets.testing import FORMAT_CHECKS

SHOP = Path(__file__).parent / "shop"


@pytest.mark.parametrize("check", FORMAT_CHECKS, ids=lambda check: check.__name__)
def test_it_is_a_format(check) -> None:
    check(open_log, SHOP)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_and_items_are_what_the_shop_wrote(tmp_path) -> None:
    report = convert("webshop", SHOP, tmp_path)
    first, search, bought, _ = lines(report.events_path)
    assert first == {
        "event_id": "webshop-2",
        "user_id": "ada",
        "type": "view",
        "item_id": "k1",
        "session_id": "v1",
        "ts": 1_714_550_400,
    }
    assert (search["type"], search["text"], "item_id" in search) == ("search", "red kettle", False)
    assert bought["item_id"] == "k2"
    kettle, _, teapot = lines(report.items_path)
    assert kettle == {
        "item_id": "k1",
        "title": "Kettle, steel",
        "categories": ["Kitchen"],
        "attributes": {"price": "29.00"},
    }
    assert "attributes" not in teapot
    assert report.join.unused_examples == ("t1",)


def test_without_products_there_are_events_and_a_remark(tmp_path) -> None:
    shutil.copy(SHOP / "clicks.tsv", tmp_path)
    report = convert("webshop", tmp_path, tmp_path / "out")
    assert (report.events, report.items) == (4, 0)
    assert "There is no products.tsv beside it: no items." in report.remarks


def test_a_bad_time_costs_its_row(tmp_path) -> None:
    text = (SHOP / "clicks.tsv").read_text().replace("2024-05-01T08:00:07Z", "at eight")
    (tmp_path / "clicks.tsv").write_text(text)
    report = convert("webshop", tmp_path, tmp_path / "out")
    assert report.refused == {"not a time": 1}
    assert report.events == 3
