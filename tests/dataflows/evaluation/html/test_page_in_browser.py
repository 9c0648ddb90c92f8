"""The page of a replay in a real browser: it fits, it is legible, it is whole, it is alone."""

from __future__ import annotations

import json
from itertools import combinations, product
from typing import Any, NamedTuple

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import OUTSIDE

WIDE, MIDDLE, PHONE = 1280, 800, 390
SECTIONS = [
    "Summary",
    "Side by side",
    "Over the stream",
    "New users, new items",
    "Hits by rank",
    "Calibration",
    "Candidates",
    "What was shown",
    "What each signal gives",
    "Intent",
    "Latency and speed",
    "How it was made",
]
TEXTS = """
return [...document.querySelectorAll("figure svg[role=img]")].filter(
  (svg) => svg.getBoundingClientRect().width > 0
).map((svg) => {
  const box = (one) => {
    const at = one.getBoundingClientRect();
    return [at.left, at.top, at.right, at.bottom];
  };
  return {
    name: svg.closest("figure").id,
    box: box(svg),
    scale: svg.getBoundingClientRect().width / svg.viewBox.baseVal.width,
    texts: [...svg.querySelectorAll("text")].map((one) => [one.textContent, box(one)]),
  };
});
"""


class Seen(NamedTuple):
    """A page as it is shown: in which width, and what the browser logged while it loaded."""

    browser: Chrome
    width: int
    url: str
    console: list[Any]
    fetched: list[str]


def opened(browser: Chrome, url: str, width: int, scheme: str) -> Seen:
    browser.get("about:blank")
    for name in ("browser", "performance"):
        browser.get_log(name)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {
            "features": [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
        },
    )
    browser.get(url)
    logged = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    fetched = [
        entry["params"]["request"]["url"]
        for entry in logged
        if entry["method"] == "Network.requestWillBeSent"
    ]
    return Seen(browser, width, url, browser.get_log("browser"), fetched)


@pytest.fixture(
    scope="module",
    params=[
        *product(("small", "crowded"), (WIDE, PHONE), ("light",)),
        ("crowded", MIDDLE, "light"),
        ("crowded", PHONE, "dark"),
    ],
    ids=lambda each: "-".join(map(str, each)),
)
def seen(request, browser, pages) -> Seen:
    name, width, scheme = request.param
    return opened(browser, pages[name].as_uri(), width, scheme)


def test_nothing_is_wider_than_the_screen(seen) -> None:
    assert seen.browser.execute_script("return innerWidth") == seen.width
    fits = "const page = document.documentElement; return page.scrollWidth <= page.clientWidth"
    assert seen.browser.execute_script(fits)
    assert seen.browser.execute_script(OUTSIDE) == []


def test_the_console_is_silent_and_no_request_leaves_the_page(seen) -> None:
    assert seen.console == []
    assert seen.url in seen.fetched  # so the log does hold what is fetched
    assert {url for url in seen.fetched if not url.startswith("data:")} == {seen.url}


def test_every_section_is_there(seen) -> None:
    heads = [head.text for head in seen.browser.find_elements(By.TAG_NAME, "h2")]
    assert heads == SECTIONS


def test_each_figure_shows_one_drawing_with_legible_words_apart_from_each_other(seen) -> None:
    drawings = seen.browser.execute_script(TEXTS)
    names = [drawing["name"] for drawing in drawings]
    assert len(names) == len(set(names)) > 18
    assert len(names) == len(seen.browser.find_elements(By.TAG_NAME, "figure"))
    for drawing in drawings:
        assert 12.5 * drawing["scale"] > 9.4, drawing["name"]
        left, top, right, bottom = drawing["box"]
        for words, (x0, y0, x1, y1) in drawing["texts"]:
            inside = x0 >= left - 1 and x1 <= right + 1 and y0 >= top - 1 and y1 <= bottom + 1
            assert inside, (drawing["name"], words)
        for (one, a), (other, b) in combinations(drawing["texts"], 2):
            apart = a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 2 or b[3] <= a[1] + 2
            assert apart, (drawing["name"], one, other)


def test_the_axes_are_named(seen) -> None:
    for drawing in seen.browser.execute_script(TEXTS):
        if not drawing["name"].startswith("signal-"):
            assert len(drawing["texts"]) >= 3, drawing["name"]


def test_nothing_hostile_has_run(seen) -> None:
    assert seen.browser.execute_script("return typeof hacked") == "undefined"
    assert seen.browser.find_elements(By.TAG_NAME, "img") == []
    assert len(seen.browser.find_elements(By.CSS_SELECTOR, "script:not([type])")) == 1


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_values_show_where_one_points(browser, pages, report, width) -> None:
    opened(browser, pages["small"].as_uri(), width, "light")
    tip = browser.find_element(By.ID, "tip")
    assert not tip.is_displayed()
    bands = browser.find_elements(By.CSS_SELECTOR, "#running .band")
    shown = [band for band in bands if band.is_displayed()]
    assert len(shown) == len(report["running"]["events"])
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", shown[3])
    value = report["running"][f"hr@{report['k']}"]["tie_safe"][3]

    def is_told(_: Chrome) -> bool:  # scrolling, which goes on for a moment, hides it again
        ActionChains(browser).move_to_element(shown[3]).perform()
        return f"{value:.3f}  penchant" in tip.text

    WebDriverWait(browser, 120).until(is_told)
    box = tip.rect
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_a_line_stands_out_when_its_key_is_pressed(browser, pages) -> None:
    opened(browser, pages["small"].as_uri(), WIDE, "light")
    key = browser.find_element(By.CSS_SELECTOR, "#running .keys button[data-s=popularity]")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", key)
    key.click()
    faded = browser.find_elements(By.CSS_SELECTOR, "#running .w1040 .line.faded")
    assert {line.get_attribute("data-s") for line in faded} == {"tie_safe", "popularity-decayed"}
    assert key.get_attribute("aria-pressed") == "true"
    key.click()
    assert browser.find_elements(By.CSS_SELECTOR, "#running .faded") == []


def test_the_scheme_is_followed(browser, pages) -> None:
    colours = []
    for scheme in ("light", "dark"):
        opened(browser, pages["small"].as_uri(), WIDE, scheme)
        colours.append(browser.find_element(By.TAG_NAME, "body").value_of_css_property("color"))
    assert colours[0] != colours[1]


def test_the_page_is_whole_without_its_script(browser, pages) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(browser, pages["small"].as_uri(), WIDE, "light")
        assert len(browser.find_elements(By.TAG_NAME, "h2")) == len(SECTIONS)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


SHADES = """
return [...document.querySelectorAll(".scroll")].filter(
  (one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1
).map((one) => {
  const style = getComputedStyle(one);
  return [style.backgroundAttachment, style.backgroundImage.split("linear-gradient").length - 1];
});
"""


def test_tables_that_go_on_to_the_right_show_it_on_a_phone(browser, pages) -> None:
    opened(browser, pages["crowded"].as_uri(), PHONE, "light")
    hint = browser.find_element(By.CSS_SELECTOR, "#summary .sideways")
    assert hint.is_displayed()
    shades = browser.execute_script(SHADES)
    assert len(shades) >= 2  # all methods, and another
    assert all(each == ["local, local, scroll, scroll", 4] for each in shades)
    opened(browser, pages["small"].as_uri(), WIDE, "light")
    assert not browser.find_element(By.CSS_SELECTOR, "#summary .sideways").is_displayed()
    table = browser.find_element(By.CSS_SELECTOR, "#summary .scroll")
    fits = "return arguments[0].scrollWidth <= arguments[0].clientWidth"
    assert browser.execute_script(fits, table)  # so there is nothing to be said of it
