"""A real browser without a window, and what it finds wrong with a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
)
OUTSIDE = """
const wide = document.documentElement.clientWidth;
return [...document.body.querySelectorAll("*")].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width > 0 && box.right > wide + 0.5 && !one.closest(".scroll") && !one.closest("svg");
}).map((one) => one.outerHTML.slice(0, 80));
"""
"""What stands out at the right of a page that is shown."""
AXE = """
const done = arguments[arguments.length - 1];
axe.run().then((found) => done(found.violations.map(
  (one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`
)));
"""


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Iterator[Chrome]:
    """Chromium without a window; it logs what the console says and what is fetched."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium: run `make browser`, or install it with its chromedriver")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options, Service(driver))
    yield browser
    browser.quit()


def axe(browser: Chrome) -> list[Any]:
    """What axe-core finds on the page that is shown, which its policy does not keep out."""
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": f"{script};0"})
    return browser.execute_async_script(AXE)


def scheme(browser: Chrome, name: str) -> None:
    """Show pages `light` or `dark`."""
    features = [{"name": "prefers-color-scheme", "value": name}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def width(browser: Chrome, wide: int, high: int = 1400) -> None:
    """Show pages so wide, as a phone would."""
    size = {"width": wide, "height": high, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def keep(browser: Chrome, name: str) -> None:
    """Keep a picture of what is shown, for people."""
    folder = Path(__file__).resolve().parent.parent / ".cache" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(folder / f"{name}.png"))
