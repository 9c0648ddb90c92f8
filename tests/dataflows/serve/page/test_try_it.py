"""Take an item, search: the list of the real engine changes, and nothing of it is left."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from contextlib import closing
from urllib.parse import quote

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from dataflows.state.store import Store
from tests.browser import axe, keep
from tests.dataflows.serve.live.doors import Door, port_of
from tests.dataflows.serve.live.test_no_trace import stored
from tests.dataflows.serve.page.running_shop import (
    ENV,
    HOSTILE_TITLE,
    ODD_USER,
    SEARCH,
    event,
    shop_run,
)
from tests.dataflows.serve.page.shown import Page

PLACES = 10


def search(page, text):
    field = page.one(".try-it input[type=search]")
    field.clear()
    field.send_keys(text, Keys.ENTER)


def test_an_item_is_taken_and_the_list_of_somebody_new_changes(browser, url):
    page = Page(browser, url, "person")
    before = page.listed()
    assert len(before) == PLACES
    assert re.search(r"nothing is known yet; [\d,]+ ms", page.one(".try-it .status").text)
    page.all(".places .take")[2].click()
    after = page.until_listed_anew(before)
    assert len(after) == PLACES
    assert [one.partition(" ×")[0] for one in page.texts(".chip")] == [f"took {before[2]}"]  # noqa: RUF001 - the sign on the button
    status = page.one(".try-it .status").text
    assert re.search(r"by the live model, in [\d,]+ ms there and back\. \d+ places changed", status)
    assert page.one("#told").get_attribute("textContent") == status
    assert page.browser.switch_to.active_element == page.one(".try-it .status")
    assert any(before[2] in why for why in page.texts(".why"))
    page.one(".chip button").click()
    page.until(lambda: page.listed() == before)
    assert page.errors() == []


def test_what_the_page_lists_is_what_the_engine_answers(browser, url):
    page = Page(browser, url, "person", "u00018")
    asked = {"explain": True, "signals": True}
    with Door(int(url.rpartition(":")[2])) as door:
        answer = door.ask("POST", "/v1/users/u00018/recommendations", asked)
    assert page.listed() == [one["title"] for one in answer["items"]]
    assert page.texts(".why") == [" · ".join(one["reasons"]) for one in answer["items"]]
    first = page.all(".place")[0].find_elements(By.CSS_SELECTOR, ".signal .figure")
    told = [float(one.text) for one in first]
    assert told == [round(worth, 3) for worth in answer["items"][0]["signals"].values()]
    script = "return [...arguments].map((one) => one.style.getPropertyValue('--share'))"
    bars = page.all(".place:first-child .fill")
    shares = [float(one) for one in browser.execute_script(script, *bars)]
    most = max(abs(x) for one in answer["items"] for x in one["signals"].values())
    worth = [abs(one) / most for one in answer["items"][0]["signals"].values()]
    assert [round(one, 6) for one in shares] == [round(one, 6) for one in worth]


def test_a_search_changes_the_list_and_its_answers_lead(browser, url):
    page = Page(browser, url, "person", "u00018")
    before = page.listed()
    search(page, SEARCH)
    after = page.until_listed_anew(before)
    assert any("helmet" in title for title in after[:3])
    assert any(f"“{SEARCH}”" in why for why in page.texts(".why"))
    assert "search" in page.texts(".place:first-child dt")
    page.all(".places .take")[0].click()
    page.until_listed_anew(after)
    assert len(page.all(".chip")) == 2
    page.all(".tried button")[-1].click()  # begin anew
    page.until(lambda: page.listed() == before)


def test_it_can_be_tried_with_the_keyboard_alone(browser, url):
    page = Page(browser, url, "person")
    before = page.listed()
    page.one("body").click()
    for _ in range(80):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        if page.browser.switch_to.active_element.get_attribute("class") == "take":
            break
    label = page.browser.switch_to.active_element.get_attribute("aria-label")
    assert label == f"Take {before[0]}"
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert len(page.until_listed_anew(before)) == PLACES
    assert f"took {before[0]}" in page.texts(".chip")[0]


def test_a_user_is_found_without_an_id_and_two_stand_side_by_side(browser, url):
    page = Page(browser, url, "person")
    page.until(lambda: ODD_USER in page.texts(".lately a"))
    link = next(one for one in page.all(".lately a") if one.text == ODD_USER)
    link.click()
    page.until(lambda: page.texts(".column h2") == [ODD_USER])
    page.wait()
    assert len(page.listed()) == PLACES
    assert page.texts(".history a")[0] == HOSTILE_TITLE
    second = page.all("form.line input")[1]
    second.send_keys("u00018", Keys.ENTER)
    page.until(lambda: page.texts(".column h2") == [ODD_USER, "u00018"])
    page.wait()
    assert len(page.listed(1)) == len(page.listed(2)) == PLACES
    assert page.listed(1) != page.listed(2)
    left, right = page.all(".column")
    assert left.rect["y"] == right.rect["y"]
    assert left.rect["x"] + left.rect["width"] <= right.rect["x"]
    assert page.errors() == []


def test_a_real_event_refreshes_what_is_shown(browser, url, shop):
    page = Page(browser, url, "person", "u00011")
    before = page.texts(".history a")
    with Door(int(url.rpartition(":")[2])) as door:
        newest = door.ask("GET", "/v1/users?k=1")["users"][0]
        offered = door.ask("GET", "/v1/users/u00011/recommendations")["items"][0]
        sent = json.loads(event("live1", "u00011", offered["item_id"], newest["ts"] + 60))
        door.ask("POST", "/v1/events?wait=list", [sent])
    page.until(lambda: page.texts(".history a")[:1] == [offered["title"]])
    assert page.texts(".history a")[1:3] == before[:2]
    assert page.texts("polyline")  # a belief after an event is remembered


PRESS_TWO = """
const buttons = document.querySelectorAll(".places .take");
buttons[0].click();
buttons[1].click();
"""


def test_two_items_taken_at_once_give_the_list_of_both_on_real_films(browser, served):
    """What comes first is not shown over what is newer. Here nobody takes an item again."""
    page = Page(browser, served.url, "person")
    user = page.texts(".lately a")[0]
    page = Page(browser, served.url, "person", user)
    path = f"/v1/users/{quote(user, safe='')}/recommendations"
    with served.door() as door:
        ids = [one["item_id"] for one in door.ask("GET", path)["items"][:2]]
        context = {"items": ids, "search": "star wars"}
        both = titles(door.ask("POST", path, {"context": {"items": ids}}))
        searched = titles(door.ask("POST", path, {"context": context}))
    taken = page.listed()[:2]
    browser.execute_script(PRESS_TWO)
    page.until(lambda: page.listed() == both)
    page.wait()
    assert page.listed() == both
    assert not {*taken} & {*both}
    search(page, "star wars")
    page.until(lambda: page.listed() == searched)
    assert "War" in searched[0]  # the best answer that this user has not seen
    assert "search" in page.texts(".place:first-child dt")
    assert "star wars" in page.texts(".why")[0]
    keep(browser, "tried-on-films")


def titles(answer):
    return [one["title"] for one in answer["items"]]


def test_a_server_that_is_gone_is_told(browser, tmp_path):
    run = shop_run(tmp_path, events=60)
    run.start(env=ENV)
    try:
        page = Page(browser, f"http://127.0.0.1:{port_of(run)}", "person")
        run.stop()
        page.all(".places .take")[0].click()
        page.until(lambda: "could not be had" in "".join(page.texts(".try-it .problem")))
    finally:
        run.end()


def followers(url):
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        told = answer.read().decode()
    return float(re.search(r"^penchant_stream_clients (.*)$", told, re.MULTILINE)[1])


def test_who_leaves_a_view_follows_nobody_any_more(browser, url):
    Page(browser, url, "catalogue")
    page = Page(browser, url, "person", "u00018", "u00011")
    page.until(lambda: followers(url) == 2)
    page.all("#tabs a")[-1].click()
    page.until(lambda: page.texts("h1") == ["Catalogue"])
    page.until(lambda: followers(url) == 0)


def test_what_was_tried_is_told_to_a_screen_reader_and_axe_finds_nothing(browser, url):
    page = Page(browser, url, "person", "u00018", language="zh")
    before = page.listed()
    page.all(".places .take")[0].click()
    page.until_listed_anew(before)
    assert page.texts(".moved")
    assert axe(browser) == []


def test_a_sandbox_leaves_no_trace(browser, tmp_path):
    """Two runs over one log, the second looked at and tried in all ways: they store the same."""
    kept = []
    for name in ("silent", "tried"):
        folder = tmp_path / "run"  # the same for both, since the log's name is stored
        folder.mkdir()
        run = shop_run(folder, events=300)
        lines = run.events.read_text().splitlines(keepends=True)
        run.events.write_text("".join(lines[:200]))
        run.start(env=ENV)
        try:
            port = port_of(run)
            with Door(port) as door:
                door.until_learnt(run)
                if name == "tried":
                    try_everything(browser, f"http://127.0.0.1:{port}")
                with run.events.open("a") as file:
                    file.write("".join(lines[200:]))
                door.until_learnt(run)
            assert run.stop(signal.SIGTERM) == 0, run.said
        finally:
            run.end()
        with closing(Store.reader(folder / "state")) as store:
            kept.append((sent(run), stored(store)))
        folder.rename(tmp_path / name)
    assert kept[0][0] == kept[1][0]
    assert kept[0][1] == kept[1][1]
    assert len(kept[0][1]) > 5


def try_everything(browser, url):
    page = Page(browser, url, "person")
    before = page.listed()
    page.all(".places .take")[0].click()
    page.until_listed_anew(before)
    for user in ("u00018", "never seen"):
        page = Page(browser, url, "person", user)
        before = page.listed()
        page.all(".places .take")[1].click()
        after = page.until_listed_anew(before)
        search(page, SEARCH)
        page.until_listed_anew(after)
    Page(browser, url, "catalogue")
    Page(browser, url, "catalogue", "search", SEARCH, "u00018")


def sent(run):
    """The lists that went out, without when."""
    return [{**json.loads(line), "time": None} for line in run.lines()]


def test_the_page_comes_with_a_strict_policy_and_nothing_from_elsewhere(url):
    with urllib.request.urlopen(url) as answer:
        policy, body = answer.headers["content-security-policy"], answer.read().decode()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?://", body)
    assert "<style" not in body
    assert re.findall(r"<script[^>]*>([^<]*)</script>", body) == [""]
