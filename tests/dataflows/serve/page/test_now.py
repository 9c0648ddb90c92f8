"""The view Now in a real browser, on a run over a piece of ml-100k."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import OUTSIDE, axe, keep, scheme, width
from tests.dataflows.processes import Run
from tests.dataflows.serve.live.doors import port_of
from tests.dataflows.serve.page.conftest import EVENTS, SETTINGS, event


def shown(browser, served, path="#/now"):
    """Load the page anew and wait for its view."""
    browser.get_log("browser")
    browser.get("about:blank")
    browser.get(f"{served.url}/{path}")
    until(browser, lambda: texts(browser, "h1"))


def until(browser, condition, seconds=30):
    return WebDriverWait(browser, seconds, poll_frequency=0.05).until(lambda _: condition())


def texts(browser, selector) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
    return browser.execute_script(script, selector)


@pytest.fixture(autouse=True)
def as_usual(browser):
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    scheme(browser, "light")
    width(browser, 1280)


def test_it_shows_what_the_status_says(browser, served):
    shown(browser, served)
    with served.door() as door:
        status = door.ask("GET", "/v1/status")
    cells = dict(zip(texts(browser, "#now-ledger th"), [""] * 20, strict=False))
    assert "Learnt" in cells
    ledger = " ".join(texts(browser, "#now-ledger td"))
    assert f"{EVENTS:,}" in ledger
    assert "bad_json" in ledger
    assert "bad_json" in " ".join(texts(browser, "#now-letters td"))
    assert f"{status['users']:,}" in texts(browser, ".cards strong")
    served_rate = round(status["hit_rates"]["served"] * 1000) / 10
    assert f"{served_rate:g} %" in texts(browser, ".cards strong")
    assert len(texts(browser, ".changes li")) > 0
    keep(browser, "now")
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_a_list_that_changes_is_shown_at_once(browser, served):
    shown(browser, served)
    before = texts(browser, ".changes li")
    with served.run.events.open("ab") as events:
        events.write(event(1, "somebody <b>new</b>", "50"))
    until(browser, lambda: texts(browser, ".changes li a")[:1] == ["somebody <b>new</b>"])
    assert len(texts(browser, ".changes li")) <= max(12, len(before))
    assert texts(browser, ".changes b") == []


def test_nothing_comes_from_elsewhere(browser, served):
    browser.get_log("performance")
    shown(browser, served)
    fetched = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            fetched.append(message["params"]["request"]["url"])
    assert len(fetched) > 5
    assert all(url.startswith((served.url, "about:", "data:")) for url in fetched), fetched


@pytest.mark.parametrize("wide", [1280, 800, 390])
@pytest.mark.parametrize("light", ["light", "dark"])
def test_it_fits_and_axe_finds_nothing(browser, served, wide, light):
    width(browser, wide)
    scheme(browser, light)
    shown(browser, served)
    assert browser.execute_script(OUTSIDE) == []
    assert axe(browser) == []
    if wide == 390:
        keep(browser, f"now-phone-{light}")


def test_by_keys_alone_one_gets_to_the_content_and_to_the_other_language(browser, served):
    shown(browser, served)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("id") == "skip"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "view"
    shown(browser, served)
    body = browser.find_element(By.TAG_NAME, "body")
    for _ in range(12):
        body.send_keys(Keys.TAB)
        body = browser.switch_to.active_element
        if body.tag_name == "button":
            break
    body.send_keys(Keys.ENTER)
    until(browser, lambda: texts(browser, "h1") == ["此刻"])
    assert browser.execute_script("return document.documentElement.lang") == "zh"
    assert axe(browser) == []
    keep(browser, "now-zh")
    shown(browser, served)  # it stays
    assert texts(browser, "h1") == ["此刻"]


def test_what_is_no_view_is_told(browser, served):
    browser.get("about:blank")
    browser.get(f"{served.url}/#/nowhere")
    until(browser, lambda: "no such view" in " ".join(texts(browser, "#view")))


def test_where_a_token_is_wanted_it_is_asked_for_and_sent(browser, tmp_path):
    run = Run(tmp_path, settings=SETTINGS)
    run.write(40)
    run.start(env={"PENCHANT_SERVE_TOKENS": "read page-token-0123456789"})
    try:
        browser.get(f"http://127.0.0.1:{port_of(run)}/")
        until(browser, lambda: texts(browser, "#access:not([hidden]) p"))
        assert "wants a token" in texts(browser, "#access p")[0]
        field = browser.find_element(By.CSS_SELECTOR, "#access input")
        field.send_keys("page-token-0123456789", Keys.ENTER)
        until(browser, lambda: "Learnt" in " ".join(texts(browser, "#now-ledger th")))
        assert browser.execute_script("return document.getElementById('access').hidden")
        run.write(1)
        until(browser, lambda: "41" in texts(browser, "#now-ledger td"))
    finally:
        run.process.kill()
        run.process.wait()
