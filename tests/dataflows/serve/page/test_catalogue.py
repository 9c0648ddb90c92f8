"""The catalogue in a browser: charts, search, an item with its neighbours of each kind."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from tests.dataflows.serve.live.doors import Door
from tests.dataflows.serve.page.running_shop import HOSTILE_TITLE, ODD_ITEM, SEARCH
from tests.dataflows.serve.page.shown import Page

BOARD = "most-looked-at"
CHARTS = {"Rising": "trending", "Falling": "falling", "Popular": "popular", "Newest": "latest"}
RELATIONS = {"Similar": "similar", "Together": "together", "Next": "next"}
LISTS = """
return Object.fromEntries([...document.querySelectorAll("section.piece")].map((one) => [
  one.querySelector("h2, h3").textContent,
  [...one.querySelectorAll(":scope > div > ol a:not(.category)")].map((link) => link.textContent),
]));
"""


def titles(answer):
    return [one["title"] for one in answer["items"]]


@pytest.fixture
def door(url):
    with Door(int(url.rpartition(":")[2])) as made:
        yield made


def test_what_rises_and_falls_is_what_the_engine_answers(browser, url, door):
    page = Page(browser, url, "catalogue")
    shown = browser.execute_script(LISTS)
    asked = {name: titles(door.ask("GET", f"/v1/{path}?k=10")) for name, path in CHARTS.items()}
    asked[BOARD] = titles(door.ask("GET", f"/v1/leaderboards/{BOARD}?k=10"))
    assert {name: shown[name] for name in asked} == asked
    assert all(asked.values())
    assert not {*asked["Rising"]} & {*asked["Falling"]}
    assert HOSTILE_TITLE in asked["Newest"]
    assert page.errors() == []


def test_a_category_is_looked_at_alone(browser, url, door):
    page = Page(browser, url, "catalogue")
    link = page.one(".category")
    category = link.text
    link.click()
    page.until(lambda: category in "".join(page.texts("main strong")))
    page.wait()
    asked = titles(door.ask("GET", f"/v1/popular?k=10&category={quote(category)}"))
    page.until(lambda: browser.execute_script(LISTS).get("Popular") == asked)
    assert {*page.texts(".scored .category")} == {category}


def test_an_item_has_its_neighbours_of_each_kind(browser, url, door):
    page = Page(browser, url, "catalogue")
    item = door.ask("GET", "/v1/popular?k=1")["items"][0]
    next(one for one in page.all("ol a") if one.text == item["title"]).click()
    page.until(lambda: page.texts("h2") == [item["title"]])
    page.wait()
    page.until(lambda: len(page.texts("section.piece section.piece ol")) == len(RELATIONS))
    shown = browser.execute_script(LISTS)
    for name, path in RELATIONS.items():
        asked = titles(door.ask("GET", f"/v1/items/{item['item_id']}/{path}?k=10"))
        assert shown[name] == asked
        assert asked


def test_what_is_searched_for_is_found_and_put_in_order_for_a_user(browser, url, door):
    page = Page(browser, url, "catalogue")
    page.one("form[role=search] input").send_keys(SEARCH, Keys.ENTER)
    page.until(lambda: page.texts("h2") == [f"Found for “{SEARCH}”"])
    page.wait()
    query = f"/v1/search?q={SEARCH.replace(' ', '+')}&k=20"
    assert page.texts("ol.scored a:not(.category)") == titles(door.ask("GET", query))
    assert re.fullmatch(r"20 items in [\d,]+ ms, there and back\.", page.one(".status").text)
    whose = page.all("form[role=search] input")[1]
    whose.send_keys("u00018", Keys.ENTER)
    own = titles(door.ask("GET", f"{query}&user=u00018"))
    page.until(lambda: page.texts("ol.scored a:not(.category)") == own)


def test_an_id_with_odd_characters_is_reached_and_html_is_shown_as_text(browser, url):
    page = Page(browser, url, "catalogue", "item", ODD_ITEM)
    page.until(lambda: page.texts("h2") == [HOSTILE_TITLE])
    assert ODD_ITEM in page.texts(".facts dd")
    assert "<i>x</i>" in page.texts(".facts .category")
    assert browser.execute_script("return typeof hacked") == "undefined"
    assert page.all("main img, main b, main i") == []
    assert page.errors() == []


@pytest.mark.parametrize("view", ["person", "catalogue/item"])
def test_an_id_that_no_browser_can_ask_for_is_told(browser, url, view):
    page = Page(browser, url, *view.split("/"), "..")
    assert "dataflows.client" in page.one(".problem").text


def test_an_item_that_nobody_has_heard_of_is_told(browser, url):
    page = Page(browser, url, "catalogue", "item", "nothing")
    assert "'nothing' was never heard of" in page.one(".problem").text
